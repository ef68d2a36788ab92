"""Hands every turn the best session there is, and decides what becomes of it afterwards.

Best is one whose conversation is exactly this request's beginning (continued); then one
without a conversation, or whose conversation can be rewound (spare); then a new process
(cold). A session belongs to one turn at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from claude_run.claude.control import ControlRefusedError
from claude_run.claude.conversation import continues, identity
from claude_run.claude.events import Ending
from claude_run.claude.limits import Limits, memory_is_low
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
        self._arrivals: dict[Shape, deque[float]] = {}
        self._taken: deque[int] = deque(maxlen=_REMEMBERED)
        self._closed = False

    async def __aenter__(self) -> "Pool":
        self._background(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(s.close() for s in (*self._sessions, *self._openings)))
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
                self._give_back(lease, wanted)

    # --- finding a session ------------------------------------------------------------

    async def _checkout(self, wanted: Wanted) -> Lease:
        while (found := self._best(wanted)) is not None:
            session, origin = found
            session.state = State.BUSY
            try:
                if origin is Origin.SPARE and not session.fresh:
                    self._taken.append(_mark(session.turns))
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
        ready = [s for s in self._ready() if s.shape == wanted.shape]
        for session in ready:
            if session.tuning.model == wanted.tuning.model and continues(
                session.turns, wanted.turns
            ):
                return session, Origin.CONTINUED
        if _user_turns(wanted.turns) > REPLAY_AT_MOST:
            return None
        spare = self._spare(ready, wanted)
        return (spare, Origin.SPARE) if spare is not None else None

    def _spare(self, ready: Sequence[Session], wanted: Wanted) -> Session | None:
        fresh = [s for s in ready if s.fresh]
        if fresh:
            return max(fresh, key=lambda s: (s.tuning == wanted.tuning, s.used))
        if not self._recycles or self._was_taken_from(wanted.turns):
            return None
        return min(filter(_rewindable, ready), key=lambda s: s.used, default=None)

    def _was_taken_from(self, turns: Sequence[Turn]) -> bool:
        """Whether this request goes on with a conversation whose session another one took.

        Then it gets a session of its own: otherwise two conversations growing side by side
        would take one from the other at every step, each replaying all it has.
        """
        return any(
            _mark(turns[:end]) in self._taken
            for end in range(2, len(turns), 2)
            if isinstance(turns[end - 1], AssistantTurn)
        )

    async def _cold(self, wanted: Wanted) -> Session:
        session = Session(wanted.shape, wanted.tuning, self._directory)
        self._make_room()
        self._sessions.append(session)
        try:
            await session.open(_settled_history(wanted.turns), wanted.names)
        except BaseException:
            self._retire(session)
            raise
        session.state = State.BUSY
        return session

    # --- afterwards -------------------------------------------------------------------

    def _give_back(self, lease: Lease, wanted: Wanted) -> None:
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
            self._background(self._refresh(session))
        else:
            self._retire(session)

    async def _refresh(self, session: Session) -> None:
        """Make a session fresh whose last turn left nothing that a client could go on with."""
        try:
            await session.rewind()
        except ControlRefusedError:
            self._retire(session)
        else:
            session.state = State.READY

    def _retire(self, session: Session) -> None:
        if session in self._sessions:
            self._sessions.remove(session)
        self._openings.discard(session)
        self._background(session.close())

    # --- keeping house ----------------------------------------------------------------

    def _ready(self) -> list[Session]:
        return [s for s in self._sessions if s.state is State.READY]

    def _make_room(self) -> None:
        """Retire whoever was used least recently, until one more process may live."""
        while len(self._sessions) + len(self._openings) >= self.limits.sessions or (
            self._ready() and memory_is_low()
        ):
            idle = min(self._ready(), key=lambda s: s.used, default=None)
            victim = idle or next(iter(self._openings), None)
            if victim is None:
                return
            self._retire(victim)

    def _replenish(self, wanted: Wanted, origin: Origin) -> None:
        """Make spares in the background, so that the next new conversation finds one."""
        now = time.monotonic()
        if origin is Origin.CONTINUED:
            return
        arrivals = self._arrivals.setdefault(wanted.shape, deque(maxlen=256))
        arrivals.append(now)
        recent = sum(1 for at in arrivals if now - at < _WINDOW_SECONDS)
        missing = self._spares_wanted(recent) - self._spares(wanted.shape)
        room = self.limits.sessions - len(self._sessions) - len(self._openings)
        for _ in range(min(missing, room)):
            if not memory_is_low():
                self._background(self._open_spare(wanted))

    def _spares_wanted(self, recent: int) -> int:
        if recent < 2:  # noqa: PLR2004 - one request says nothing of a rate
            return 0
        if self._recycles:
            return 1
        return min(self.limits.concurrency, round(recent / _WINDOW_SECONDS * _SPAWN_SECONDS) + 1)

    def _spares(self, shape: Shape) -> int:
        ready = [s for s in self._ready() if s.shape == shape]
        usable = [s for s in ready if s.fresh or (self._recycles and _rewindable(s))]
        return len(usable) + sum(1 for s in self._openings if s.shape == shape)

    async def _open_spare(self, wanted: Wanted) -> None:
        session = Session(wanted.shape, wanted.tuning, self._directory)
        self._openings.add(session)
        with suppress(Exception):  # who needs one then starts it, and is told
            await session.open((), wanted.names)
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

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _rewindable(session: Session) -> bool:
    """Whether taking the session costs little: a conversation of one exchange, not waiting for
    tool results (its thinking lives only here)."""
    last = session.turns[-1] if session.turns else None
    return session.served <= 1 and not _calls_tools(last)


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


def _mark(turns: Sequence[Turn]) -> int:
    """A hint only: nothing is ever handed over because two of these are equal."""
    return hash(tuple(identity(turn) for turn in turns))
