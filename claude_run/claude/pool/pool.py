"""Hands every turn a session as it is planned, and decides what becomes of it afterwards.

Whatever changes - somebody asks, a session is given back, a process has started or ended -
`_arrange` has it planned anew, and does what is planned. A session belongs to one turn at a time.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

import anyio
from typing_extensions import assert_never

from claude_run.claude.limits import Limits, Memory
from claude_run.claude.pool.candidates import SessionRequest, goes_on, stage_of
from claude_run.claude.pool.habits import Habits
from claude_run.claude.pool.lost import LostConversations
from claude_run.claude.pool.planner import Grant, Retire, Situation, Start, Waiter, plan
from claude_run.claude.pool.processes import Processes
from claude_run.claude.session.aspects import Aspect
from claude_run.claude.session.control import ControlRefusedError
from claude_run.claude.session.options import Place, birth_of
from claude_run.claude.session.session import Phase, Session, State
from claude_run.claude.session.shape import Shape
from claude_run.settings import SessionMode
from claude_run.turn import Failure, Turn, TurnError

_HEAD_START_SECONDS: Final = 0.2
_REFUSALS: Final = 3
_ANY: Final = Shape("sonnet")

Origin = Literal["continued", "spare", "cold"]


@dataclass(slots=True)
class Lease:
    """A session for the length of one turn. `cold_reason` says why it is a new process, and
    `refused` what the CLI would not do on the way. Whoever holds it sets `turns` to the
    conversation as the client then knows it, and `is_settled` if the session holds just that."""

    session: Session
    origin: Origin
    cold_reason: str | None = None
    refused: str | None = None
    turns: tuple[Turn, ...] | None = None
    is_settled: bool = False


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who waits, until `session` or `error` is set."""

    waiter: Waiter
    since: float
    ready: anyio.Event = field(default_factory=anyio.Event)
    session: Session | None = None
    error: Exception | None = None
    cold_reason: str | None = None


