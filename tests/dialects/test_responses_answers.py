"""Any answer at all: its events, what clients make of them, and the response object."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from claude_run.turn import (
    JsonObject,
    RefusalDelta,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnEvent,
    fold,
)
from tests.dialects.responses import EVENT, SHOWN, STARTED, finished, parsed, streamed, whole


def rebuilt(stream: Sequence[JsonObject]) -> list[JsonObject]:
    """The output as a client puts it together that looks at deltas alone."""
    items: list[JsonObject] = []
    for event in stream:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert event["output_index"] == len(items)
            items.append({**event["item"]})
        elif kind == "content_part.added":
            assert event["content_index"] == len(items[-1]["content"])
            items[-1]["content"].append({**event["part"]})
        elif kind == "reasoning_summary_part.added":
            assert event["summary_index"] == len(items[-1]["summary"])
            items[-1]["summary"].append({**event["part"]})
        elif kind == "output_text.delta":
            items[event["output_index"]]["content"][event["content_index"]]["text"] += event[
                "delta"
            ]
        elif kind == "refusal.delta":
            part = items[event["output_index"]]["content"][event["content_index"]]
            part["refusal"] += event["delta"]
        elif kind == "reasoning_summary_text.delta":
            part = items[event["output_index"]]["summary"][event["summary_index"]]
            part["text"] += event["delta"]
        elif kind == "function_call_arguments.delta":
            items[event["output_index"]]["arguments"] += event["delta"]
        elif kind == "output_item.done":
            items[event["output_index"]]["status"] = event["item"]["status"]
    return items


pieces = st.lists(st.text(max_size=4), max_size=4)
speech = st.one_of(
    st.builds(lambda some: [TextDelta(t) for t in some], pieces),
    st.builds(lambda some: [ThinkingDelta(t) for t in some], pieces),
    st.builds(lambda some: [RefusalDelta(t) for t in some], pieces),
    pieces,
)


@st.composite
def answers(draw: st.DrawFn) -> list[TurnEvent]:
    """Speech, thinking, refusals and calls in any order, to any end."""
    events: list[TurnEvent] = [STARTED]
    index = 0
    for block in draw(st.lists(speech, max_size=6)):
        if any(isinstance(piece, str) for piece in block) or not block:
            events.append(ToolCallStarted(index, f"toolu_{index}", f"tool-{index}"))
            events += [ToolCallDelta(index, piece) for piece in block if isinstance(piece, str)]
            index += 1
        else:
            events += [piece for piece in block if not isinstance(piece, str)]
    return [*events, finished(draw(st.sampled_from(StopReason)))]


@given(answers(), st.booleans())
def test_deltas_alone_make_the_output_of_the_response(events: list[TurnEvent], show: bool) -> None:
    asked = parsed(**SHOWN) if show else parsed()
    stream = streamed(events, asked)
    final = stream[-1]["response"]

    assert rebuilt(stream) == final["output"]
    assert final == whole(events, asked)
    assert [e["item"] for e in stream if e["type"] == "response.output_item.done"] == final[
        "output"
    ]


@given(answers())
def test_nothing_of_an_answer_is_lost(events: list[TurnEvent]) -> None:
    answer, output = fold(events), whole(events, parsed(**SHOWN))["output"]
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    calls = [item for item in output if item["type"] == "function_call"]

    assert "".join(part.get("text", "") for part in parts) == answer.text
    assert "".join(part.get("refusal", "") for part in parts) == answer.refusal
    assert "".join(s["text"] for item in output for s in item.get("summary", ())) == answer.thinking
    told = [(c["call_id"], c["name"], c["arguments"] or "{}") for c in calls]
    assert told == [(c.id, c.name, c.arguments) for c in answer.tool_calls]


@given(answers(), st.booleans())
def test_every_event_and_the_response_are_what_the_client_knows(
    events: list[TurnEvent], show: bool
) -> None:
    stream = streamed(events, parsed(**SHOWN) if show else parsed())

    assert [event["sequence_number"] for event in stream] == list(range(len(stream)))
    for event in stream:
        assert EVENT.validate_python(event).type == event["type"]
    Response.model_validate(stream[-1]["response"])


@given(answers())
def test_items_open_one_at_a_time(events: list[TurnEvent]) -> None:
    marks = [
        (event["type"].removeprefix("response.output_item."), event["output_index"])
        for event in streamed(events, parsed(**SHOWN))
        if event["type"].startswith("response.output_item.")
    ]

    assert marks == [(mark, i) for i in range(len(marks) // 2) for mark in ("added", "done")]
