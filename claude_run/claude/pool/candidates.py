"""Which sessions could answer a turn, and which of them would be missed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from claude_run.claude.conversation import calls_tools, continues, marks, questions
from claude_run.claude.names import is_alias
from claude_run.claude.session.session import Session
from claude_run.claude.session.shape import Shape, Tuning
from claude_run.claude.tools import ToolNames
from claude_run.turn import Turn

# Replaying a user turn takes about 15 ms, a new process 500 ms however long its transcript.
_REPLAY_AT_MOST: Final = 25


@dataclass(frozen=True)
class Wanted:
    """What a turn needs of a session."""

    shape: Shape
    tuning: Tuning
    names: ToolNames
    turns: tuple[Turn, ...]

    @cached_property
    def marks(self) -> tuple[int, ...]:
        return marks(self.turns)

    @cached_property
    def is_replayable(self) -> bool:
        """Whether a live session is told the conversation faster than a new process reads it."""
        return questions(self.turns) <= _REPLAY_AT_MOST


def suits(session: Session, wanted: Wanted) -> bool:
    """Whether the session could answer. One that is to change to a model whose name the CLI does
    not resolve by itself would first ask that model something, only to see whether it is there."""
    model = wanted.tuning.model
    return session.shape == wanted.shape and (session.tuning.model == model or is_alias(model))


def goes_on(session: Session, wanted: Wanted) -> bool:
    """Whether the session's conversation is the beginning of this one."""
    return (
        session.shape == wanted.shape
        and session.tuning.model == wanted.tuning.model
        and continues(session.turns, wanted.turns)
    )


def furthest(sessions: Iterable[Session], wanted: Wanted) -> Session | None:
    """Of those sessions whose conversation this one goes on with, the one that has most of it."""
    return max(
        (session for session in sessions if goes_on(session, wanted)),
        key=lambda session: (len(session.turns), session.tuning == wanted.tuning),
        default=None,
    )


def freshest(sessions: Iterable[Session], wanted: Wanted) -> Session | None:
    """Of those sessions that have no conversation, the one that needs least to be done to it."""
    return max(
        (session for session in sessions if session.fresh and suits(session, wanted)),
        key=lambda session: (session.tuning == wanted.tuning, session.used),
        default=None,
    )


def is_one_exchange(session: Session) -> bool:
    """Whether it was asked once only, as most conversations ever are."""
    return session.exchanges <= 1 and not calls_tools(session.turns[-1:])


def thinks_on(session: Session) -> bool:
    """Whether the model's thinking before a tool call would be lost: it lives only here."""
    return session.shape.thinking and calls_tools(session.turns[-1:])
