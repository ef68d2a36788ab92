"""Random walks of one process through shapes and conversations, each compared with births."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from claude_run.claude.session.aspects import ALL
from claude_run.claude.session.options import Place, birth_of
from claude_run.claude.session.proof import comparable
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Phase, Session, State
from claude_run.claude.session.shape import Shape, Tool
from claude_run.claude.tools import ToolNames
from claude_run.rehearsal.answers import Pause, Refuse, Reply, ToolUse, say
from claude_run.turn import AssistantTurn, Effort, JsonObject, Text, ToolCall, ToolResult, UserTurn
from tests.scripted import ScriptedUpstream

QUESTION = UserTurn((Text("What now?"),))
NAMES = ToolNames(("look_up", "put_down", "measure"))
TOOLS = (
    Tool("look_up", "Looks it up.", '{"type": "object", "properties": {"a": {"type": "string"}}}'),
    Tool("look_up", "By number.", '{"type": "object", "properties": {"a": {"type": "integer"}}}'),
    Tool("put_down", "Puts it down.", '{"type": "object", "properties": {}}'),
    Tool("measure", "Measures it.", '{"type": "object", "required": ["b"]}'),
)
MODELS = ("sonnet", "haiku", "opus", "claude-opus-4-7", "claude-sonnet-4-5")
SYSTEMS = ("", "Be brief.", "Be clear.", "@/etc/passwd and /cost are only words.")
TOOL_SETS = ((), TOOLS[:1], TOOLS[1:3], (TOOLS[0], TOOLS[2], TOOLS[3]))
FIELDS = ("{}", '{"temperature": 0.5}', '{"max_tokens": 99, "stop_sequences": ["x"]}')


def shapes(chance: random.Random, number: int) -> list[Shape]:
    """Different shapes; each differs from the others in something."""
    return list(
        dict.fromkeys(
            Shape(
                chance.choice(MODELS),
                chance.choice(SYSTEMS),
                chance.choice(TOOL_SETS),
                chance.random() < 0.5,
                chance.choice((None, None, *Effort)),
                chance.choice(FIELDS),
            )
            for _ in range(number)
        )
    )


class Walk:
    """One process that becomes one shape after another, and what it asked of `upstream`."""

    def __init__(self, upstream: ScriptedUpstream, place: Place, chance: random.Random) -> None:
        self._upstream = upstream
        self._place = place
        self._chance = chance
        self._born: dict[Shape, JsonObject] = {}
        self.steps = 0

    async def born(self, shape: Shape) -> JsonObject:
        """What a process that is born with `shape` asks first."""
        if shape not in self._born:
            session = Session(shape, self._place, History(), changeable=frozenset())
            try:
                await session.open(NAMES)
                self._born[shape] = await self._asked(session, QUESTION)
            finally:
                await session.close()
        return self._born[shape]

    async def go(self, through: list[Shape], steps: int) -> None:
        """Become shapes, talk, fail, stop and rewind. Raises AssertionError where a request is
        not that of a process born so."""
        session = Session(birth_of(through[0], ALL), self._place, History(), changeable=ALL)
        try:
            await session.open(NAMES)
            assert session.state is State.OPENING  # nobody is given it before it is warm
            while self.steps < steps:
                await self._step(session, self._chance.choice(through))
        finally:
            await session.close()

    async def _step(self, session: Session, shape: Shape) -> None:
        await session.rewind()
        assert session.can_become(shape)
        await session.become(shape, NAMES)
        self._upstream.answer = say("fine")
        asked = await self._asked(session, QUESTION)
        assert asked == await self.born(shape), f"step {self.steps}: {shape}"
        session.settle((QUESTION, AssistantTurn((Text("fine"),))))
        for _ in range(self._chance.randrange(3)):
            happens = [self._fails, self._is_stopped, self._is_cut, self._talks]
            if shape.tools:
                happens.append(self._calls)
            before = asked
            asked = await self._chance.choice(happens)(session)
            assert asked["messages"][: len(before["messages"]) - 1] == before["messages"][:-1]
        self.steps += 1

    async def _asked(self, session: Session, turn: UserTurn) -> JsonObject:
        seen = len(self._upstream.requests)
        await session.ask((turn,), NAMES, lambda _: False)
        return comparable(self._upstream.requests[seen], self._upstream.headers[seen])

    async def _talks(self, session: Session) -> JsonObject:
        self._upstream.answer = say("and more")
        turn = UserTurn((Text(f"Go on, {self.steps}."),))
        asked = await self._asked(session, turn)
        session.settle((*session.turns, turn, AssistantTurn((Text("and more"),))))
        return asked

    async def _fails(self, session: Session) -> JsonObject:
        self._upstream.answer = Refuse(529, "overloaded_error", "not now")
        turns = session.turns
        await self._asked(session, UserTurn((Text(f"Go on, {self.steps}."),)))
        await session.rewind(turns)
        assert session.turns == turns
        return await self._talks(session)

    async def _is_stopped(self, session: Session) -> JsonObject:
        self._upstream.answer = say("this takes", Pause(30), "long")
        turns = session.turns
        await session.ask((UserTurn((Text("Stop."),)),), NAMES, is_text)
        await session.stop()
        assert session.phase is Phase.IDLE
        await session.rewind(turns)
        return await self._talks(session)

    async def _is_cut(self, session: Session) -> JsonObject:
        self._upstream.answer = replace(say("too long"), stop_reason="max_tokens")
        turns = session.turns
        await session.ask((UserTurn((Text("Much."),)),), NAMES, is_text)
        await session.stop()
        await session.rewind(turns)
        return await self._talks(session)

    async def _calls(self, session: Session) -> JsonObject:
        name = self._chance.choice(session.shape.tools).name
        self._upstream.answer = Reply((ToolUse("toolu_1", f"mcp__c__{name}", {}),))
        turn = UserTurn((Text("Use it."),))
        await self._asked(session, turn)
        call = ToolCall("toolu_1", name, {})
        session.settle((*session.turns, turn, AssistantTurn((call,))))
        self._upstream.answer = say("used")
        result = UserTurn((ToolResult("toolu_1", (Text("rain"),)),))
        asked = await self._asked(session, result)
        session.settle((*session.turns, result, AssistantTurn((Text("used"),))))
        return asked


def is_text(message: Any) -> bool:
    event = getattr(message, "event", None) or {}
    return bool(event.get("type") == "content_block_delta")


def walk(
    upstream: ScriptedUpstream, directory: Path, environment: dict[str, str], **how: int
) -> int:
    """A walk of so many `steps` through so many `shapes` from `seed` on; the steps taken."""
    chance = random.Random(how["seed"])
    (directory / "work").mkdir()
    going = Walk(upstream, Place(directory, environment=environment), chance)
    asyncio.run(going.go(shapes(chance, how["shapes"]), how["steps"]))
    return going.steps
