"""One live Claude Code process, the conversation it holds, and what it is made to be."""

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import Final

import anyio
from claude_agent_sdk import ClaudeSDKClient, Message, ResultMessage
from typing_extensions import assert_never

from claude_run.claude.errors import RateLimit
from claude_run.claude.session import control
from claude_run.claude.session.aspects import Aspect
from claude_run.claude.session.offering import Offering, require
from claude_run.claude.session.options import (
    AGENT,
    Birth,
    Place,
    environment_of,
    fixed_by,
    target_of,
)
from claude_run.claude.session.process import Process
from claude_run.claude.session.replay import (
    History,
    assistant_message,
    thinks,
    transcript,
    user_message,
)
from claude_run.claude.session.shape import Shape
from claude_run.claude.session.told import Told
from claude_run.claude.tools import ToolNames
from claude_run.turn import AssistantTurn, JsonObject, Text, Turn, UserTurn

_STOP_SECONDS: Final = 1.0
_WARM_SECONDS: Final = 10.0
_NOTHING: Final = UserTurn((Text("."),))


class State(Enum):
    OPENING = auto()
    READY = auto()
    BUSY = auto()
    CLOSED = auto()


class Phase(Enum):
    """What the CLI is doing as far as it was told."""

    IDLE = auto()
    TELLING = auto()
    """It is told what was said before; what becomes of it when that breaks off is not known."""
    ANSWERING = auto()


