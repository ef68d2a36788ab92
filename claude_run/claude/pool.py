"""Hands every turn the best session there is, and decides what becomes of it afterwards.

Best is one whose conversation is exactly this request's beginning (continued); then one
without a conversation, or whose conversation can be rewound (spare); then a new process
(cold). A session belongs to one turn at a time.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from claude_run.claude.announcements import Announcements
from claude_run.claude.control import ControlRefusedError
from claude_run.claude.conversation import continues, identity
from claude_run.claude.events import Ending
from claude_run.claude.limits import Limits, memory_is_low
from claude_run.claude.names import is_alias
from claude_run.claude.replay import History
from claude_run.claude.session import Session, State
from claude_run.claude.shape import Shape, Tuning
from claude_run.claude.tools import ToolNames
from claude_run.settings import SessionMode
from claude_run.turn import AssistantTurn, ToolCall, Turn, UserTurn

# Replaying a user turn takes about 15 ms, a new process 500 ms however long its transcript.
REPLAY_AT_MOST: Final = 25
_SPAWN_SECONDS: Final = 0.6
_WINDOW_SECONDS: Final = 5.0
_SWEEP_SECONDS: Final = 5.0
_REMEMBERED: Final = 512


class Origin(Enum):
    CONTINUED = "continued"
    SPARE = "spare"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a turn needs of a session."""

    shape: Shape
    tuning: Tuning
    names: ToolNames
    turns: tuple[Turn, ...]


@dataclass(slots=True)
class Lease:
    """A session for the length of one turn. Whoever holds it sets how the turn ended:
    `ending` None means that the answer was not completed, `idle` that the CLI is nevertheless
    waiting for the next turn, `answer` what the conversation holds more than was asked."""

    session: Session
    origin: Origin
    ending: Ending | None = None
    idle: bool = False
    answer: AssistantTurn | None = None


