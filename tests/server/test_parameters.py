"""What steers an answer: what of it goes upstream, what is done here, and what is only noticed."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import openai
import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import (
    Answer,
    Pause,
    Refuse,
    Reply,
    TextBlock,
    Thinking,
    say,
)
from claude_run.settings import Settings
from claude_run.turn import JsonObject, Usage
from tests.described.clients import openai_client
from tests.scripted import ScriptedUpstream
from tests.server.asking import ask
from tests.server.chats import TOOLS, hear, in_both_forms, use, user

CHAT = "/v1/chat/completions"


# --- honoured -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"temperature": 0, "top_p": 0.5}, {"temperature": 0, "top_p": 0.5}),
        ({"temperature": 1.7}, {"temperature": 1}),
        ({"top_k": 5}, {"top_k": 5}),
        ({"top_k": -1}, {"top_k": None}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["a", "", "b", "\n\nSTOP"]}, {"stop_sequences": ["a", "b", "\n\nSTOP"]}),
        ({"stop": ["\n\n", "a", " "]}, {"stop_sequences": ["a"]}),
        ({"stop": "\n"}, {"stop_sequences": None}),
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 7, "max_tokens": 9}, {"max_tokens": 7}),
    ],
)
def test_a_dial_is_the_native_one(
    client: openai.OpenAI, upstream: ScriptedUpstream, asked: JsonObject, sent: JsonObject
) -> None:
    hear(client, [user("dials")], stream=False, extra_body=asked)
    (request,) = upstream.requests
    assert {name: request.get(name) for name in sent} == sent


def test_one_request_leaves_its_dials_to_no_other(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    dials = {"temperature": 0.25, "top_p": 0.5, "stop": "END", "max_tokens": 77}
    hear(client, [user("with")], stream=False, **dials)
    hear(client, [user("without")], stream=False)
    before, after = upstream.requests
    assert (before["temperature"], before["max_tokens"]) == (0.25, 77)
    assert after.get("temperature") in (None, 1)
    assert after["max_tokens"] > 1000
    assert not after.keys() & {"top_p", "stop_sequences"}


@in_both_forms
def test_a_stop_of_the_models_ends_the_answer(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    blocks = (TextBlock(("up to ", "here")),)
    upstream.answer = Reply(blocks, stop_reason="stop_sequence", stop_sequence="END")
    heard = hear(client, [user("stop")], stream=stream, stop=["END"])
    assert (heard.content, heard.finish) == ("up to here", "stop")


@in_both_forms
@pytest.mark.parametrize(
    ("stop", "pieces", "content"),
    [
        ("\n\n", ("one\ntwo", "\n", "\nthree"), "one\ntwo"),
        ("\n", ("one", "\n", "two"), "one"),
        (["\n\n", "END"], ("one\n", " \n", "two\n"), "one\n \ntwo\n"),
        (" ", (" ", "one"), ""),
    ],
)
def test_a_blank_stop_ends_it_wherever_the_pieces_part(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    stream: bool,
    stop: Any,
    pieces: tuple[str, ...],
    content: str,
) -> None:
    upstream.answer = say(*pieces)
    heard = hear(client, [user("blank stop")], stream=stream, stop=stop)
    assert (heard.content, heard.finish) == (content, "stop")


def test_a_blank_stop_stops_the_model(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = say("one\n", "\n", Pause(60.0), "two")
    heard = hear(client, [user("stop the model")], stream=False, stop="\n\n")
    assert heard.content == "one"
    upstream.wait_until(lambda: upstream.aborted == 1)


@in_both_forms
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_an_answer_that_is_too_long_ends_where_it_is(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool, field: str
) -> None:
    upstream.answer = Reply((TextBlock(("so ", "far")),), stop_reason="max_tokens")
    heard = hear(client, [user("too long")], stream=stream, **{field: 2})
    assert (heard.content, heard.finish) == ("so far", "length")
    assert upstream.requests[0]["max_tokens"] == 2


def test_choices_are_answered_side_by_side(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((TextBlock(("a", "b")), use("weather")))
    asked: Any = {"model": "sonnet", "messages": [user("three times")], "tools": TOOLS, "n": 3}
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    contents, ends, calls = Counter[int](), [], []
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        contents[choice.index] += len(choice.delta.content or "")
        calls += [(choice.index, c.id) for c in choice.delta.tool_calls or () if c.id]
        ends += [(choice.index, choice.finish_reason)] if choice.finish_reason else []
    assert contents == {0: 2, 1: 2, 2: 2}
    assert sorted(ends) == [(0, "tool_calls"), (1, "tool_calls"), (2, "tool_calls")]
    assert sorted(index for index, _ in calls) == [0, 1, 2]
    assert len({id_ for _, id_ in calls}) == 3
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 15
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("field", ["temperature", "stop", "tools", "response_format", "n", "seed"])
def test_null_is_the_same_as_nothing(
    client: openai.OpenAI, upstream: ScriptedUpstream, field: str
) -> None:
    hear(client, [user("nothing")], stream=False)
    hear(client, [user("nothing")], stream=False, extra_body={field: None})
    without, with_null = ({**request, "metadata": None} for request in upstream.requests)
    assert without == with_null


# --- reasoning ------------------------------------------------------------------------

THOUGHT = Reply(
    (Thinking("Let me think. 🤔"), TextBlock(("so", "!"))),
    usage=Usage(input_tokens=3, output_tokens=20, reasoning_tokens=9),
)


@in_both_forms
def test_reasoning_is_shown_to_those_who_ask_for_it(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = THOUGHT
    heard = hear(client, [user("why")], stream=stream, reasoning_effort="low")
    assert (heard.reasoning, heard.content) == ("Let me think. 🤔", "so!")
    heard = hear(client, [user("why")], stream=stream)
    assert (heard.reasoning, heard.content) == ("", "so!")


def test_reasoning_is_counted(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = THOUGHT
    asked: Any = {"model": "sonnet", "messages": [user("count it")], "reasoning_effort": "low"}
    completion = client.chat.completions.create(**asked)
    *_, last = client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    )
    for usage in (completion.usage, last.usage):
        assert usage is not None
        assert usage.completion_tokens_details is not None
        assert usage.completion_tokens_details.reasoning_tokens == 9
        assert usage.completion_tokens == 20


@pytest.mark.parametrize(
    ("effort", "sent"),
    [
        ("none", "low"),
        ("minimal", "low"),
        ("medium", "medium"),
        ("xhigh", "xhigh"),
    ],
)
def test_an_effort_is_the_native_one(
    client: openai.OpenAI, upstream: ScriptedUpstream, effort: str, sent: str
) -> None:
    hear(client, [user("effort")], stream=False, reasoning_effort=effort)
    (request,) = upstream.requests
    assert request["output_config"] == {"effort": sent}
    shown = request["thinking"]["display"] == "summarized"
    assert shown == (effort != "none")


def test_a_model_with_a_budget_thinks_when_asked_and_within_its_limit(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    asked: dict[str, Any] = {"model": "claude-sonnet-4-5", "stream": False}
    hear(client, [user("unasked")], **asked)
    hear(client, [user("asked")], reasoning_effort="low", **asked)
    hear(client, [user("limited")], reasoning_effort="low", max_tokens=4000, **asked)

    unasked, asked_for, limited = upstream.requests
    assert unasked["thinking"] == {"type": "disabled"}
    assert asked_for["thinking"]["type"] == "enabled"
    assert asked_for["thinking"]["budget_tokens"] < asked_for["max_tokens"]
    assert limited["max_tokens"] == 4000
    assert 1024 <= limited["thinking"]["budget_tokens"] < 4000


# --- noticed --------------------------------------------------------------------------


class Own:
    """A bridge for one test, and what it tells in the end."""

    def __init__(self, bridge: Bridge, client: openai.OpenAI, stack: ExitStack) -> None:
        self.bridge = bridge
        self.client = client
        self._stack = stack

    def notices(self) -> dict[str, int]:
        """How often each subject was noticed, once the bridge has ended."""
        self._stack.close()
        report = self.bridge.last_report
        assert report is not None
        return {notice["subject"]: notice["count"] for notice in report["notices"]}


@pytest.fixture
def own(environment: dict[str, str]) -> Iterator[Own]:
    with ExitStack() as stack:
        bridge = stack.enter_context(Bridge(Settings(), environment=environment))
        client = openai_client(bridge)
        stack.enter_context(client)
        yield Own(bridge, client, stack)


IGNORED: dict[str, object] = {
    "seed": 7,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 3,
    "user": "somebody",
    "metadata": {"a": "b"},
    "store": True,
    "service_tier": "flex",
    "prompt_cache_key": "key",
    "safety_identifier": "id",
    "verbosity": "low",
    "prediction": {"type": "content", "content": "x"},
    "an_unknown_field": {"x": 1},
}
HARMLESS: dict[str, object] = {
    "service_tier": "auto",
    "logprobs": False,
    "store": False,
    "presence_penalty": 0,
    "modalities": ["text"],
    "seed": None,
}


def test_what_is_not_done_as_asked_is_noticed_once_for_each_field(
    own: Own, upstream: ScriptedUpstream
) -> None:
    question = [user("notices")]
    hear(own.client, question, stream=False, extra_body=HARMLESS)
    for _ in range(2):
        hear(own.client, question, stream=False, temperature=1.5, extra_body=IGNORED)

    plain, *others = ({**request, "metadata": None} for request in upstream.requests)
    assert others == [{**plain, "temperature": 1}] * 2
    assert own.notices() == {**dict.fromkeys(IGNORED, 2), "temperature": 2}


def picky(request: JsonObject) -> Answer:
    """A model that takes neither a temperature nor, with its thinking, a forced choice of tools."""
    if "temperature" in request:
        return Refuse(400, "invalid_request_error", "temperature: not with this model")
    if "tool_choice" in request:
        return Refuse(400, "invalid_request_error", "tool_choice: not with thinking")
    return say("fine")


def test_what_the_model_rejects_is_left_out_from_then_on(
    own: Own, upstream: ScriptedUpstream
) -> None:
    upstream.answer = picky
    dials: dict[str, Any] = {"temperature": 0.3, "top_p": 0.9}
    assert hear(own.client, [user("one")], stream=True, **dials).content == "fine"
    # On a 400 the CLI itself asks again, without what of its own might be to blame.
    *rejected, accepted = upstream.requests
    assert {request["temperature"] for request in rejected} == {0.3}
    assert ("temperature" in accepted, accepted["top_p"]) == (False, 0.9)

    for stream in (True, False):
        upstream.forget()
        assert hear(own.client, [user("two")], stream=stream, **dials).content == "fine"
        (request,) = upstream.requests
        assert ("temperature" in request, request["top_p"]) == (False, 0.9)

    # What one model rejects, another is still asked; so is one that thinks aloud.
    for other in ({"model": "haiku"}, {"reasoning_effort": "low"}):
        upstream.forget()
        hear(own.client, [user("three")], stream=False, **dials, **other)
        assert upstream.requests[0]["temperature"] == 0.3

    forced: dict[str, Any] = {"tools": TOOLS, "tool_choice": "required"}
    with pytest.raises(openai.BadRequestError, match="not with thinking"):
        hear(own.client, [user("four")], stream=False, **forced)
    assert own.notices() == {
        "temperature for sonnet": 4,
        "temperature for haiku": 1,
    }


def test_all_who_ask_at_once_with_what_the_model_rejects_are_answered(
    own: Own, upstream: ScriptedUpstream
) -> None:
    upstream.answer = picky
    with ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(hear, own.client, [user(f"{n} at once")], stream=False, temperature=0.3)
            for n in range(4)
        ]
        assert [future.result().content for future in asked] == ["fine"] * 4


def test_a_value_that_the_model_rejects_is_an_error(own: Own, upstream: ScriptedUpstream) -> None:
    why = "top_k: Input should be less than or equal to 500"
    upstream.answer = Refuse(400, "invalid_request_error", why)
    with pytest.raises(openai.BadRequestError, match="top_k"):
        hear(own.client, [user("too much")], stream=False, extra_body={"top_k": 501})
    upstream.answer = say("fine")
    hear(own.client, [user("less")], stream=False, extra_body={"top_k": 5})
    assert upstream.requests[-1]["top_k"] == 5


# --- refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"audio": {"voice": "alloy", "format": "wav"}},
        {"modalities": ["text", "audio"]},
        {"web_search_options": {}},
        {"temperature": 2.5},
        {"top_p": 1.5},
        {"stop": ["a", "b", "c", "d", "e"]},
        {"max_tokens": 0},
        {"n": 129},
        {"reasoning_effort": "much"},
        {"response_format": {"type": "xml"}},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_cannot_be_done_is_a_400_that_names_the_field(
    bridge: Bridge, upstream: ScriptedUpstream, asked: JsonObject
) -> None:
    body = {"model": "sonnet", "messages": [user("cannot")], **asked}
    status, answer, _ = ask(bridge, CHAT, body)
    assert status == 400
    assert str(answer["error"]["param"]).split(".")[0] in asked
    assert upstream.requests == []


def test_with_strict_params_every_notice_is_a_refusal(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    with Bridge(Settings(strict_params=True), environment=environment) as bridge:
        for field, value in {**IGNORED, "temperature": 1.5}.items():
            body = {"model": "sonnet", "messages": [user("strict")], field: value}
            status, answer, _ = ask(bridge, CHAT, body)
            assert (status, answer["error"]["param"]) == (400, field)
            assert "--strict-params" in answer["error"]["message"]
        assert upstream.requests == []

        body = {"model": "sonnet", "messages": [user("strict")], **HARMLESS, "temperature": 0.5}
        status, _, _ = ask(bridge, CHAT, body)
        assert status == 200
