"""What is masked, and where: in a request before it is known, in an answer before it is written."""

import json
from typing import Any

import pytest

from claude_run.cassette.answers import Recorded, Timed, to_json
from claude_run.cassette.document import asked
from claude_run.cassette.files import key_of
from claude_run.cassette.masks import masked, masks
from claude_run.cassette.redaction import redacted
from claude_run.patterns import PatternError
from claude_run.turn import (
    AssistantTurn,
    JsonObject,
    StopReason,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    ToolResult,
    TurnFinished,
    TurnRequest,
    Usage,
    UserTurn,
)

CARD = 4111111111111111
CARDS = r"\b\d{16}\b"
MAIL = r"[a-z]+@[a-z.]+"


def called(**arguments: Any) -> JsonObject:
    """What is known of a request in which a tool was called with `arguments`."""
    turns = (
        UserTurn((Text("Go"),)),
        AssistantTurn((ToolCall("c", "f", arguments),)),
        UserTurn((ToolResult("c", (Text("done"),)),)),
    )
    return asked(TurnRequest("m", turns), "m").document


def written(*texts: str, calls: bool = False) -> str:
    """What is on the disk of an answer that came in these pieces."""
    pieces = [ToolCallDelta(0, t) if calls else TextDelta(t) for t in texts]
    begun = [ToolCallStarted(0, "", "f")] if calls else []
    end = TurnFinished(StopReason.END, Usage(), "m")
    timed = tuple(Timed(1, e) for e in (*begun, *pieces, end))
    answer = Recorded(timed, "2026-01-01T00:00:00+00:00", "by")
    events = to_json(redacted(answer, masks((), (CARDS, MAIL))))["events"]
    said = next(event for event in events if "text" in event or "arguments" in event)
    return str(said.get("text", said.get("arguments")))


def test_numbers_and_names_in_a_calls_arguments_are_masked_as_texts_are() -> None:
    document = masked(
        called(card=CARD, owners={"a@b.org": 1, "c@d.org": 2}), masks((), (CARDS, MAIL))
    )
    made = document["turns"][1]["assistant"][0]["arguments"]
    assert made == {"card": "[redacted]", "owners": {"[redacted]": 1, "[redacted] 2": 2}}


def test_an_ignored_number_is_the_same_request_and_one_elsewhere_is_not() -> None:
    ignoring = masks((r"^\d+$",))
    keys = {
        key_of(masked(document, ignoring))
        for document in (called(session=17), called(session=18), called(session="x"))
    }
    assert len(keys) == 2
    cold, hot = (
        asked(TurnRequest("m", (UserTurn(()),), output_schema={"maxLength": n}), "m").document
        for n in (1, 2)
    )
    assert key_of(masked(cold, ignoring)) != key_of(masked(hot, ignoring))


def test_a_pattern_may_reach_from_a_name_into_its_value() -> None:
    hiding = masks((), (r'"password": "[^"]*"',))
    words = ("xyzzy", "plugh")
    for one in (called(password=words[0], user="me"), called(user="me", password=words[1])):
        told = json.dumps(masked(one, hiding))
        assert not any(word in told for word in words)
    same = {key_of(masked(called(password=word), hiding)) for word in words}
    assert len(same) == 1


@pytest.mark.parametrize("pattern", ["x*", "^", "(a|)"])
def test_a_pattern_that_matches_nothing_at_all_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="between all letters"):
        masks((pattern,))


@pytest.mark.parametrize("calls", [False, True], ids=["text", "arguments"])
def test_an_answer_in_json_is_redacted_in_its_values_and_stays_json(calls: bool) -> None:
    said = written(f'{{"card": {CARD // 10**8}', f'{CARD % 10**8:08}, "n": 1.50}}', calls=calls)
    assert json.loads(said) == {"card": "[redacted]", "n": 1.5}
    kept = '{"n": 1.50,  "of": [true, null]}'
    assert written(kept, calls=calls) == kept
    assert written(f"The card {CARD} is", " yours", calls=calls) == "The card [redacted] is yours"
    deep = "[" * 3000 + f"{CARD}" + "]" * 3000
    assert str(CARD) not in written(deep, calls=calls)
