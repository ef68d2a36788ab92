"""Whatever happens to callers and processes, and in whatever order, the planner is fair and loses
nothing. `python -m tests.claude.test_planner --histories N` runs N random histories."""

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.claude.conversation import calls_tools
from claude_run.claude.pool.candidates import SessionRequest
from claude_run.claude.session.aspects import Aspect
from claude_run.claude.session.shape import Shape, Tool
from claude_run.claude.tools import ToolNames
from claude_run.turn import AssistantTurn, Text, ToolCall, ToolResult, Turn, UserTurn
from tests.claude.simulation import Caller, Simulation

_T = TypeVar("_T")

OLD, NEW = Tool("look_up", "Looks up.", "{}"), Tool("look_up", "Looks it up.", "{}")
SHAPES: Final = (
    Shape("sonnet", "Be brief."),
    Shape("sonnet", "Be kind."),
    Shape("haiku"),
    Shape("sonnet", "Be brief.", (OLD,)),
    Shape("sonnet", "Be brief.", (NEW,)),
    Shape("sonnet", "Be brief.", (OLD,), thinking=True),
    Shape("sonnet", "Be brief.", fields='{"temperature": 0.5}'),
)
NO_NAMES: Final = ToolNames(())
SAID: Final = AssistantTurn((Text("So it is."),))
CALLED: Final = AssistantTurn((ToolCall("1", "look_up", {}),))
FOUND: Final = UserTurn((ToolResult("1", (Text("found"),)),))
AND: Final = UserTurn((Text("And then?"),))
LONG: Final = ((CALLED, FOUND) * 28, (SAID, AND) * 28)
"""What follows the question of a conversation whose every answer calls a tool, or none does."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a client holds, up to the last answer."""

    shape: Shape
    turns: tuple[Turn, ...]

    def asked(self, *, fields: str | None = None) -> SessionRequest:
        shape = self.shape if fields is None else replace(self.shape, fields=fields)
        more = FOUND if calls_tools(self.turns[-1:]) else AND
        return SessionRequest(shape, NO_NAMES, (*self.turns, more))


