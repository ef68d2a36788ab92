"""The legacy text completions."""

from typing import Any, Final

import pytest
from openai.types import Completion
from openai.types.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from claude_run.dialects.completions import (
    COMPLETION_FIELDS,
    FINISH_REASON,
    CompletionCall,
    TextWriter,
    parse_completion,
    text_completion,
    text_usage_chunk,
)
from claude_run.dialects.fields import Treatment
from claude_run.turn import (
    Failure,
    JsonObject,
    Sampling,
    StopReason,
    Text,
    TextDelta,
    ThinkingDelta,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    TurnRestarted,
    TurnStarted,
    Usage,
    UserTurn,
    fold,
)
from tests.dialects.chats import refusal

STARTED: Final = TurnStarted("claude-haiku-5-5")
USAGE: Final = Usage(input_tokens=5, cache_read_tokens=7, output_tokens=13)


def finished(stop: StopReason = StopReason.END) -> TurnFinished:
    return TurnFinished(stop, USAGE, "claude-haiku-5-5")


def body(**fields: Any) -> JsonObject:
    return {"model": "sonnet", "prompt": "Once", **fields}


def parsed(**fields: Any) -> CompletionCall:
    return parse_completion(body(**fields), strict=False)


def refused(**fields: Any) -> TurnError:
    return refusal(lambda: parsed(**fields))


def prompts(call: CompletionCall) -> list[Any]:
    return [[part for turn in request.turns for part in turn.parts] for request in call.requests]


def told(call: CompletionCall, *answers: list[TurnEvent]) -> JsonObject:
    return text_completion(
        call, [fold([STARTED, *events]) for events in answers], id="cmpl-1", created=1_700_000_000
    )


def chunks(call: CompletionCall, index: int, *events: TurnEvent) -> list[JsonObject]:
    writer = TextWriter(call, index, "cmpl-1", 1_700_000_000)
    return [chunk for event in events for chunk in writer.write(event)]


# --- what is asked --------------------------------------------------------------------


def test_a_prompt_is_a_message_of_the_users() -> None:
    assert parsed().requests == (TurnRequest(model="sonnet", turns=(UserTurn((Text("Once"),)),)),)


def test_each_of_several_prompts_is_asked_n_times() -> None:
    call = parsed(prompt=["One", "Two"], n=2)

    assert prompts(call) == [[Text("One")], [Text("One")], [Text("Two")], [Text("Two")]]


def test_an_empty_prompt_is_an_empty_message() -> None:
    assert prompts(parsed(prompt="")) == [[]]


def test_the_numbers_steer_the_generation() -> None:
    (request,) = parsed(temperature=0.5, top_p=0.9, stop=["\n", "END"], max_tokens=16).requests
    assert request.sampling == Sampling(0.5, 0.9, stop=("\n", "END"), max_tokens=16)


def test_a_temperature_above_claudes_is_clamped_with_a_notice() -> None:
    assert [notice.subject for notice in parsed(temperature=2).notices] == ["temperature"]


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_a_body_is_an_object(value: object) -> None:
    assert refusal(lambda: parse_completion(value, strict=False)).param is None


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"model": None}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": {}}, "prompt"),
        ({"prompt": [1, 2, 3]}, "prompt[0]"),
        ({"prompt": [[1, 2], [3]]}, "prompt[0]"),
        ({"prompt": ["One", None]}, "prompt[1]"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"echo": "yes"}, "echo"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"suffix": "The end."}, "suffix"),
    ],
)
def test_a_bad_field_is_named(changed: JsonObject, param: str) -> None:
    assert refused(**changed).param == param


# --- the table ------------------------------------------------------------------------

OPENAI_FIELDS: Final = {
    *CompletionCreateParamsNonStreaming.__annotations__,
    *CompletionCreateParamsStreaming.__annotations__,
}
IGNORED: Final[JsonObject] = {
    "best_of": 3,
    "logprobs": 5,
    "frequency_penalty": 1,
    "presence_penalty": 1,
    "logit_bias": {"50256": -100},
    "seed": 7,
    "user": "u",
}


def test_every_field_of_the_openai_package_is_decided() -> None:
    assert COMPLETION_FIELDS.keys() == OPENAI_FIELDS | {"top_k"}