class Session:
    """A CLI process, from spawn to end. `open` it before anything else, `close` it at the end.

    `turns` is what its conversation holds, as a client would send it, or will hold once it is
    open; empty when it is fresh. `noted_after` is the turn that the CLI's own note comes after,
    once it has been given. `exchanges` counts the turns answered since it was fresh, `served`
    those of its whole life. `limit` is what the CLI last said of the plan: it speaks of it again
    only when that changes. `lacks_thinking` says that the model does not read what it thought
    in earlier answers, though their clients had kept it. All times are of time.monotonic().
    """

    def __init__(
        self,
        shape: Shape,
        place: Place,
        history: History,
        *,
        changeable: Collection[Aspect],
    ) -> None:
        self.shape = shape
        self.state = State.OPENING
        self.phase = Phase.IDLE
        self.turns = history.turns
        self._length = len(history.turns)
        self.noted_after: int | None = None
        self.exchanges = 0
        self.served = 0
        self.cost_usd: float | None = None
        self.limit: RateLimit | None = None
        self.lacks_thinking = False
        self.born = self.used = time.monotonic()
        self._changeable = frozenset(changeable) - fixed_by(shape)
        self._directory = place.directory
        self._aliases = place.aliases
        self._history = history
        self._offering = Offering(shape.tools)
        birth = Birth(shape, place, is_fixed=Aspect.MODEL not in changeable)
        self._process = Process(birth, self._offering.config)
        self._told = Told()

    # --- birth and death --------------------------------------------------------------

    async def open(self, names: ToolNames, notes: tuple[JsonObject, ...] = ()) -> None:
        """Spawn the process, with its history already in the conversation and `notes` in that.

        Raises:
            TurnError: it could not be started, or does not take a tool of the caller's.
        """
        history = replace(self._history, notes=notes)
        resume = self._transcript(history, names) if history.turns else None
        try:
            await self._process.open(resume)
            self._aliases.learn(await self._client.get_server_info())
            await require(self._client, self.shape.tools, names)
        except BaseException:
            self._process.end()
            raise
        finally:
            if resume is not None:
                resume.unlink(missing_ok=True)
        self.noted_after = history.noted_after if notes else None

    async def warm(self) -> None:
        """Have the process do once what it does for every turn, all but the asking: a first turn
        takes twice as long as a second. The session is fresh before and after.

        Raises:
            ControlRefusedError: something of it would stay.
            TurnError: the process broke.
        """
        with self._process.border(), anyio.fail_after(_WARM_SECONDS):
            await self._tell(_NOTHING, 0)
        await self.rewind()

    async def close(self) -> None:
        """End the process, whatever it is doing."""
        self.state = State.CLOSED
        await self._process.close()

    def _transcript(self, history: History, names: ToolNames) -> Path:
        session_id = str(uuid.uuid4())
        self._note_thinking(history.turns)
        text, users = transcript(history, names, self._model, session_id, lambda: str(uuid.uuid4()))
        turns = [n for n, turn in enumerate(history.turns) if isinstance(turn, UserTurn)]
        for number, uuid_ in zip(turns, users, strict=True):
            self._told.add(number, history.turns[number], uuid_)
        path = self._directory / f"{session_id}.jsonl"
        path.write_text(text, encoding="utf-8")
        return path

    # --- what it is made to be --------------------------------------------------------

    def can_become(self, shape: Shape) -> bool:
        """Whether the session, once it is fresh, can be given `shape` while it lives."""
        return self.shape.differs(shape) <= self._changeable and self._offering.can_be(shape.tools)

    async def become(self, shape: Shape, names: ToolNames) -> None:
        """Give the session `shape`; what it is already is not set again.

        Raises:
            ControlRefusedError: the CLI would not.
            TurnError: it does not take a tool of the caller's.
        """
        differing = self.shape.differs(shape)
        if differing:
            await control.change(self._client, tuple(self._changes(shape, differing)))
        if Aspect.TOOLS in differing:
            await require(self._client, shape.tools, names)
        self.shape = shape

    def _changes(self, shape: Shape, differing: frozenset[Aspect]) -> list[control.Request]:
        requests: list[control.Request] = []
        if settings := _settings(shape, differing):
            requests.append(control.settings(settings))
        if differing & {Aspect.SYSTEM, Aspect.MODEL}:
            requests.append(control.model(target_of(shape.model).alias, shape.system))
        if Aspect.THINKING in differing:
            requests.append(control.thinking(shown=shape.thinking))
        if Aspect.TOOLS in differing:
            requests.extend(self._offering.replaced(shape.tools))
        return requests

    # --- a turn -----------------------------------------------------------------------

    async def ask(
        self, turns: Sequence[Turn], names: ToolNames, hear: Callable[[Message], bool]
    ) -> None:
        """Add `turns` to the conversation and ask the last, a user turn. `hear` is called with
        every message of the answer, up to the result or until it gives True.

        Raises:
            TurnError: the process broke.
        """
        *before, last = turns
        assert isinstance(last, UserTurn)  # noqa: S101 - nothing else can be asked
        asked = self._length + len(before)
        if self.noted_after is None:
            self.noted_after = asked
        self.phase = Phase.TELLING
        self._note_thinking(turns)
        with self._process.border():
            for number, turn in enumerate(before, self._length):
                await self._remember(turn, number, names)
            await self._say(last, asked, asks=True)
            self.phase = Phase.ANSWERING
            self._length = asked + 2  # with the answer to come
            async with aclosing(_answer(self._client)) as messages:
                async for message in messages:
                    self._note_end(message)
                    if hear(message) or isinstance(message, ResultMessage):
                        return
            raise EOFError("it closed its output")

    async def _remember(self, turn: Turn, number: int, names: ToolNames) -> None:
        match turn:
            case UserTurn():
                await self._tell(turn, number)
            case AssistantTurn():
                await self._client.query(_only(assistant_message(turn, names, self._model)))
            case _:
                assert_never(turn)

    async def _tell(self, turn: UserTurn, number: int) -> None:
        """Without the wait for its result the CLI takes what follows in another order."""
        await self._say(turn, number, asks=False)
        async for _ in self._client.receive_response():
            pass

    async def _say(self, turn: UserTurn, number: int, *, asks: bool) -> None:
        told = self._told.add(number, turn)
        await self._client.query(_only(user_message(turn, told.uuid, asks=asks)))

    def _note_thinking(self, turns: Sequence[Turn]) -> None:
        """The CLI keeps what was thought from a model that it is not said to be of."""
        is_lost = self._model is None and any(map(thinks, turns))
        self.lacks_thinking = self.lacks_thinking or is_lost

    def _note_end(self, message: Message) -> None:
        if isinstance(message, ResultMessage):
            self.phase = Phase.IDLE
            self.cost_usd = message.total_cost_usd

    async def stop(self) -> None:
        """Stop the answer that is being written, and wait until the CLI has.

        Raises:
            ControlRefusedError: it did not within a second.
        """
        try:
            with anyio.fail_after(_STOP_SECONDS):
                await self._client.interrupt()
                async for message in self._client.receive_response():
                    self._note_end(message)
        except Exception as error:
            raise control.ControlRefusedError("the answer could not be stopped") from error

    async def rewind(self, keep: tuple[Turn, ...] = ()) -> None:
        """Take the conversation back to `keep`, its beginning, or as far before that as need be:
        a result is not parted from its call. Without `keep` the session is fresh afterwards.

        Raises:
            ControlRefusedError: something of the conversation would stay.
        """
        target = self._told.target(keep)
        kept = keep[: target.turn] if target is not None else ()
        if target is not None:
            before = await control.rewind(self._client, target.uuid, self._told.last.uuid)
            # An assistant message before the first user message survives a rewind.
            if before is not None and self._told.is_first(target):
                raise control.ControlRefusedError("something of the conversation would stay")
            self._told.forget_from(target)
        if self.noted_after is not None and self.noted_after >= len(kept):
            self.noted_after = None
        self.settle(kept)
        if not kept:
            self.exchanges = 0
            self.lacks_thinking = False

    def settle(self, turns: tuple[Turn, ...]) -> None:
        """Say that the conversation holds exactly `turns`."""
        self.turns = turns
        self._length = len(turns)

    # --- what it is -------------------------------------------------------------------

    @property
    def _client(self) -> ClaudeSDKClient:
        if self.state is State.CLOSED or (client := self._process.client) is None:
            raise control.ControlRefusedError("its process has ended")
        return client

    @property
    def _model(self) -> str | None:
        """The id of the model that is asked, if it is known."""
        return self._aliases.full(self.shape.model)

    @property
    def fresh(self) -> bool:
        return not self.turns

    @property
    def alive(self) -> bool:
        return self._process.alive

    @property
    def memory(self) -> int:
        """Resident bytes of the process; 0 when that cannot be told."""
        return self._process.memory


def _settings(shape: Shape, differing: frozenset[Aspect]) -> JsonObject:
    """Only what differs: to name the agent again would bring its own prompt back."""
    settings: JsonObject = {}
    if differing & {Aspect.FIELDS, Aspect.MODEL}:
        settings["env"] = environment_of(shape)
    if Aspect.EFFORT in differing:
        settings["effortLevel"] = shape.effort.value if shape.effort else None
    if Aspect.SYSTEM in differing:
        settings["agent"] = AGENT if shape.system else None
    return settings


async def _answer(client: ClaudeSDKClient) -> AsyncGenerator[Message, None]:
    async for message in client.receive_response():
        yield message


async def _only(message: JsonObject) -> AsyncIterator[JsonObject]:
    yield message
