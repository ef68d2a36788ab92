"""What a replay takes: of the time that its recording took, and until its first answer."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Answer, Pause, Refuse
from claude_run.settings import Settings
from claude_run.turn import Text, TurnRequest, UserTurn
from tests.benchmarks import Row
from tests.cassette.tapes import record, recording, replaying, without_claude
from tests.cassette.test_recipe import grade, optimise
from tests.clients.test_optimiser import Doubling, Run, optimised
from tests.scripted import ScriptedUpstream, sealed_environment
from tests.verified import remember_what_works

RUNS: Final = 9
MODEL_SECONDS: Final = 1.0
YARDSTICK: Final = (sys.executable, "-c", "import fastapi, uvicorn")
QUESTION: Final = "What is Python?"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory, ScriptedUpstream() as upstream:
        here = Path(directory)
        yield _start(here / "start")
        environment = sealed_environment(here, upstream.url)
        remember_what_works(environment)
        yield _threads(here / "threads", upstream, environment)
        if find_spec("dspy") is not None:  # where the clients are tested
            yield from _miprov2(here / "miprov2", upstream, environment)


def _start(here: Path) -> Row:
    record(here / "cassette", TurnRequest("sonnet", (UserTurn((Text(QUESTION),)),)))
    environment = without_claude(here)
    settings = Settings(cassette=str(here / "cassette"), record="none")

    def imported() -> float:
        return _seconds(lambda: subprocess.run(YARDSTICK, env=environment, check=True))

    imports, answers = [], []
    for _ in range(RUNS + 1):
        imports.append(imported())
        answers.append(_until_the_first_answer(settings, environment))
    base, ours = median(imports[1:]), median(answers[1:])  # the first ones read from the disk
    note = f"{ours:.3f} s to {base:.3f} s of `import fastapi, uvicorn`"
    return Row("replaying bridge, from its start to its first answer", ours / base, note, 2.0)


def _until_the_first_answer(settings: Settings, environment: dict[str, str]) -> float:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": QUESTION}]}
    began = time.perf_counter()
    with Bridge(settings, environment=environment) as bridge:
        address = urlsplit(bridge.base_url).netloc
        with closing(HTTPConnection(address)) as connection:
            key = {"Authorization": f"Bearer {bridge.api_key}"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), key)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            return time.perf_counter() - began


def _threads(here: Path, upstream: ScriptedUpstream, environment: dict[str, str]) -> Row:
    upstream.answer = lambda request: _thinking(grade(request))

    def recorded() -> None:
        with recording(here / "cassette", environment) as bridge:
            optimise(bridge)

    def replayed() -> None:
        with replaying(here / "cassette", here) as bridge:
            optimise(bridge)

    return _row("an optimiser of 40 calls in eight threads", recorded, replayed)


def _miprov2(here: Path, upstream: ScriptedUpstream, environment: dict[str, str]) -> Iterator[Row]:
    model = Doubling(upstream)
    upstream.answer = lambda request: _thinking(model(request))
    here.mkdir()
    run: list[Run] = []

    def recorded() -> None:
        run.append(optimised(here / "cassette", environment, "--record", "new"))

    def replayed() -> None:
        optimised(here / "cassette", without_claude(here), "--record", "none")

    yield _row("DSPy's MIPROv2 in eight threads, its start included", recorded, replayed)
    yield _waiting(run[0])


def _waiting(run: Run) -> Row:
    """Of the time that an optimiser's calls took, what no model was asked in."""
    calls, totals = run.report["totals"]["calls"], run.report["totals"]
    waited, taken = totals["queued_seconds"], sum(c["seconds"] for c in run.report["calls"])
    note = f"{waited:.1f} s of {taken:.1f} s that its {calls} calls took together"
    return Row("DSPy's MIPROv2, waiting for a session", waited / taken, note)


def _row(what: str, recorded: Callable[[], None], replayed: Callable[[], None]) -> Row:
    base = _seconds(recorded)
    ours = median(_seconds(replayed) for _ in range(3))
    note = f"{ours:.1f} s to {base:.1f} s of recording, a model time of {MODEL_SECONDS:g} s"
    return Row(f"{what}, replayed", ours / base, note, at_most=1.0)


def _thinking(answer: Answer) -> Answer:
    if isinstance(answer, Refuse):
        return answer
    return replace(answer, blocks=(Pause(MODEL_SECONDS), *answer.blocks))


def _seconds(done: Callable[[], object]) -> float:
    began = time.perf_counter()
    done()
    return time.perf_counter() - began
