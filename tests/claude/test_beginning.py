"""Whoever asks while the first processes start is answered by one that is theirs."""

import asyncio
import os
from pathlib import Path
from unittest.mock import patch

import anyio

from claude_run.claude.turns import Claude
from claude_run.rehearsal.answers import Answer, Pause, say
from claude_run.settings import Settings
from claude_run.turn import JsonObject, Text, TextDelta, Trace, TurnEvent, TurnRequest, UserTurn
from tests.scripted import PATIENCE, ScriptedUpstream, turns
from tests.verified import CACHE

AT_ONCE = 3


def echo(request: JsonObject) -> Answer:
    """What was asked, a word at a time."""
    [block] = turns(request)[-1]["content"]
    words = str(block["text"]).split()
    return say(*(piece for word in words for piece in (f"{word} ", Pause(0.05))))


def is_warming(claude: Claude) -> bool:
    """Whether a process is told something before anybody has asked. Nothing public tells it."""
    sessions = claude.pool._processes.sessions  # noqa: SLF001
    return any(session._told for session in sessions)  # noqa: SLF001


async def answered(claude: Claude, text: str) -> str:
    events: list[TurnEvent] = []
    request = TurnRequest(model="sonnet", turns=(UserTurn((Text(text),)),))
    await claude.answer(request, Trace(), events.append)
    return "".join(event.text for event in events if isinstance(event, TextDelta)).strip()


def test_two_are_never_given_one_process_though_it_is_being_warmed(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.answer = echo
    asked = [f"This is number {number}" for number in range(AT_ONCE)]

    async def first_and_at_once() -> list[str]:
        settings = Settings(max_concurrency=AT_ONCE, max_sessions=AT_ONCE)
        async with Claude(settings, tmp_path, CACHE / "claude-run") as claude:
            with anyio.fail_after(PATIENCE):
                while not is_warming(claude):  # noqa: ASYNC110 - nothing of ours is an event
                    await asyncio.sleep(0)
                return await asyncio.gather(*(answered(claude, text) for text in asked))

    with patch.dict(os.environ, environment, clear=True):
        assert asyncio.run(first_and_at_once()) == asked
