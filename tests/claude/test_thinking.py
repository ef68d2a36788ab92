"""What a client has kept of Claude's thinking, in a process that does not know yet whom it asks."""

import asyncio
from pathlib import Path

import pytest

from claude_run.claude.session.aspects import ALL
from claude_run.claude.session.options import Place, birth_of
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session
from claude_run.claude.session.shape import Shape
from claude_run.claude.workplace import workplace
from claude_run.turn import AssistantTurn, Text, Thinking, UserTurn
from tests.claude.walks import NAMES, QUESTION
from tests.scripted import ScriptedUpstream, turns

TALK = (
    UserTurn((Text("Do you think?"),)),
    AssistantTurn((Thinking("Hm.", "c2lnbmVk"), Text("Yes"))),
)
SHAPE = Shape("sonnet", "Be brief.", (), True, None, "{}")


def said(upstream: ScriptedUpstream) -> list[str]:
    """The kinds of the blocks of Claude's first answer, as upstream was told it last."""
    return [block["type"] for block in turns(upstream.requests[-1])[1]["content"]]


async def _goes_on(place: Place, upstream: ScriptedUpstream) -> list[tuple[list[str], bool]]:
    """What is told of the first answer, and whether something is lacking: at first, and anew."""
    session = Session(birth_of(SHAPE, ALL), place, History(TALK), changeable=ALL)
    try:
        await session.open(NAMES)
        await session.become(SHAPE, NAMES)
        await session.ask((QUESTION,), NAMES, lambda _: False)
        first = said(upstream), session.lacks_thinking
        await session.rewind()  # by now the process has said what the alias stands for
        await session.ask((*TALK, QUESTION), NAMES, lambda _: False)
        return [first, (said(upstream), session.lacks_thinking)]
    finally:
        await session.close()


@pytest.mark.usefixtures("verified")
def test_the_first_process_reads_no_thinking_in_and_says_so_until_it_begins_anew(
    environment: dict[str, str],
    upstream: ScriptedUpstream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    workplace(tmp_path)
    assert asyncio.run(_goes_on(Place(tmp_path, None), upstream)) == [
        (["text"], True),
        (["thinking", "text"], False),
    ]
