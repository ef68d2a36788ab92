"""The events of one answer, folded into one value."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from claude_run.turn.events import (
    RefusalDelta,
    TextDelta,
    ThinkingDelta,
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
class Answer:
    """The events of one answer, folded."""

    finished: TurnFinished
    text: str = ""
    thinking: str = ""
    refusal: str = ""
    tool_calls: tuple[CallText, ...] = ()


@dataclass(slots=True)
class _Parts:
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    heads: list[ToolCallStarted] = field(default_factory=list)
    arguments: dict[int, list[str]] = field(default_factory=dict)

    def answer(self, finished: TurnFinished) -> Answer:
        calls = tuple(
            CallText(h.id, h.name, "".join(self.arguments.get(h.index, ())) or "{}")
            for h in self.heads
        )
        return Answer(
            finished, "".join(self.text), "".join(self.thinking), "".join(self.refusal), calls
        )


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
            case TextDelta(text):
                parts.text.append(text)
            case ThinkingDelta(text):
                parts.thinking.append(text)
            case RefusalDelta(text):
                parts.refusal.append(text)
            case ToolCallStarted():
                parts.heads.append(event)
            case ToolCallDelta(index, fragment):
                parts.arguments.setdefault(index, []).append(fragment)
            case TurnFinished():
                return parts.answer(event)
    raise ValueError("the events end without a TurnFinished")
