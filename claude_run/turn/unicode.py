"""Text that arrives in pieces, made valid Unicode.

JSON can spell half a surrogate pair. A pair may be cut in two by the pieces that a stream comes
in, and a model or a proxy may write a half alone; no answer in UTF-8 can hold either.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

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

_Texts: TypeAlias = TextDelta | ThinkingDelta | RefusalDelta


def valid(text: str) -> str:
    """`text` with halves of one pair joined, and a replacement character for a lone half."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class ValidUnicode:
    """The events of one answer, with nothing in them that cannot be encoded. The first half of
    a pair is held back until the next piece of the same text, or until something else comes."""

    def __init__(self) -> None:
        self._held: TurnEvent | None = None

    def feed(self, event: TurnEvent) -> Iterator[TurnEvent]:
        match event:
            case TextDelta() | ThinkingDelta() | RefusalDelta():
                yield from self._text(event)
            case ToolCallDelta():
                yield from self._fragment(event)
            case TurnRestarted():
                self._held = None
                yield event
            case ThinkingSigned() | ThinkingRedacted():
                yield from self._released()
                yield event  # upstream's own, in ASCII
            case ToolCallStarted() | TurnStarted() | TurnFinished():
                yield from self._released()
                yield _named(event)

    def _text(self, event: _Texts) -> Iterator[TurnEvent]:
        if isinstance(held := self._held, type(event)):
            event, self._held = replace(event, text=held.text + event.text), None
        yield from self._released()
        text, half = _split(event.text)
        self._held = replace(event, text=half) if half else None
        if text:
            yield replace(event, text=text)

    def _fragment(self, event: ToolCallDelta) -> Iterator[TurnEvent]:
        held = self._held
        if isinstance(held, ToolCallDelta) and held.index == event.index:
            event, self._held = replace(event, fragment=held.fragment + event.fragment), None
        yield from self._released()
        text, half = _split(event.fragment)
        self._held = replace(event, fragment=half) if half else None
        if text:
            yield replace(event, fragment=text)

    def _released(self) -> Iterator[TurnEvent]:
        """What was held back, now that its other half will not come."""
        held, self._held = self._held, None
        match held:
            case TextDelta() | ThinkingDelta() | RefusalDelta():
                yield replace(held, text=valid(held.text))
            case ToolCallDelta():
                yield replace(held, fragment=valid(held.fragment))
            case _:
                pass


def _split(text: str) -> tuple[str, str]:
    """`text`, valid, and the first half of a pair where it ends with one."""
    if text and "\ud800" <= text[-1] <= "\udbff":
        return valid(text[:-1]), text[-1]
    return valid(text), ""


def _named(event: ToolCallStarted | TurnStarted | TurnFinished) -> TurnEvent:
    match event:
        case ToolCallStarted(_, id_, name):
            return replace(event, id=valid(id_), name=valid(name))
        case TurnStarted(model):
            return replace(event, model=valid(model))
        case TurnFinished():
            return replace(event, model=valid(event.model))
