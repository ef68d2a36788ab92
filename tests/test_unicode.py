"""Pieces of text that hold half a character each, or one that is never completed."""

from hypothesis import given
from hypothesis import strategies as st

from claude_run.turn.events import (
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnEvent,
    TurnFinished,
    Usage,
)
from claude_run.turn.unicode import ValidUnicode, valid

CHARACTERS = st.sampled_from(["a", "é", "\U0001f600", "\ud83d", "\ude00"])
FINISHED = TurnFinished(StopReason.END, Usage(), "m\ud800")


def said(events: list[TurnEvent]) -> list[TurnEvent]:
    unicode = ValidUnicode()
    return [out for event in events for out in unicode.feed(event)]


def test_halves_in_two_pieces_are_one_character() -> None:
    assert said([TextDelta("x\ud83d"), TextDelta("\ude00y")]) == [
        TextDelta("x"),
        TextDelta("\U0001f600y"),
    ]
    assert said([ToolCallDelta(0, "\ud83d"), ToolCallDelta(0, "\ude00")]) == [
        ToolCallDelta(0, "\U0001f600")
    ]


def test_a_half_that_stays_alone_is_replaced_where_it_stood() -> None:
    events: list[TurnEvent] = [
        ThinkingDelta("\ud83d"),
        TextDelta("\ude00\ud83d"),
        ToolCallStarted(0, "\ud800", "n\udfff"),
        ToolCallDelta(0, "\ud83d"),
        ToolCallDelta(1, "\ude00"),
        FINISHED,
    ]
    assert said(events) == [
        ThinkingDelta("\ufffd"),
        TextDelta("\ufffd"),
        TextDelta("\ufffd"),
        ToolCallStarted(0, "\ufffd", "n\ufffd"),
        ToolCallDelta(0, "\ufffd"),
        ToolCallDelta(1, "\ufffd"),
        TurnFinished(StopReason.END, Usage(), "m\ufffd"),
    ]


@given(st.lists(st.lists(CHARACTERS).map("".join)))
def test_however_a_text_is_cut_it_says_the_same(pieces: list[str]) -> None:
    heard = said([*map(TextDelta, pieces), FINISHED])
    text = "".join(event.text for event in heard if isinstance(event, TextDelta))
    assert text == valid("".join(pieces))
    text.encode()
