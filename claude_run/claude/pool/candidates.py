"""What a turn needs of a session, and how well each session could give it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol, TypeVar

from claude_run.claude.conversation import calls_tools, continues, marks, questions
from claude_run.claude.pool.habits import Stage
from claude_run.claude.session.aspects import Aspect
from claude_run.claude.session.session import State
from claude_run.claude.session.shape import Shape
from claude_run.claude.tools import ToolNames
from claude_run.turn import Turn

# Replaying a user turn takes about 15 ms, a new process 500 ms however long its transcript.
_REPLAY_AT_MOST: Final = 25


@dataclass(frozen=True)
class SessionRequest:
    """What a turn needs of a session."""

    shape: Shape
    names: ToolNames
    turns: tuple[Turn, ...]

    @cached_property
    def marks(self) -> tuple[int, ...]:
        return marks(self.turns)

    @cached_property
    def is_long(self) -> bool:
        """Whether a new process reads the conversation faster than a live session is told it."""
        return questions(self.turns) > _REPLAY_AT_MOST


class Candidate(Protocol):
    """What the planner looks at of a session."""

    @property
    def shape(self) -> Shape: ...
    @property
    def state(self) -> State: ...
    @property
    def turns(self) -> tuple[Turn, ...]: ...
    @property
    def exchanges(self) -> int: ...
    @property
    def served(self) -> int: ...
    @property
    def used(self) -> float: ...

    def can_become(self, shape: Shape, /) -> bool: ...


S = TypeVar("S", bound=Candidate)


def goes_on(session: Candidate, wanted: SessionRequest) -> bool:
    """Whether the session's conversation is the beginning of this one, and only fields differ."""
    return session.shape.differs(wanted.shape) <= {Aspect.FIELDS} and continues(
        session.turns, wanted.turns
    )


def furthest(sessions: Sequence[S], wanted: SessionRequest) -> S | None:
    """Of those sessions whose conversation this one goes on with, the one that has most of it."""
    return max(
        (session for session in sessions if goes_on(session, wanted)),
        key=lambda session: (len(session.turns), session.shape == wanted.shape),
        default=None,
    )


def freshest(sessions: Sequence[S], wanted: SessionRequest) -> S | None:
    """Of those sessions that have no conversation, the one that needs least to be done to it."""
    return max(
        (session for session in sessions if not session.turns),
        key=lambda s: (-len(s.shape.differs(wanted.shape)), s.served > 0, s.used),
        default=None,
    )


def stage_of(session: Candidate, turns: tuple[Turn, ...] | None = None) -> Stage:
    """Where its conversation rests; with `turns`, where those do."""
    calls = calls_tools((session.turns if turns is None else turns)[-1:])
    return Stage(session.shape.kind, session.exchanges <= 1, calls)


def thinks_on(session: Candidate) -> bool:
    """Whether the model's thinking before a tool call would be lost: it lives only here."""
    return session.shape.thinking and calls_tools(session.turns[-1:])
