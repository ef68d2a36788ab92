"""The search: on a bridge that only replays, which costs no process, and on one with the CLI."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FlakyStrategyDefinition

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.fuzz.bodies import Case, cases
from tests.fuzz.found import FOUND
from tests.fuzz.raw import requests
from tests.fuzz.trying import Target, Wrong
from tests.scripted import sealed_environment


@contextmanager
def replaying() -> Iterator[Target]:
    """A bridge that only replays, and has nothing to replay: what is right is a 409."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "empty").mkdir()
        # Nobody listens there: no CLI is ever started.
        environment = sealed_environment(Path(directory), "http://127.0.0.1:9")
        chosen = Settings(cassette=f"{directory}/empty", record="none")
        with Bridge(chosen, environment=environment) as bridge:
            bridge.wait_ready()
            yield Target(bridge)


@dataclass(slots=True)
class Search:
    """What is tried on `target`; `tally` counts the answers by status."""

    target: Target
    tally: Counter[str] = field(default_factory=Counter)

    def found_before(self) -> None:
        for case in FOUND.values():
            self._body(case)

    def bodies(self, examples: int, start: int) -> None:
        """
        Raises:
            Wrong: a body got an answer that none may get; Hypothesis prints the smallest.
        """

        @given(cases())
        def attempt(case: Case) -> None:
            self._body(case)

        _run(attempt, examples, start)

    def bytes(self, examples: int, start: int) -> None:
        """As `bodies`, with what is hardly HTTP."""

        @given(requests())
        def attempt(sent: bytes) -> None:
            for status in self.target.raw(sent):
                self.tally[f"raw {status}"] += 1
            if not self.target.is_well():
                raise Wrong(f"the bridge is not well after {sent[:300]!r}")

        _run(attempt, examples, start)

    def _body(self, case: Case) -> None:
        self.tally[f"{case.path.removeprefix('/v1/')} {self.target.body(case)}"] += 1


def _run(attempt: Callable[[], None], examples: int, start: int) -> None:
    bounded = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    # Hypothesis now and then calls a draw over a list this long unstable, and gives the rest up.
    with suppress(FlakyStrategyDefinition):
        bounded(seed(start)(attempt))()
