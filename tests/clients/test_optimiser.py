"""DSPy's MIPROv2, with eight calls in flight: the program claude-run is most for."""

import json
import re
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from claude_run.rehearsal.answers import Hold, Reply
from claude_run.turn import JsonObject
from tests.cassette.tapes import without_claude
from tests.clients.fields import fill
from tests.clients.upstream import told
from tests.scripted import ScriptedUpstream, system_of, turns

OPTIMISE = Path(__file__).parent / "programs" / "optimise.py"
EIGHT = 8
HARD = range(200, 204)
IDEA = "An idea"


class Doubling:
    """A model that doubles the last number of a question, and has an idea for whatever else it
    is asked for. Hard questions it answers only where its instruction is such an idea, and none of
    the two hundreds until eight of them are waiting."""

    def __init__(self, upstream: ScriptedUpstream) -> None:
        self._upstream = upstream
        self._all_waiting = threading.Event()

    def __call__(self, request: JsonObject) -> Reply:
        reply = fill(request, lambda name: self._value(name, request))
        if re.search(r"twice 2\d\d", _asked(request)):
            return replace(reply, blocks=(Hold(self._eight_are_waiting), *reply.blocks))
        return reply

    def _value(self, name: str, request: JsonObject) -> str:
        if name != "answer":
            return f"{IDEA} for {name}."
        number = int(re.findall(r"twice (\d+)", _asked(request))[-1])
        is_lost = number in HARD and IDEA not in system_of(request)
        return "many" if is_lost else str(2 * number)

    def _eight_are_waiting(self) -> bool:
        if self._upstream.active >= EIGHT:
            self._all_waiting.set()
        return self._all_waiting.is_set()


def _asked(request: JsonObject) -> str:
    return told(request)[-1][1]


@dataclass(frozen=True)
class Run:
    """What the program said of its optimising, and claude-run of its calls."""

    result: JsonObject
    report: JsonObject

    @property
    def calls(self) -> Counter[str]:
        return Counter(call["asked_model"] for call in self.report["calls"])

    @property
    def cassette(self) -> JsonObject:
        told: JsonObject = self.report["runs"][0]["cassette"]
        return told


def optimised(cassette: Path, environment: dict[str, str], *options: str) -> Run:
    report = cassette.with_suffix(".report.json")
    chosen = ("--model-map", "gpt-*=sonnet", "--cassette", str(cassette), "--json", str(report))
    finished = subprocess.run(
        [sys.executable, "-m", "claude_run", *chosen, *options, "--", sys.executable, OPTIMISE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return Run(json.loads(finished.stdout.splitlines()[-1]), json.loads(report.read_bytes()))


@pytest.fixture(scope="module")
def recorded(
    environment: dict[str, str],
    gateway: dict[str, str],
    shared_upstream: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Run, list[JsonObject]]:
    """The cassette of a run, the run, and what upstream was asked in it."""
    cassette = tmp_path_factory.mktemp("optimised") / "cassette"
    shared_upstream.forget()
    shared_upstream.answer = Doubling(shared_upstream)
    run = optimised(cassette, {**environment, **gateway}, "--record", "new")
    return cassette, run, shared_upstream.requests


@pytest.mark.timeout(600)
def test_an_optimiser_with_eight_calls_in_flight(
    recorded: tuple[Path, Run, list[JsonObject]],
) -> None:
    _, run, requests = recorded
    assert run.result["answers"] == {f"What is twice {n}?": str(2 * n) for n in range(300, 316)}
    assert run.result["score"] == 100
    assert set(run.result["trials"]) == {50, 100}
    assert IDEA in run.result["instructions"][0]
    for request in requests:
        assert system_of(request).startswith("Your input fields are:")
        roles = [turn["role"] for turn in turns(request)]
        assert roles == [("user", "assistant")[place % 2] for place in range(len(roles))]
    assert any(len(turns(request)) > 1 for request in requests)


@pytest.mark.timeout(600)
def test_it_is_replayed_three_times_without_claude_and_comes_to_the_same(
    recorded: tuple[Path, Run, list[JsonObject]],
    gateway: dict[str, str],
    shared_upstream: ScriptedUpstream,
    tmp_path: Path,
) -> None:
    cassette, run, requests = recorded
    assert run.cassette["recorded"] == len(requests) == run.calls.total()
    assert not any((tmp_path / "home").glob("*"))
    for _ in range(3):
        environment = {**without_claude(tmp_path), **gateway, "CI": "true"}
        again = optimised(cassette, environment, "--fail-on", "miss,unused")
        assert again.result == run.result
        assert again.calls == run.calls
        assert again.cassette["replayed"] == len(requests)
        assert (again.cassette["missed"], again.cassette["unused"]) == (0, [])
    assert len(shared_upstream.requests) == len(requests)
