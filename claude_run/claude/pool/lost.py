"""Conversations that were live, and whose session is gone or somebody else's now."""

from typing import Final

from claude_run.claude.conversation import marks, settled
from claude_run.claude.pool.candidates import SessionRequest
from claude_run.claude.pool.lru import LRU
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session
from claude_run.turn import Turn

_REMEMBERED: Final = 512


class LostConversations:
    """Remembers after which turn the CLI had put its note: Claude's prompt cache has it there."""

    def __init__(self) -> None:
        self._noted_after: LRU[int, int] = LRU(_REMEMBERED)

    def note(self, session: Session) -> None:
        self.put(session.turns, session.noted_after)

    def put(self, turns: tuple[Turn, ...], noted_after: int | None) -> None:
        if turns and noted_after is not None:
            self._noted_after.put(marks(turns)[-1], noted_after)

    def history(self, wanted: SessionRequest) -> History:
        """What to begin a process with that is to go on with these turns. `noted_after` is set
        if the conversation was live once."""
        turns = settled(wanted.turns)
        found = (self._noted_after.get(mark) for mark in reversed(wanted.marks[:-1]))
        noted_after = next((number for number in found if number is not None), None)
        if noted_after is None or noted_after >= len(turns):
            return History(turns)
        return History(turns, noted_after=noted_after)
