"""Conversations that were live, and whose session is gone or somebody else's now."""

from dataclasses import dataclass
from typing import Final

from claude_run.claude.conversation import marks, settled
from claude_run.claude.pool.candidates import SessionRequest, stage_of
from claude_run.claude.pool.habits import Stage
from claude_run.claude.pool.lru import LRU
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session
from claude_run.turn import Turn

_REMEMBERED: Final = 512


@dataclass(frozen=True, slots=True)
class _Lost:
    noted_after: int
    stage: Stage


class LostConversations:
    """Remembers after which turn the CLI had put its note: Claude's prompt cache has it there."""

    def __init__(self) -> None:
        self._lost: LRU[int, _Lost] = LRU(_REMEMBERED)

    def note(self, session: Session) -> None:
        """A session is about to hold its conversation no longer."""
        self.put(session.turns, session.noted_after, stage_of(session))

    def put(self, turns: tuple[Turn, ...], noted_after: int | None, stage: Stage) -> None:
        if turns and noted_after is not None:
            self._lost.put(marks(turns)[-1], _Lost(noted_after, stage))

    def stage(self, wanted: SessionRequest) -> Stage | None:
        """Where the conversation had rested, if it was live once."""
        lost = self._found(wanted)
        return None if lost is None else lost.stage

    def history(self, wanted: SessionRequest) -> History:
        """What to begin a process with that is to go on with these turns. `noted_after` is set
        if the conversation was live once."""
        turns = settled(wanted.turns)
        lost = self._found(wanted)
        if lost is None or lost.noted_after >= len(turns):
            return History(turns)
        return History(turns, noted_after=lost.noted_after)

    def _found(self, wanted: SessionRequest) -> _Lost | None:
        found = (self._lost.get(mark) for mark in reversed(wanted.marks[:-1]))
        return next((lost for lost in found if lost is not None), None)