class Pool:
    """`async with` it: its sessions end with it. `allow` says what a live session can be given
    anew; until then every session is born as it is wanted."""

    def __init__(self, limits: Limits, mode: SessionMode, place: Place) -> None:
        self.limits = limits
        self._recycles = mode == "recycled"
        self._place = place
        self._changeable: frozenset[Aspect] = frozenset()
        self._processes = Processes(
            limits,
            place.directory,
            changed=self._arrange,
            failed=self._tell_failed,
            is_awaited=lambda: bool(self._waiting),
        )
        self._memory = Memory()
        self._habits = Habits()
        self._lost = LostConversations()
        self._waiting: list[_Waiting] = []
        self._spares_due: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Pool":
        await self._processes.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._processes.__aexit__()

    def allow(self, changeable: Collection[Aspect]) -> None:
        """Rely on it that a live session can be given `changeable` anew; start the first spares."""
        self._changeable = frozenset(changeable)
        if len(self._changeable) == len(Aspect):
            self._arrange(spares=self.limits.spares)

    @asynccontextmanager
    async def lease(self, wanted: SessionRequest) -> AsyncIterator[Lease]:
        """A session for one turn; waits, in order of arrival, until there is one.

        Raises:
            TurnError: no process could be started, or none would become what is wanted.
        """
        lease = await self._checkout(wanted)
        try:
            yield lease
        finally:
            with anyio.CancelScope(shield=True):
                await self._give_back(lease, wanted)

    # --- asking -----------------------------------------------------------------------

    async def _checkout(self, wanted: SessionRequest) -> Lease:
        since, refused = time.monotonic(), ""
        for failed in range(_REFUSALS):
            self._retire_dead()  # what they held is lost, and to be begun with
            waiter = Waiter(wanted, self._lost.history(wanted), failed)
            waiting = _Waiting(waiter, since)
            # Whoever was refused had been first.
            self._waiting.insert(0 if failed else len(self._waiting), waiting)
            session = await self._granted(waiting)
            lease = self._leased(session, waiting, refused or None)
            try:
                await self._prepare(session, wanted)
            except ControlRefusedError as error:
                refused = str(error)
                self._retire(session)
            except BaseException:
                self._retire(session)
                raise
            else:
                return lease
        raise TurnError(Failure.CRASH, f"Claude Code did not do what it was asked: {refused}.")

    async def _granted(self, waiting: _Waiting) -> Session:
        self._arrange()
        try:
            await waiting.ready.wait()
        except BaseException:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            if waiting.session is not None:
                waiting.session.state = State.READY
            self._arrange()
            raise
        if waiting.error is not None:
            raise waiting.error
        assert waiting.session is not None  # noqa: S101 - one of the two is set
        return waiting.session

    def _leased(self, session: Session, waiting: _Waiting, refused: str | None) -> Lease:
        wanted = waiting.waiter.wanted
        is_continued = goes_on(session, wanted)
        rested = stage_of(session) if is_continued else self._lost.stage(wanted)
        if rested is not None:
            self._habits.went_on(rested)
        else:
            self._habits.began(time.monotonic())
        if not session.served and session.born >= waiting.since:
            return Lease(session, "cold", waiting.cold_reason or "none was idle", refused)
        return Lease(session, "continued" if is_continued else "spare", refused=refused)

    async def _prepare(self, session: Session, wanted: SessionRequest) -> None:
        if session.turns and not goes_on(session, wanted):
            self._lost.note(session)
            await session.rewind()
        await session.become(wanted.shape, wanted.names)

    # --- doing what is planned --------------------------------------------------------

    def _arrange(self, spares: int = 0) -> None:
        if self._processes.closed:
            return
        self._retire_dead()
        for action in plan(self._situation(spares)):
            match action:
                case Grant(waiter, session):
                    self._grant(waiter, session)
                case Start():
                    self._start(action)
                case Retire(session):
                    self._retire(session)
                case _:
                    assert_never(action)

    def _situation(self, spares: int) -> Situation[Session]:
        processes = self._processes
        return Situation(
            waiters=[waiting.waiter for waiting in self._waiting],
            sessions=processes.sessions,
            started_for=processes.started_for,
            places=self.limits.concurrency - processes.count(State.BUSY),
            room=processes.room,
            starts=processes.starts,
            ending=processes.ending,
            habits=self._habits,
            recycles=self._recycles,
            memory_is_low=self._memory.is_low,
            spares=spares,
        )

    def _grant(self, waiter: Waiter, session: Session) -> None:
        waiting = next(w for w in self._waiting if w.waiter is waiter)
        self._waiting.remove(waiting)
        session.state = State.BUSY
        waiting.session = session
        waiting.ready.set()
        self._start_spares_soon()

    def _start(self, start: Start) -> None:
        shape, changeable = _ANY, self._changeable
        if start.waiter is not None:
            shape = start.waiter.wanted.shape
            changeable = frozenset() if start.waiter.failed else changeable
            waiting = next(w for w in self._waiting if w.waiter is start.waiter)
            waiting.cold_reason = start.reason
        # A process that reads a conversation in says its own word of its surroundings again when
        # it is changed afterwards, which Claude's prompt cache does not have there.
        session = Session(
            shape if start.history.turns else birth_of(shape, changeable),
            self._place,
            start.history,
            changeable=changeable,
        )
        self._processes.start(session, start.waiter, start.history)

    def _retire_dead(self) -> None:
        for session in self._processes.sessions:
            if session.state is State.READY and not session.alive:
                self._retire(session)

    def _retire(self, session: Session) -> None:
        self._lost.note(session)
        self._processes.retire(session)

    def _tell_failed(self, session: Session, error: Exception) -> None:
        """Tell whoever a session was started for that it could not be started, if they wait."""
        waiter = self._processes.started_for.get(session)
        for waiting in [w for w in self._waiting if w.waiter is waiter]:
            self._waiting.remove(waiting)
            waiting.error = error
            waiting.ready.set()

    def _start_spares_soon(self) -> None:
        """Not at once: what has just been asked would be slower for it, and then has to wait for
        the model anyway."""
        if self._spares_due is None:
            loop = asyncio.get_running_loop()
            self._spares_due = loop.call_later(_HEAD_START_SECONDS, self._start_spares)

    def _start_spares(self) -> None:
        self._spares_due = None
        if len(self._changeable) < len(Aspect):
            return  # a process that cannot become what is wanted is no spare
        free = self.limits.concurrency - self._processes.count(State.BUSY) - len(self._waiting)
        if self._recycles:
            self._arrange(spares=min(1, max(0, free)))
        else:
            likely = self._habits.during_a_start(time.monotonic())
            self._arrange(spares=min(self.limits.concurrency, likely))

    # --- afterwards -------------------------------------------------------------------

    async def _give_back(self, lease: Lease, wanted: SessionRequest) -> None:
        session = lease.session
        session.used = time.monotonic()
        session.exchanges += 1
        session.served += 1
        if self._is_spent(session):
            self._retire(session)
        elif lease.is_settled and lease.turns is not None:
            session.settle(lease.turns)
            session.state = State.READY
            self._habits.rested(stage_of(session))
        else:
            await self._take_back(lease, wanted)
        self._arrange()

    def _is_spent(self, session: Session) -> bool:
        is_lost = self._processes.closed or session.phase is not Phase.IDLE or not session.alive
        return is_lost or self._processes.is_worn(session)

    async def _take_back(self, lease: Lease, wanted: SessionRequest) -> None:
        """Take a turn out of the conversation that left nothing a client could go on with. What
        was before it stays: whoever asks again goes on from there."""
        session, noted_after = lease.session, lease.session.noted_after
        stage = stage_of(session, lease.turns)
        try:
            await session.rewind(wanted.turns[:-1])
        except ControlRefusedError:
            self._retire(session)
            return
        except BaseException:
            self._retire(session)
            raise
        if lease.turns is not None and session.noted_after is None:
            self._lost.put(lease.turns, noted_after, stage)
        if session.fresh and not self._recycles:
            self._retire(session)
        else:
            session.state = State.READY
