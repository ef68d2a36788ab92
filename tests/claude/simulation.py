"""A pool without processes: it carries plans out as the real one does, and checks each action.

Time passes only where a test says so: a process opens, fails, dies or ends, a turn ends, a caller
goes away, and after each of these it is planned anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

from typing_extensions import assert_never

from claude_run.claude.pool.candidates import SessionRequest, stage_of, thinks_on
from claude_run.claude.pool.habits import Habits
from claude_run.claude.pool.lost import LostConversations
from claude_run.claude.pool.planner import Grant, Retire, Situation, Start, Waiter, plan
from claude_run.claude.session.aspects import Aspect
from claude_run.claude.session.options import birth_of, fixed_by
from claude_run.claude.session.session import Session, State
from claude_run.claude.session.shape import Shape
from claude_run.turn import Turn

REFUSALS = 3  # after so many, a caller is told


@dataclass(eq=False, slots=True)
class Process:
    """What the planner sees of a session."""

    shape: Shape
    changeable: frozenset[Aspect]
    turns: tuple[Turn, ...] = ()
    state: State = State.OPENING
    exchanges: int = 0
    served: int = 0
    used: float = 0.0
    alive: bool = True
    noted_after: int | None = None
    described: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.become(self.shape)

    def can_become(self, shape: Shape, /) -> bool:
        known = self.described
        return self.shape.differs(shape) <= self.changeable and all(
            known.get((tool.name, tool.schema), tool.description) == tool.description
            for tool in shape.tools
        )

    def become(self, shape: Shape) -> None:
        self.shape = shape
        self.described |= {(tool.name, tool.schema): tool.description for tool in shape.tools}


@dataclass(eq=False, slots=True)
class Caller:
    """Somebody who asks. Exactly one of these comes true: a session is theirs, they are told
    that there is none, or they go away."""

    wanted: SessionRequest
    waiter: Waiter
    process: Process | None = None
    asked_of_it: bool = False
    """Whether something is asked of the process before it can answer, and may be refused."""
    is_told: bool = False

    @property
    def waits(self) -> bool:
        return self.process is None and not self.is_told


@dataclass(eq=False)
class Simulation:
    concurrency: int
    most: int
    """How many processes there may be."""
    starts: int
    recycles: bool
    changeable: Collection[Aspect]
    memory_is_low: bool = False
    clock: float = 0.0
    waiting: list[Caller] = field(default_factory=list)
    answering: list[Caller] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    ending: list[Process] = field(default_factory=list)
    just_granted: list[Caller] = field(default_factory=list)
    _started_for: dict[Process, Waiter | None] = field(default_factory=dict)
    _habits: Habits = field(default_factory=Habits)
    _lost: LostConversations = field(default_factory=LostConversations)

    @property
    def opening(self) -> list[Process]:
        return [process for process in self.processes if process.state is State.OPENING]

    @property
    def is_quiet(self) -> bool:
        return not (self.waiting or self.answering or self.opening or self.ending)

    # --- what callers do --------------------------------------------------------------

    def ask(self, wanted: SessionRequest) -> Caller:
        self._retire_dead()
        caller = Caller(wanted, Waiter(wanted, self._lost.history(wanted)))
        self.waiting.append(caller)
        self.arrange()
        return caller

    def go_away(self, caller: Caller) -> None:
        """Before the caller has noticed anything, even that a session is theirs."""
        if caller.process is None:
            self.waiting.remove(caller)
        else:
            self.just_granted.remove(caller)
            self.answering.remove(caller)
            caller.process.state = State.READY
        self.arrange()

    def refuse(self, caller: Caller) -> None:
        """The session of `caller`, who has just been granted it, does not do what it is asked."""
        process = self._taken_from(caller)
        self._retire(process)
        if caller.waiter.failed + 1 >= REFUSALS:
            caller.is_told = True
            return  # it is planned anew when the process has ended
        caller.process = None
        history = self._lost.history(caller.wanted)
        caller.waiter = Waiter(caller.wanted, history, caller.waiter.failed + 1)
        self.waiting.insert(0, caller)
        self.arrange()

    def answer(self, caller: Caller, turns: tuple[Turn, ...], *, is_whole: bool = True) -> None:
        """A turn ends, and its conversation then is `turns`. Where that is not what was wanted,
        the conversation is taken back to it."""
        process = self._taken_from(caller)
        process.used = self.clock
        process.exchanges += 1
        process.served += 1
        process.turns = turns
        if not process.alive or (not turns and not self.recycles):
            self._retire(process)
        else:
            process.exchanges = process.exchanges if turns else 0
            process.state = State.READY
            if turns:
                self._habits.rested(stage_of(process))
        assert is_whole or len(turns) < len(caller.wanted.turns)
        self.arrange()

    def _taken_from(self, caller: Caller) -> Process:
        self.answering.remove(caller)
        if caller in self.just_granted:
            self.just_granted.remove(caller)
        assert caller.process is not None
        return caller.process

    # --- what processes do ------------------------------------------------------------

    def opened(self, process: Process) -> None:
        process.state = State.READY
        self._started_for.pop(process)
        self.arrange()

    def failed(self, process: Process) -> None:
        waiter = self._started_for[process]
        self._retire(process)
        for caller in [caller for caller in self.waiting if caller.waiter is waiter]:
            self.waiting.remove(caller)
            caller.is_told = True
        self._started_for.pop(process)
        self.arrange()

    def ended(self, process: Process) -> None:
        self.ending.remove(process)
        self.arrange()

    def _retire_dead(self) -> None:
        for process in list(self.processes):
            if process.state is State.READY and not process.alive:
                self._retire(process)

    def _retire(self, process: Process) -> None:
        self._lost.note(cast(Session, process))
        self.processes.remove(process)
        self.ending.append(process)
        process.state = State.CLOSED

    # --- doing what is planned --------------------------------------------------------

    def arrange(self, spares: int = 0) -> None:
        self.clock += 1
        self._retire_dead()
        for action in plan(self._situation(spares)):
            match action:
                case Grant(waiter, process):
                    self._grant(self._caller(waiter), process)
                case Start():
                    self._start(action)
                case Retire(process):
                    assert process.state is State.READY
                    self._retire(process)
                case _:
                    assert_never(action)
        self._require_limits()

    def _situation(self, spares: int) -> Situation[Process]:
        return Situation(
            waiters=[caller.waiter for caller in self.waiting],
            sessions=tuple(self.processes),
            started_for=self._started_for,
            places=self.concurrency - len(self.answering),
            room=self.most - len(self.processes) - len(self.ending),
            starts=self.starts - len(self.opening),
            ending=len(self.ending),
            habits=self._habits,
            recycles=self.recycles,
            memory_is_low=self.memory_is_low,
            spares=spares,
        )

    def _caller(self, waiter: Waiter) -> Caller:
        """Whoever is gone is not found."""
        [caller] = [caller for caller in self.waiting if caller.waiter is waiter]
        return caller

    def _grant(self, caller: Caller, process: Process) -> None:
        wanted = caller.wanted
        is_theirs = is_beginning(process.turns, wanted.turns)
        assert process in self.processes
        assert process.state is State.READY, "nobody else has it"
        assert process.can_become(wanted.shape)
        assert process.shape == wanted.shape or not caller.waiter.failed
        self.waiting.remove(caller)
        self.answering.append(caller)
        self.just_granted.append(caller)
        caller.process, process.state = process, State.BUSY
        caller.asked_of_it = process.shape != wanted.shape
        if process.turns and not (is_theirs and is_same_but_for_fields(process, wanted)):
            self._forget(process, caller)
        elif process.turns:
            self._habits.went_on(stage_of(process))
        process.become(wanted.shape)

    def _forget(self, process: Process, caller: Caller) -> None:
        assert self.recycles
        is_full = len(self.processes) + len(self.ending) >= self.most or self.memory_is_low
        assert is_full or not thinks_on(process), "the model's thinking would be lost"
        others = (other.wanted for other in self.waiting)
        assert is_full or not any(
            is_beginning(process.turns, other.turns) and is_same_but_for_fields(process, other)
            for other in others
        ), "somebody who waits goes on with it"
        self._habits.began(self.clock)
        self._lost.note(cast(Session, process))
        process.turns, process.exchanges, caller.asked_of_it = (), 0, True

    def _start(self, start: Start) -> None:
        shape, changeable = Shape("sonnet"), frozenset(self.changeable)
        assert not (self.memory_is_low and self.processes)
        if start.waiter is not None:
            shape = self._caller(start.waiter).wanted.shape
            changeable = frozenset() if start.waiter.failed else changeable
        born = shape if start.history.turns else birth_of(shape, changeable)
        process = Process(born, changeable - fixed_by(born), start.history.turns)
        process.noted_after = start.history.noted_after or 0
        self.processes.append(process)
        self._started_for[process] = start.waiter

    def _require_limits(self) -> None:
        assert len(self.answering) <= self.concurrency
        assert len(self.processes) + len(self.ending) <= self.most
        assert len(self.opening) <= self.starts
        held = [caller.process for caller in self.answering]
        assert len(set(held)) == len(held), "a session is given to one caller at a time"
        assert len(held) == sum(process.state is State.BUSY for process in self.processes)


def is_beginning(kept: Sequence[Turn], asked: Sequence[Turn]) -> bool:
    return 0 < len(kept) < len(asked) and tuple(asked[: len(kept)]) == tuple(kept)


def is_same_but_for_fields(process: Process, wanted: SessionRequest) -> bool:
    return process.shape.differs(wanted.shape) <= {Aspect.FIELDS}
