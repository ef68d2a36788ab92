"""Hands every turn the best session there is, and decides what becomes of it afterwards.

Best is one whose conversation is exactly this request's beginning (continued); then one
without a conversation, or whose conversation can be rewound (spare); then a new process
(cold). A session belongs to one turn at a time.

Whatever changes - somebody asks, a session is given back, a process has started or ended -
`_arrange` brings those who wait and the sessions there are together, in order of arrival, and
starts what is missing.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from claude_run.claude.answer.reader import Ending
from claude_run.claude.conversation import settled
from claude_run.claude.limits import Limits, memory_is_low
from claude_run.claude.pool.candidates import (
    Wanted,
    freshest,
    furthest,
    goes_on,
    is_one_exchange,
    suits,
    thinks_on,
)
from claude_run.claude.pool.demand import Demand
from claude_run.claude.pool.processes import Fleet
from claude_run.claude.session.control import ControlRefusedError
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session, State
from claude_run.settings import SessionMode
from claude_run.turn import AssistantTurn

_HEAD_START_SECONDS: Final = 0.2


class Origin(Enum):
    CONTINUED = "continued"
    SPARE = "spare"
    COLD = "cold"


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


@dataclass(slots=True, eq=False)
class _Waiting:
    wanted: Wanted
    since: float = field(default_factory=time.monotonic)
    lease: "asyncio.Future[Lease]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def origin_of(self, session: Session) -> Origin:
        if not session.served and session.born >= self.since:
            return Origin.COLD
        return Origin.CONTINUED if goes_on(session, self.wanted) else Origin.SPARE


class Pool:
    """`async with` it: its sessions end with it."""

    def __init__(self, limits: Limits, mode: SessionMode, directory: Path) -> None:
        self.limits = limits
        self._recycles = mode == "recycled"
        self._fleet = Fleet(limits, directory, changed=self._arrange, failed=self._fail)
        self._demand = Demand()
        self._waiting: list[_Waiting] = []
        self._spares_due: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Pool":
        await self._fleet.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._fleet.__aexit__()

    @asynccontextmanager
    async def lease(self, wanted: Wanted) -> AsyncIterator[Lease]:
        """A session for one turn; waits, in order of arrival, until there is one.

        Raises:
            TurnError: no process could be started.
        """
        lease = await self._checkout(wanted)
        try:
            yield lease
        finally:
            await self._give_back(lease, wanted)

    # --- asking -----------------------------------------------------------------------

    async def _checkout(self, wanted: Wanted) -> Lease:
        waiting = _Waiting(wanted)
        self._waiting.append(waiting)
        while True:
            lease = await self._granted(waiting)
            try:
                await self._prepare(lease.session, wanted)
            except ControlRefusedError:
                self._fleet.retire(lease.session)
                waiting = _Waiting(wanted, waiting.since)
                self._waiting.insert(0, waiting)
            except BaseException:
                self._fleet.retire(lease.session)
                raise
            else:
                return lease

    async def _granted(self, waiting: _Waiting) -> Lease:
        self._arrange()
        try:
            return await waiting.lease
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif not waiting.lease.cancelled() and waiting.lease.exception() is None:
                waiting.lease.result().session.state = State.READY
            self._arrange()
            raise

    async def _prepare(self, session: Session, wanted: Wanted) -> None:
        if not (session.fresh or goes_on(session, wanted)):
            self._fleet.losses.note(session)
            await session.rewind()
        await session.tune(wanted.tuning)

    # --- bringing together ------------------------------------------------------------

    def _arrange(self) -> None:
        if not self._fleet.closed:
            self._hand_out()
            self._start_for_waiting()
            self._start_spares_soon()

    @property
    def _places(self) -> int:
        """How many more turns may be in flight."""
        return max(0, self.limits.concurrency - len(self._fleet.those(State.BUSY)))

    def _hand_out(self) -> None:
        for waiting in tuple(self._waiting):
            if not self._places:
                return
            if (session := self._best(waiting.wanted)) is not None:
                self._grant(session, waiting)

    def _grant(self, session: Session, waiting: _Waiting) -> None:
        session.state = State.BUSY
        self._waiting.remove(waiting)
        origin = waiting.origin_of(session)
        if origin is not Origin.CONTINUED:
            self._demand.began(waiting.wanted)
        elif session.exchanges == 1:
            self._demand.went_on(waiting.wanted)
        waiting.lease.set_result(Lease(session, origin))

    def _best(self, wanted: Wanted) -> Session | None:
        while (session := self._ready_for(wanted)) is not None and not session.alive:
            self._fleet.retire(session)
        return session

    def _ready_for(self, wanted: Wanted) -> Session | None:
        ready = self._fleet.those(State.READY)
        if (session := self._unspoilt(ready, wanted)) is not None:
            return session
        if not self._may_replay(wanted):
            return None
        takeable = (s for s in ready if suits(s, wanted) and self._is_takeable(s))
        return min(takeable, key=self._worth, default=None)

    def _unspoilt(self, sessions: list[Session], wanted: Wanted) -> Session | None:
        """One that these turns can have without anybody's losing a conversation."""
        if (session := furthest(sessions, wanted)) is not None:
            return session
        return freshest(sessions, wanted) if self._may_replay(wanted) else None

    def _may_replay(self, wanted: Wanted) -> bool:
        return wanted.is_replayable and self._fleet.losses.history(wanted) is None

    # --- whose session may be taken ---------------------------------------------------

    def _is_takeable(self, session: Session) -> bool:
        """Whether a new conversation may have the session, and the one in it be forgotten. Where
        there is no room for another process, somebody's has to end anyway."""
        if not self._recycles or thinks_on(session):
            return False
        return self._fleet.is_full or self._is_over(session)

    def _is_over(self, session: Session) -> bool:
        """Whether its conversation is probably not gone on with."""
        return (
            is_one_exchange(session)
            and not self._demand.goes_on(session.shape)
            and not self._is_awaited(session)
        )

    def _is_awaited(self, session: Session) -> bool:
        """Whether somebody who waits goes on with its conversation."""
        return any(goes_on(session, waiting.wanted) for waiting in self._waiting)

    def _worth(self, session: Session) -> tuple[bool, bool, float]:
        """Of several sessions, the one that will be missed least has the least."""
        is_soon_wanted = session.fresh and self._demand.is_lively(session.shape)
        return self._is_awaited(session), is_soon_wanted, session.used

    # --- starting processes -----------------------------------------------------------

    def _start_for_waiting(self) -> None:
        """A process for everybody for whom none is coming, and who could have it at once."""
        coming = self._fleet.those(State.OPENING)
        for waiting in self._waiting[: self._places]:
            wanted = waiting.wanted
            if (session := self._unspoilt(coming, wanted)) is not None:
                coming.remove(session)
            elif self._may_start():
                lost = self._fleet.losses.history(wanted)
                if lost is not None:
                    self._demand.went_on(wanted)
                self._fleet.start(wanted, lost or History(settled(wanted.turns)))
            else:
                return

    def _start_spares_soon(self) -> None:
        """Not at once: what has just been asked would be slower for it, and then has to wait for
        the model anyway."""
        if self._spares_due is None:
            loop = asyncio.get_running_loop()
            self._spares_due = loop.call_later(_HEAD_START_SECONDS, self._start_spares)

    def _start_spares(self) -> None:
        """Processes that nobody waits for yet, so that the next new conversation finds one."""
        self._spares_due = None
        if self._fleet.closed:
            return
        for wanted in self._expected():
            for _ in range(self._spares_wanted(wanted) - self._spares(wanted)):
                if memory_is_low() or not self._has_room_for_spare() or not self._may_start():
                    return
                self._fleet.start(wanted, History())

    def _expected(self) -> tuple[Wanted, ...]:
        """What the next conversations will want. Where each conversation keeps its session, the
        next would find none: one process at a time is started without any other sign of it."""
        lively, latest = tuple(self._demand.lively()), self._demand.latest()
        if lively or latest is None:
            return lively
        keeps_its_own = not self._recycles or self._demand.goes_on(latest.shape)
        idle = self._fleet.those(State.OPENING, State.READY)
        return (latest,) if keeps_its_own and not any(s.fresh for s in idle) else ()

    def _spares_wanted(self, wanted: Wanted) -> int:
        if self._recycles:
            return min(1, max(0, self._places - len(self._waiting)))
        return min(self.limits.concurrency, self._demand.during_a_start(wanted.shape))

    def _spares(self, wanted: Wanted) -> int:
        """How many sessions the next new conversation could have at once, or soon."""
        return sum(
            session.state is State.OPENING or session.fresh or self._is_takeable(session)
            for session in self._fleet.those(State.OPENING, State.READY)
            if suits(session, wanted)
        )

    def _has_room_for_spare(self) -> bool:
        if not self._fleet.is_full:
            return True
        # Nobody but its own conversation can use a session that is not recycled, and most
        # conversations end with their first answer.
        return not self._recycles and any(not s.fresh for s in self._fleet.those(State.READY))

    def _may_start(self) -> bool:
        """Whether one more process may start. If there is no room, the session that will be
        missed least is told to end: when it has, everything is arranged anew."""
        if self._fleet.is_starting:
            return False
        if memory_is_low() or (self._fleet.is_full and not self._fleet.is_ending):
            self._retire_one()
        return not self._fleet.is_full

    def _retire_one(self) -> None:
        opening = self._fleet.those(State.OPENING)
        unneeded = next((s for s in opening if self._first_to_have(s) is None), None)
        idlest = min(self._fleet.those(State.READY), key=self._worth, default=unneeded)
        if idlest is not None:
            self._fleet.retire(idlest)

    def _first_to_have(self, session: Session) -> _Waiting | None:
        """The first of those waiting for whom a session is coming."""
        return next((w for w in self._waiting if self._unspoilt([session], w.wanted)), None)

    def _fail(self, session: Session, error: Exception) -> None:
        """Tell whoever waits for a session that could not be started."""
        self._demand.forget(session.shape)  # or a spare would be started again and again
        if (waiting := self._first_to_have(session)) is not None:
            self._waiting.remove(waiting)
            waiting.lease.set_exception(error)

    # --- afterwards -------------------------------------------------------------------

    async def _give_back(self, lease: Lease, wanted: Wanted) -> None:
        session = lease.session
        session.used = time.monotonic()
        session.exchanges += 1
        session.served += 1
        if lease.ending is Ending.SETTLED and lease.answer is not None:
            session.turns = (*wanted.turns, lease.answer)
            self._park(session)
        elif self._recycles and lease.idle and not self._is_spent(session):
            await self._refresh(session)
        else:
            self._fleet.retire(session)
        self._arrange()

    def _park(self, session: Session) -> None:
        """Keep a session for the next turn of its conversation. One that is not recycled serves
        nothing else: it ends if others wait and its conversation is probably over."""
        is_in_the_way = not self._recycles and self._waiting and self._is_over(session)
        if is_in_the_way or self._is_spent(session):
            self._fleet.retire(session)
        else:
            session.state = State.READY

    def _is_spent(self, session: Session) -> bool:
        is_gone = self._fleet.closed or session.state is State.CLOSED
        return is_gone or self._fleet.is_worn(session)

    async def _refresh(self, session: Session) -> None:
        """Make a session fresh whose last turn left nothing that a client could go on with."""
        try:
            await session.rewind()
        except ControlRefusedError:
            self._fleet.retire(session)
        except BaseException:
            self._fleet.retire(session)
            raise
        else:
            session.state = State.READY
