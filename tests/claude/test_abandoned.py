"""Whoever goes away, at whatever moment, takes no session and no place with them."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import anyio
import pytest

from claude_run.claude.turns import Claude
from claude_run.rehearsal.answers import Answer, Pause, Refuse, say
from claude_run.settings import Settings
from claude_run.turn import (
    Text,
    Trace,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    UserTurn,
)
from tests.scripted import PATIENCE, ScriptedUpstream
from tests.verified import CACHE


def asking(system: str, text: str) -> TurnRequest:
    return TurnRequest(model="sonnet", system=system, turns=(UserTurn((Text(text),)),))


async def end_of(claude: Claude, request: TurnRequest) -> TurnEvent:
    events: list[TurnEvent] = []
    await claude.answer(request, Trace(), events.append)
    return events[-1]


async def passes(number: int) -> None:
    """As many passes of the loop, and as many milliseconds."""
    for _ in range(number):
        await asyncio.sleep(0)
    await asyncio.sleep(number / 1000 if number % 2 else 0)


@pytest.mark.parametrize(
    ("answer", "moments"),
    [
        (say("One", " word", Pause(0.02), "."), range(0, 80, 5)),
        (Refuse(529, "overloaded_error", "busy"), range(1, 40, 9)),
    ],
    ids=["answered", "failed"],
)
def test_a_turn_may_be_abandoned_at_every_moment(
    answer: Answer,
    moments: Sequence[int],
    environment: dict[str, str],
    upstream: ScriptedUpstream,
    tmp_path: Path,
) -> None:
    upstream.script("forget me", answer)

    async def all_of_them() -> None:
        settings = Settings(max_concurrency=2, max_sessions=2)
        async with Claude(settings, tmp_path, CACHE / "claude-run") as claude:
            for moment in moments:
                system = f"System {moment % 3}."
                abandoned = [
                    asyncio.create_task(end_of(claude, asking(system, f"forget me {moment}")))
                    for _ in range(3)  # of whom one waits for a place
                ]
                await passes(moment)
                for task in abandoned:
                    task.cancel()
                for task in abandoned:
                    with suppress(asyncio.CancelledError, TurnError):
                        await task
                with anyio.fail_after(PATIENCE):  # both places are there again
                    ends = await asyncio.gather(
                        *(end_of(claude, asking(system, f"remember {moment}")) for _ in range(2))
                    )
                assert all(isinstance(end, TurnFinished) for end in ends)

    with patch.dict(os.environ, environment, clear=True):
        asyncio.run(all_of_them())
    told = [text for body in upstream.requests if "remember" in (text := str(body["messages"]))]
    assert len(told) == 2 * len(moments)
    assert not any("forget me" in text for text in told), "an abandoned turn was remembered"