class Pool:
    def __init__(self, limits: Limits, mode: SessionMode, directory: Path) -> None:
        self.limits = limits
        self._recycles = mode == "recycled"
        self._directory = directory
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._sessions: list[Session] = []
        self._openings: set[Session] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._arrivals: dict[Shape, deque[float]] = {}
        self._lost: OrderedDict[int, int] = OrderedDict()
        self._announcements = Announcements(directory)
        self._closed = False

    async def __aenter__(self) -> "Pool":
        self._background(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        for task in self._tasks - self._endings:
            task.cancel()
        await asyncio.gather(*(s.close() for s in (*self._sessions, *self._openings)))
        await self._announcements.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @asynccontextmanager
    async def lease(self, wanted: Wanted) -> AsyncIterator[Lease]:
        """A session for one turn; waits, in order of arrival, for a free place.

        Raises:
            TurnError: no process could be started.
        """
        async with self._slots:
            lease = await self._checkout(wanted)
            try:
                yield lease
            finally:
                await self._give_back(lease, wanted)

    # --- finding a session ------------------------------------------------------------

    async def _checkout(self, wanted: Wanted) -> Lease:
        while (found := self._best(wanted)) is not None:
            session, origin = found
            session.state = State.BUSY
            try:
                if origin is Origin.SPARE and not session.fresh:
                    self._note_loss(session)
                    await session.rewind()
                await session.tune(wanted.tuning)
            except ControlRefusedError:
                self._retire(session)
            except BaseException:
                self._retire(session)
                raise
            else:
                self._replenish(wanted, origin)
                return Lease(session, origin)
        session = await self._cold(wanted)
        self._replenish(wanted, Origin.COLD)
        return Lease(session, Origin.COLD)

    def _best(self, wanted: Wanted) -> tuple[Session, Origin] | None:
        ready = [s for s in self._ready() if _suits(s, wanted)]
        for session in ready:
            if session.tuning.model == wanted.tuning.model and continues(
                session.turns, wanted.turns
            ):
                return session, Origin.CONTINUED
        if _user_turns(wanted.turns) > REPLAY_AT_MOST or self._lost_history(wanted.turns):
            return None
        spare = self._spare(ready, wanted.tuning)
        return (spare, Origin.SPARE) if spare is not None else None

    def _spare(self, ready: Sequence[Session], tuning: Tuning) -> Session | None:
        fresh = [s for s in ready if s.fresh]
        if fresh:
            return max(fresh, key=lambda s: (s.tuning == tuning, s.used))
        takeable = [s for s in ready if self._is_takeable(s)]
        return min(takeable, key=lambda s: (not _rewindable(s), s.used), default=None)

    def _is_takeable(self, session: Session) -> bool:
        """Whether a new conversation may have the session. Where there is no room for another
        process, somebody's would have to end for it: then any is, but for the thinking in it."""
        if session.fresh or not self._recycles:
            return session.fresh
        return _rewindable(session) or (self._is_full and not _thinks_on(session))

    def _lost_history(self, turns: Sequence[Turn]) -> History | None:
        """The history to resume, where `turns` go on with a conversation that a session once
        held: it had the CLI's note where Claude's prompt cache still has it.

        It also gets a process of its own. Otherwise two conversations growing side by side would
        take one session from the other at every step, each replaying all it has.
        """
        settled = _settled_history(turns)
        for mark in reversed(_marks(turns[:-1])):
            noted_after = self._lost.get(mark)
            if noted_after is not None and noted_after < len(settled):
                return History(settled, noted_after=noted_after)
        return None

    def _note_loss(self, session: Session) -> None:
        if session.turns and session.noted_after is not None:
            self._lost[_marks(session.turns)[-1]] = session.noted_after
            while len(self._lost) > _REMEMBERED:
                self._lost.popitem(last=False)

    async def _cold(self, wanted: Wanted) -> Session:
        session = Session(wanted.shape, wanted.tuning, self._directory)
        self._sessions.append(session)
        try:
            await self._make_room()
            await session.open(await self._begun(wanted), wanted.names)
        except BaseException:
            self._retire(session)
            raise
        session.state = State.BUSY
        return session

    async def _begun(self, wanted: Wanted) -> History:
        """What a new process begins with, for these turns."""
        lost = self._lost_history(wanted.turns)
        if lost is None:
            return History(_settled_history(wanted.turns))
        return replace(lost, notes=await self._announcements.of(wanted.tuning.model))

    # --- afterwards -------------------------------------------------------------------

    async def _give_back(self, lease: Lease, wanted: Wanted) -> None:
        session = lease.session
        session.used = time.monotonic()
        session.served += 1
        session.turns_served += 1
        if self._closed or session.state is State.CLOSED:
            self._retire(session)
        elif lease.ending is Ending.SETTLED and lease.answer is not None:
            session.turns = (*wanted.turns, lease.answer)
            session.state = State.READY
        elif self._recycles and lease.idle:
            await self._refresh(session)
        else:
            self._retire(session)

    async def _refresh(self, session: Session) -> None:
        """Make a session fresh whose last turn left nothing that a client could go on with."""
        try:
            await session.rewind()
        except ControlRefusedError:
            self._retire(session)
        except BaseException:
            self._retire(session)
            raise
        else:
            session.state = State.READY

    def _retire(self, session: Session) -> None:
        self._note_loss(session)
        if session in self._sessions:
            self._sessions.remove(session)
        self._openings.discard(session)
        ending = self._background(session.close())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    # --- keeping house ----------------------------------------------------------------

    def _ready(self) -> list[Session]:
        ready = [s for s in self._sessions if s.state is State.READY]
        for session in [s for s in ready if not s.alive]:
            ready.remove(session)
            self._retire(session)
        return ready

    async def _make_room(self) -> None:
        """Retire whoever was used least recently, until all may live at once, and wait until
        their processes are gone."""
        if memory_is_low() and (idle := self._idlest()) is not None:
            self._retire(idle)
        while self._living > self.limits.sessions:
            victim = self._idlest() or next(iter(self._openings), None)
            if victim is None:
                break
            self._retire(victim)
        while self._endings and self._living + len(self._endings) > self.limits.sessions:
            await asyncio.wait(self._endings, return_when=asyncio.FIRST_COMPLETED)

    def _idlest(self) -> Session | None:
        return min(self._ready(), key=lambda s: (s.fresh, s.used), default=None)

    @property
    def _is_full(self) -> bool:
        return self._living + len(self._endings) >= self.limits.sessions

    @property
    def _living(self) -> int:
        """How many processes there are and will be, those aside that are about to end."""
        return len(self._sessions) + len(self._openings)

    def _replenish(self, wanted: Wanted, origin: Origin) -> None:
        """Make spares in the background, so that the next new conversation finds one."""
        now = time.monotonic()
        if origin is Origin.CONTINUED:
            return
        arrivals = self._arrivals.setdefault(wanted.shape, deque(maxlen=256))
        arrivals.append(now)
        recent = sum(1 for at in arrivals if now - at < _WINDOW_SECONDS)
        missing = self._spares_wanted(recent) - self._spares(wanted)
        for _ in range(min(missing, self._room_for_spares())):
            if not memory_is_low():
                spare = Session(wanted.shape, wanted.tuning, self._directory)
                self._openings.add(spare)
                self._background(self._open_spare(spare, wanted.names))

    def _spares_wanted(self, recent: int) -> int:
        if recent < 2:  # noqa: PLR2004 - one request says nothing of a rate
            return 0
        if self._recycles:
            return 1
        return min(self.limits.concurrency, round(recent / _WINDOW_SECONDS * _SPAWN_SECONDS) + 1)

    def _spares(self, wanted: Wanted) -> int:
        there = [s for s in self._ready() if self._is_takeable(s)]
        return sum(_suits(session, wanted) for session in (*there, *self._openings))

    def _room_for_spares(self) -> int:
        room = self.limits.sessions - self._living - len(self._endings)
        if self._recycles:
            return room
        # Most conversations end with their first answer, and nothing else can use their session.
        return room + sum(1 for session in self._ready() if not session.fresh)

    async def _open_spare(self, session: Session, names: ToolNames) -> None:
        with suppress(Exception):  # who needs one then starts it, and is told
            await self._make_room()
            await session.open(History(), names)
        if session in self._openings and session.state is State.READY:
            self._openings.discard(session)
            self._sessions.append(session)
        else:
            self._retire(session)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = time.monotonic()
            for session in self._ready():
                if self._is_done_with(session, now):
                    self._retire(session)
            for shape in [s for s, at in self._arrivals.items() if now - at[-1] > _WINDOW_SECONDS]:
                del self._arrivals[shape]

    def _is_done_with(self, session: Session, now: float) -> bool:
        return (
            now - session.used > self.limits.parked
            or now - session.born > self.limits.age
            or session.turns_served > self.limits.turns
            or session.memory > self.limits.bytes
        )

    def _background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _suits(session: Session, wanted: Wanted) -> bool:
    """Whether the session could answer. One that is to change to a model whose name the CLI does
    not resolve by itself would first ask that model something, only to see whether it is there."""
    model = wanted.tuning.model
    return session.shape == wanted.shape and (session.tuning.model == model or is_alias(model))


def _rewindable(session: Session) -> bool:
    """Whether taking the session costs little: a conversation of one exchange, not waiting for
    tool results."""
    last = session.turns[-1] if session.turns else None
    return session.served <= 1 and not _calls_tools(last)


def _thinks_on(session: Session) -> bool:
    """Whether the model's thinking before a tool call would be lost: it lives only here."""
    return session.shape.thinking and _calls_tools(session.turns[-1])


def _settled_history(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns that a transcript may hold: up to an answer that calls no tool. A resumed CLI
    answers whatever else is left open by itself, a question as well as a call."""
    ends = (
        end
        for end in range(len(turns) - 1, 0, -1)
        if isinstance(turns[end - 1], AssistantTurn) and not _calls_tools(turns[end - 1])
    )
    return tuple(turns[: next(ends, 0)])


def _calls_tools(turn: Turn | None) -> bool:
    return isinstance(turn, AssistantTurn) and any(isinstance(p, ToolCall) for p in turn.parts)


def _user_turns(turns: Iterable[Turn]) -> int:
    return sum(isinstance(turn, UserTurn) for turn in turns)


def _marks(turns: Sequence[Turn]) -> list[int]:
    """A number for each beginning of `turns`, shortest first. A hint only: nothing is ever
    handed over because two of these are equal."""
    marks: list[int] = []
    for turn in turns:
        marks.append(hash((marks[-1] if marks else 0, identity(turn))))
    return marks
