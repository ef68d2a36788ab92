"""The user messages that a process was told, and which of them its conversation can go back to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from claude_run.claude.conversation import answers_calls
from claude_run.turn import Turn


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A user message of the conversation: its uuid, the number of its turn, and whether the
    conversation can be rewound to before it. Between a call and its result it cannot."""

    uuid: str
    turn: int
    is_target: bool


class Told:
    """The user messages of a process's conversation, in order."""

    def __init__(self) -> None:
        self._messages: list[UserMessage] = []

    def __bool__(self) -> bool:
        return bool(self._messages)

    @property
    def last(self) -> UserMessage:
        return self._messages[-1]

    def add(self, number: int, turn: Turn, uuid_: str | None = None) -> UserMessage:
        """Note that `turn`, of that number, is told under `uuid_`, or under one of its own."""
        is_target = not answers_calls(turn)
        self._messages.append(UserMessage(uuid_ or str(uuid.uuid4()), number, is_target))
        return self.last

    def target(self, keep: Sequence[Turn]) -> UserMessage | None:
        """The message to rewind to for the conversation to hold `keep` or as much of that as can
        be; None if nothing was told."""
        targets = (said for said in self._messages if said.is_target and said.turn <= len(keep))
        return max(targets, key=lambda said: said.turn, default=next(iter(self._messages), None))

    def is_first(self, message: UserMessage) -> bool:
        return message is self._messages[0]

    def forget_from(self, message: UserMessage) -> None:
        """Note that `message` and what came after it are no longer in the conversation."""
        del self._messages[self._messages.index(message) :]