def test_the_examples_cover_every_row_that_is_ignored() -> None:
    rows = COMPLETION_FIELDS.values()
    assert {row.name for row in rows if row.treatment is Treatment.IGNORED} == IGNORED.keys()


@pytest.mark.parametrize("name", IGNORED)
def test_an_ignored_field_gives_one_notice_and_changes_nothing(name: str) -> None:
    call = parsed(**{name: IGNORED[name]})

    assert [notice.subject for notice in call.notices] == [name]
    assert call.requests == parsed().requests
    error = refusal(lambda: parse_completion(body(**{name: IGNORED[name]}), strict=True))
    assert error.param == name


@pytest.mark.parametrize("name", sorted(COMPLETION_FIELDS.keys() - {"model", "prompt"}))
def test_an_explicit_null_is_as_if_the_field_were_absent(name: str) -> None:
    assert parse_completion(body(**{name: None}), strict=True) == parsed()


# --- what is answered -----------------------------------------------------------------


def test_answers_are_choices_of_text() -> None:
    call = parsed(prompt=["One", "Two"])
    completion = told(
        call, [TextDelta("uno"), finished()], [TextDelta("dos"), finished(StopReason.LENGTH)]
    )

    assert completion == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1_700_000_000,
        "model": "claude-haiku-5-5",
        "choices": [
            {"index": 0, "text": "uno", "logprobs": None, "finish_reason": "stop"},
            {"index": 1, "text": "dos", "logprobs": None, "finish_reason": "length"},
        ],
        "usage": {
            "prompt_tokens": 24,
            "completion_tokens": 26,
            "total_tokens": 50,
            "prompt_tokens_details": {
                "cached_tokens": 14,
                "audio_tokens": 0,
                "cache_write_tokens": 0,
            },
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }
    Completion.model_validate(completion, strict=True)


@pytest.mark.parametrize("stop", StopReason)
def test_every_stop_reason_is_one_the_client_knows(stop: StopReason) -> None:
    Completion.model_validate(told(parsed(), [finished(stop)]), strict=True)
    assert (
        chunks(parsed(), 0, finished(stop))[-1]["choices"][0]["finish_reason"]
        == (FINISH_REASON[stop])
    )


def test_a_stream_tells_each_choice_in_chunks() -> None:
    call = parsed(prompt=["One", "Two"], stream=True)
    found = chunks(
        call,
        1,
        STARTED,
        ThinkingDelta("Hm."),
        TextDelta("d"),
        TextDelta(""),
        TextDelta("os"),
        finished(),
    )

    assert [(c["choices"][0]["text"], c["choices"][0]["finish_reason"]) for c in found] == [
        ("d", None),
        ("os", None),
        ("", "stop"),
    ]
    assert {c["choices"][0]["index"] for c in found} == {1}
    assert {(c["id"], c["object"], c["model"]) for c in found} == {
        ("cmpl-1", "text_completion", "claude-haiku-5-5")
    }
    assert "usage" not in found[0]


def test_usage_comes_last_when_it_was_asked_for() -> None:
    call = parsed(stream=True, stream_options={"include_usage": True})
    last = text_usage_chunk([USAGE], id="cmpl-1", created=1_700_000_000, model="claude-haiku-5-5")

    assert [chunk["usage"] for chunk in chunks(call, 0, STARTED, finished())] == [None]
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 25)
    Completion.model_validate(last, strict=True)


def test_an_echo_goes_before_the_answer() -> None:
    call = parsed(prompt=["One, ", "Two, "], echo=True)
    events: list[TurnEvent] = [TextDelta("more"), finished()]

    assert [c["text"] for c in told(call, events, events)["choices"]] == ["One, more", "Two, more"]
    texts = [chunk["choices"][0]["text"] for chunk in chunks(call, 1, STARTED, *events)]
    assert texts == ["Two, ", "more", ""]


def test_an_answer_that_begins_anew_after_it_was_sent_is_an_error() -> None:
    call = parsed(echo=True)
    before = chunks(call, 0, STARTED, ThinkingDelta("Hm."), TurnRestarted(), TextDelta("Yes"))
    assert [chunk["choices"][0]["text"] for chunk in before] == ["Once", "Yes"]

    with pytest.raises(TurnError) as raised:
        chunks(call, 0, STARTED, TextDelta("No"), TextDelta(""), TurnRestarted())
    assert raised.value.failure is Failure.UPSTREAM
