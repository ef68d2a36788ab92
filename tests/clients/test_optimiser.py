"""DSPy's MIPROv2, with eight calls in flight: the program claude-run is most for."""

import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from claude_run.rehearsal.answers import Hold, Reply
from claude_run.turn import JsonObject
from tests.clients.fields import fill
from tests.clients.upstream import told
from tests.scripted import ScriptedUpstream, system_of, turns

OPTIMISE = Path(__file__).parent / "programs" / "optimise.py"
EIGHT = 8


class Doubling:
    """A model that doubles the last number of a question, and has an idea for whatever else it
    is asked for. It answers no question of the two hundreds until eight of them are waiting."""

    def __init__(self, upstream: ScriptedUpstream) -> None:
        self._upstream = upstream
        self._all_waiting = threading.Event()

    def __call__(self, request: JsonObject) -> Reply:
        reply = fill(request, lambda name: self._value(name, request))
        if re.search(r"twice 2\d\d", _asked(request)):
            return replace(reply, blocks=(Hold(self._eight_are_waiting), *reply.blocks))
        return reply

    def _value(self, name: str, request: JsonObject) -> str:
        if name == "answer":
            return str(2 * int(re.findall(r"twice (\d+)", _asked(request))[-1]))
        return f"An idea for {name}."

    def _eight_are_waiting(self) -> bool:
        if self._upstream.active >= EIGHT:
            self._all_waiting.set()
        return self._all_waiting.is_set()


def _asked(request: JsonObject) -> str:
    return told(request)[-1][1]


@pytest.mark.timeout(600)
def test_an_optimiser_with_eight_calls_in_flight(
    environment: dict[str, str], gateway: dict[str, str], upstream: ScriptedUpstream
) -> None:
    upstream.answer = Doubling(upstream)
    command = [sys.executable, "-m", "claude_run", "--model-map", "gpt-*=sonnet"]
    finished = subprocess.run(
        [*command, "--", sys.executable, OPTIMISE],
        env={**environment, **gateway},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    result = json.loads(finished.stdout.splitlines()[-1])
    assert result["answers"] == {f"What is twice {n}?": str(2 * n) for n in range(300, 316)}
    assert result["score"] == 100
    for request in upstream.requests:
        assert system_of(request).startswith("Your input fields are:")
        roles = [turn["role"] for turn in turns(request)]
        assert roles == [("user", "assistant")[place % 2] for place in range(len(roles))]
    assert any(len(turns(request)) > 1 for request in upstream.requests)
