"""Who gets which session, decided purely: the pool does what is planned here.

Those who wait are looked at in order of arrival. Each gets the best idle session: one whose
conversation is exactly the beginning of theirs, else one without a conversation, else one whose
conversation will be missed least. Whoever gets none has a process started. A process is started
for somebody, but goes to whoever is first and can use it when it is ready.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from claude_run.claude.pool.candidates import (
    Candidate,
    SessionRequest,
    freshest,
    furthest,
    goes_on,
    stage_of,
    thinks_on,
)
from claude_run.claude.pool.habits import Habits
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import State

S = TypeVar("S", bound=Candidate)


@dataclass(frozen=True, eq=False)
class Waiter:
    """Somebody who waits for a session. `lost` is what a new process for them begins with, if
    it is to be one: `noted_after` is set in it where their conversation was live once. `failed`
    counts the sessions that refused to become what they wanted."""

    wanted: SessionRequest
    history: History
    failed: int = 0

    def suits(self, session: Candidate) -> bool:
        """Whether the session, once it is fresh, can answer. After a refusal nothing is asked of
        a session any more."""
        shape = self.wanted.shape
        return session.shape == shape if self.failed else session.can_become(shape)

    @property
    def wants_a_process(self) -> bool:
        """Whether a new process serves them better than one that is told the conversation: it
        has read a long one sooner, and gives a lost one the note where Claude's cache has it. A
        preference only: where nothing can be read in, they are told."""
        has_history = bool(self.history.turns)
        return has_history and (self.wanted.is_long or self.history.noted_after is not None)


@dataclass(frozen=True, slots=True)
class Grant(Generic[S]):
    """Give `session` to `waiter`. A conversation in it that is not theirs is rewound."""

    waiter: Waiter
    session: S


@dataclass(frozen=True, slots=True)
class Start:
    """Start a process for `waiter`, or a spare if that is None, with `history` in its
    conversation."""

    waiter: Waiter | None = None
    history: History = field(default_factory=History)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Retire(Generic[S]):
    session: S


Action: TypeAlias = Grant[S] | Start | Retire[S]


@dataclass(frozen=True, slots=True)
class Situation(Generic[S]):
    """All that a plan depends on. `waiters` are in order of arrival; `started_for` says for whom
    each opening session was started. `places` is how many more turns may be in flight, `room`
    how many more processes there may be, `starts` how many more may be starting; `ending` is
    how many are ending already. `spares` is how many idle sessions there should be besides."""

    waiters: Sequence[Waiter]
    sessions: Sequence[S]
    started_for: Mapping[S, Waiter | None]
    places: int
    room: int
    starts: int
    ending: int
    habits: Habits
    recycles: bool = True
    memory_is_low: bool = False
    spares: int = 0


def plan(situation: Situation[S]) -> list[Action[S]]:
    """What to do now. Executing it changes the situation, and then it is planned anew."""
    return _Plan(situation).made()


@dataclass(slots=True)
class _Plan(Generic[S]):
    now: Situation[S]
    actions: list[Action[S]] = field(default_factory=list)
    _idle: list[S] = field(default_factory=list)
    _coming: list[S] = field(default_factory=list)
    _places: int = 0
    _room: int = 0
    _starts: int = 0
    _ending: int = 0

    def made(self) -> list[Action[S]]:
        now = self.now
        self._idle = [s for s in now.sessions if s.state is State.READY]
        self._coming = [s for s in now.sessions if s.state is State.OPENING]
        self._places, self._room = now.places, now.room
        self._starts, self._ending = now.starts, now.ending
        for waiter in now.waiters:
            if self._places <= 0:
                break
            self._serve(waiter)
        self._add_spares()
        return self.actions

    # --- who waits --------------------------------------------------------------------

    def _serve(self, waiter: Waiter) -> None:
        # Their place is kept even if nothing can be done for them yet. Else those behind would
        # take it, a spare the room that is made for them, and so on without end.
        self._places -= 1
        suiting = [session for session in self._idle if waiter.suits(session)]
        session = furthest(suiting, waiter.wanted)
        if session is None and not (waiter.wants_a_process and self._has_process(waiter)):
            session = self._spare(self._idle, waiter) or self._least_missed(waiter)
        if session is not None:
            self._idle.remove(session)
            self.actions.append(Grant(waiter, session))
        elif not self._is_coming(waiter):
            self._start_for(waiter)

    def _spare(self, sessions: Sequence[S], waiter: Waiter) -> S | None:
        suiting = [session for session in sessions if waiter.suits(session)]
        return freshest(suiting, waiter.wanted)

    def _has_process(self, waiter: Waiter) -> bool:
        """Whether a process of their own is coming, or could come."""
        is_coming = any(self.now.started_for.get(s) is waiter for s in self._coming)
        return is_coming or self._can_start or (self._room <= 0 and self._has_to_end())

    def _is_coming(self, waiter: Waiter) -> bool:
        """Whether a process is coming that nobody before them will have; it is theirs then."""
        own = (s for s in self._coming if self.now.started_for.get(s) is waiter)
        session = next(own, None)
        if session is None and not waiter.wants_a_process:
            session = self._spare(self._coming, waiter)
        if session is None:
            return False
        self._coming.remove(session)
        return True

    def _start_for(self, waiter: Waiter) -> None:
        if self._can_start:
            self._start(Start(waiter, self._history_for(waiter), self._reason(waiter)))
        elif self._ending <= 0 and (self._room <= 0 or self.now.memory_is_low):
            self._retire_least_missed()

    def _history_for(self, waiter: Waiter) -> History:
        """What is not read in is told: that is faster, unless there is much of it."""
        return waiter.history if waiter.wants_a_process else History()

    def _reason(self, waiter: Waiter) -> str:
        if waiter.failed:
            return "a live session refused a change"
        if waiter.wants_a_process:
            return "its conversation is read in"
        return "no idle session could be had" if self._idle else "no session was idle"

    @property
    def _can_start(self) -> bool:
        is_first = not self.now.sessions and not any(isinstance(a, Start) for a in self.actions)
        return self._starts > 0 and self._room > 0 and (is_first or not self.now.memory_is_low)

    def _start(self, start: Start) -> None:
        self._starts -= 1
        self._room -= 1
        self.actions.append(start)

    def _has_to_end(self) -> bool:
        return self._ending > 0 or bool(self._idle)

    def _retire_least_missed(self) -> None:
        if self._idle:
            session = min(self._idle, key=self._worth)
            self._idle.remove(session)
            self._ending += 1
            self.actions.append(Retire(session))

    # --- whose session may be taken ---------------------------------------------------

    def _least_missed(self, waiter: Waiter) -> S | None:
        takeable = (s for s in self._idle if waiter.suits(s) and self._is_takeable(s))
        return min(takeable, key=self._worth, default=None)

    def _is_takeable(self, session: S) -> bool:
        """Whether a new conversation may have the session, and the one in it be forgotten. Where
        there is no room for another process, somebody's has to end anyway."""
        if not self.now.recycles:
            return False
        is_full = self._room <= 0 or self.now.memory_is_low
        return is_full or (not thinks_on(session) and self._is_over(session))

    def _is_over(self, session: S) -> bool:
        """Whether its conversation is probably not gone on with."""
        return not self.now.habits.keeps_on(stage_of(session)) and not self._is_awaited(session)

    def _is_awaited(self, session: S) -> bool:
        return any(goes_on(session, waiter.wanted) for waiter in self.now.waiters)

    def _worth(self, session: S) -> tuple[bool, bool, float]:
        """Of several sessions, the one that will be missed least has the least."""
        return self._is_awaited(session), thinks_on(session), session.used

    # --- who will come ----------------------------------------------------------------

    def _add_spares(self) -> None:
        at_hand = [s for s in self._idle if not s.turns or self._is_takeable(s)]
        missing = self.now.spares - len(at_hand) - len(self._coming)
        for _ in range(missing):
            if self.now.memory_is_low:
                return
            if not self._can_start:
                if not self.now.recycles and self._room <= 0 < self._starts and not self._ending:
                    self._retire_least_missed()  # nobody but its own conversation can use it
                return
            self._start(Start())