class History:
    """One random history: every byte is something that happens, and to whom."""

    def __init__(self, script: bytes) -> None:
        head, self._events = script[:5].ljust(5, b"\0"), script[5:]
        concurrency = 1 + head[0] % 4
        self.pool = Simulation(
            concurrency,
            most=concurrency + head[1] % 3,
            starts=1 + head[2] % 3,
            recycles=head[3] % 2 == 0,
            changeable=() if head[3] % 8 >= 6 else frozenset(Aspect),
        )
        self._is_pressed = head[4] % 2 == 1
        self._questions = 0
        self._conversations: list[Conversation] = []
        self._happens: tuple[Callable[[int], None], ...] = (
            lambda _: None,
            self._begins,
            self._goes_on,
            self._goes_on_otherwise,
            self._comes_with_much,
            self._branches,
            self._opens,
            self._opens,
            self._fails,
            self._dies,
            self._is_answered,
            self._calls,
            self._is_not_answered,
            self._is_refused,
            self._goes_away,
            self._changes,
        )

    def play(self) -> None:
        for event in self._events:
            is_crowded = len(self.pool.waiting) > self.pool.concurrency + 2
            if not (is_crowded and 1 <= event % 16 <= 5):  # then nobody comes
                self._happens[event % 16](event // 16)
        self.pool.memory_is_low = False
        if self._is_pressed:
            self._drain_under_pressure()
        self._drain()
        self._fill_every_place()

    # --- who asks ---------------------------------------------------------------------

    def _question(self) -> UserTurn:
        self._questions += 1
        return UserTurn((Text(f"question {self._questions}"),))

    def _begins(self, n: int) -> None:
        self.pool.ask(SessionRequest(SHAPES[n % len(SHAPES)], NO_NAMES, (self._question(),)))

    def _goes_on(self, n: int) -> None:
        if self._conversations:
            self.pool.ask(_of(self._conversations, n).asked())

    def _goes_on_otherwise(self, n: int) -> None:
        if self._conversations:
            self.pool.ask(_of(self._conversations, n).asked(fields=f'{{"max_tokens": {n}}}'))

    def _comes_with_much(self, n: int) -> None:
        turns = (self._question(), *LONG[n % 2])
        self.pool.ask(SessionRequest(SHAPES[3 + n % 3], NO_NAMES, turns))

    def _branches(self, n: int) -> None:
        if self._conversations:
            conversation = _of(self._conversations, n)
            turns = (*conversation.turns[: 2 * (n % 3)], self._question())
            self.pool.ask(SessionRequest(conversation.shape, NO_NAMES, turns))

    def _goes_away(self, n: int) -> None:
        if present := [*self.pool.just_granted, *self.pool.waiting]:
            self.pool.go_away(_of(present, n))

    # --- what processes do ------------------------------------------------------------

    def _opens(self, n: int) -> None:
        if self.pool.opening:
            self.pool.opened(_of(self.pool.opening, n))

    def _fails(self, n: int) -> None:
        if self.pool.opening:
            self.pool.failed(_of(self.pool.opening, n))

    def _dies(self, n: int) -> None:
        if self.pool.processes:
            _of(self.pool.processes, n).alive = False

    def _is_answered(self, n: int) -> None:
        if self.pool.answering:
            self._answer(_of(self.pool.answering, n), SAID)

    def _calls(self, n: int) -> None:
        if self.pool.answering:
            self._answer(_of(self.pool.answering, n), CALLED)

    def _answer(self, caller: Caller, answer: AssistantTurn) -> None:
        turns = (*caller.wanted.turns, answer)
        self._conversations = [*self._conversations[-3:], Conversation(caller.wanted.shape, turns)]
        self.pool.answer(caller, turns)

    def _is_not_answered(self, n: int) -> None:
        if self.pool.answering:
            caller = _of(self.pool.answering, n)
            before = caller.wanted.turns[:-1]
            kept = before if not calls_tools(before[-1:]) else ()
            self.pool.answer(caller, kept, is_whole=False)

    def _is_refused(self, n: int) -> None:
        if asked := [caller for caller in self.pool.just_granted if caller.asked_of_it]:
            self.pool.refuse(_of(asked, n))

    def _changes(self, n: int) -> None:
        if n % 4 == 0:
            self.pool.memory_is_low = not self.pool.memory_is_low
        elif n % 4 == 1 and self.pool.ending:
            self.pool.ended(_of(self.pool.ending, n))
        elif n % 4 == 2:
            self.pool.just_granted.clear()  # they go on to ask
        else:
            self.pool.arrange(spares=n // 4)

    # --- and in the end ---------------------------------------------------------------

    def _pass(self) -> Iterator[None]:
        """All that is under way now comes to an end, one thing after another."""
        for process in self.pool.opening:
            self.pool.opened(process)
            yield
        for process in list(self.pool.ending):
            self.pool.ended(process)
            yield
        for caller in list(self.pool.answering):
            self._answer(caller, SAID)
            yield

    def _drain(self) -> None:
        """Everyone who waits is served in the end."""
        callers = list(self.pool.waiting)
        for _ in range(self._rounds):
            for _ in self._pass():
                pass
            if self.pool.is_quiet:
                break
        assert self.pool.is_quiet
        assert all(caller.process is not None for caller in callers)

    def _drain_under_pressure(self) -> None:
        callers = list(self.pool.waiting)
        self.press(callers)
        assert not any(caller.waits for caller in callers), "overtaken without end"

    def press(self, callers: Sequence[Caller]) -> None:
        """With everything that happens somebody else comes, for whose conversation a session is
        at hand, and spares are wanted all the time, until all `callers` are served."""
        most = 2 * self.pool.concurrency + len(callers)
        for number in range(self._rounds):
            for _ in chain((None,), self._pass()):
                if len(self.pool.waiting) < most:
                    self._goes_on(-1)
                self.pool.arrange(spares=1 + number % 2)
            if not any(caller.waits for caller in callers):
                break

    def begin_and_end(self) -> None:
        """A new conversation has one answer."""
        self._begins(0)
        while self.pool.opening:
            self.pool.opened(self.pool.opening[0])
        self._is_answered(0)

    def go_on_and_end(self) -> None:
        """A conversation goes on as soon as it can, and spares take whatever room there is."""
        self._goes_on(-1)
        for process in list(self.pool.ending):
            self.pool.ended(process)
            self.pool.arrange(spares=1)
        for process in self.pool.opening:
            self.pool.opened(process)
        for caller in list(self.pool.answering):
            self._answer(caller, SAID)

    @property
    def _rounds(self) -> int:
        """How often everything may come to an end until everyone must have been served: a
        process may have to end, and one to start, for each."""
        return 4 * (len(self.pool.waiting) + len(self.pool.answering) + 2)

    def _fill_every_place(self) -> None:
        """No place was lost: as many as are allowed are answered at once."""
        for n in range(self.pool.concurrency):
            self._comes_with_much(n)
        for _ in range(4 * self.pool.most):
            for process in self.pool.opening:
                self.pool.opened(process)
            for process in list(self.pool.ending):
                self.pool.ended(process)
        assert len(self.pool.answering) == self.pool.concurrency


def _of(items: Sequence[_T], n: int) -> _T:
    return items[n % len(items)]


@settings(max_examples=500, deadline=None)
@given(st.binary(min_size=24, max_size=120))
def test_everyone_is_served_in_turn_and_nothing_is_lost(script: bytes) -> None:
    History(script).play()


def test_the_room_that_is_made_for_somebody_goes_to_nobody_behind_them() -> None:
    """Where every conversation keeps its process, and spares are wanted all the time."""
    history = History(bytes((0, 1, 0, 1, 0)))
    pool = history.pool
    for _ in range(pool.most):
        history.begin_and_end()
    pool.just_granted.clear()
    long = pool.ask(SessionRequest(SHAPES[4], NO_NAMES, (AND, *LONG[1])))
    for _ in range(20):
        history.go_on_and_end()
    assert not long.waits


def test_everyone_is_served_in_long_histories() -> None:
    play_random(60, length=200, seed=0)


def play_random(histories: int, length: int, seed: int) -> None:
    source = random.Random(seed)
    for _ in range(histories):
        script = source.randbytes(length)
        try:
            History(script).play()
        except Exception as error:
            raise AssertionError(f"History({script!r}).play()") from error


def main() -> None:
    parser = argparse.ArgumentParser(description="Plays random histories of a pool.")
    parser.add_argument("--histories", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=150, help="how long each is")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    play_random(chosen.histories, chosen.events, chosen.seed)


if __name__ == "__main__":
    main()
