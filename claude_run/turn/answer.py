"""The events of one answer, folded into one value."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from typing_extensions import assert_never

from claude_run.turn.conversation import RedactedThinking, Text, Thinking
from claude_run.turn.events import (
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
    ThinkingRedacted,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    TurnEvent,
    TurnFinished,
    TurnRestarted,
    TurnStarted,
)


@dataclass(frozen=True, slots=True)
class CallText:
    """A finished tool call; `arguments` is JSON as the model wrote it, "{}" if it wrote none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Refusal:
    text: str


AnswerPart: TypeAlias = Text | Thinking | RedactedThinking | Refusal | CallText


@dataclass(frozen=True, slots=True)
class Answer:
    """The events of one answer, folded. `parts` are in the order in which the model wrote them;
    neighbouring pieces of one kind are one part, and none is empty."""

    finished: TurnFinished
    parts: tuple[AnswerPart, ...] = ()

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def refusal(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Refusal))

    @property
    def tool_calls(self) -> tuple[CallText, ...]:
        return tuple(part for part in self.parts if isinstance(part, CallText))


_Kind: TypeAlias = type[TextDelta | ThinkingDelta | RefusalDelta]


@dataclass(slots=True)
class _Parts:
    """What was read so far: `done`, the calls' `arguments` by their index, and the text of one
    `kind` that is being written."""

    done: list[AnswerPart | ToolCallStarted] = field(default_factory=list)
    arguments: dict[int, list[str]] = field(default_factory=dict)
    kind: _Kind | None = None
    pieces: list[str] = field(default_factory=list)

    def say(self, event: TextDelta | ThinkingDelta | RefusalDelta) -> None:
        if self.kind is not type(event):
            self.close()
            self.kind = type(event)
        self.pieces.append(event.text)

    def sign(self, signature: str) -> None:
        text = self._text() if self.kind is ThinkingDelta else ""
        self.close()
        self.done.append(Thinking(text, signature))

    def add(self, part: RedactedThinking | ToolCallStarted) -> None:
        self.close()
        self.done.append(part)

    def close(self) -> None:
        """End the text that is being written, if one is."""
        kind, text = self.kind, self._text()
        if text:
            self.done.append(_written(kind, text))

    def _text(self) -> str:
        text, self.pieces, self.kind = "".join(self.pieces), [], None
        return text

    def answer(self, finished: TurnFinished) -> Answer:
        self.close()
        return Answer(finished, tuple(map(self._finished, self.done)))

    def _finished(self, part: AnswerPart | ToolCallStarted) -> AnswerPart:
        if not isinstance(part, ToolCallStarted):
            return part
        return CallText(part.id, part.name, "".join(self.arguments.get(part.index, ())) or "{}")


def _written(kind: _Kind | None, text: str) -> AnswerPart:
    if kind is ThinkingDelta:
        return Thinking(text, "")
    return Refusal(text) if kind is RefusalDelta else Text(text)


def fold(events: Iterable[TurnEvent]) -> Answer:
    """The one answer a complete sequence of events amounts to.

    Raises:
        ValueError: the events end without a TurnFinished.
    """
    parts = _Parts()
    for event in events:
        match event:
            case TurnStarted():
                pass
            case TurnRestarted():
                parts = _Parts()
            case TextDelta() | ThinkingDelta() | RefusalDelta():
                parts.say(event)
            case ThinkingSigned(signature):
                parts.sign(signature)
            case ThinkingRedacted(data):
                parts.add(RedactedThinking(data))
            case ToolCallStarted():
                parts.add(event)
            case ToolCallDelta(index, fragment):
                parts.arguments.setdefault(index, []).append(fragment)
            case TurnFinished():
                return parts.answer(event)
            case _:
                assert_never(event)
    raise ValueError("the events end without a TurnFinished")
