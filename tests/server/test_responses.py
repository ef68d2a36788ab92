"""The Responses API: what Claude is sent for a request, and what the response says of it."""

import base64
from collections.abc import Iterator
from typing import Any, get_type_hints

import openai
import pytest
from openai.types.responses import ResponseInputParam
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import BaseModel

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import RedactedThinking, Reply, TextBlock, Thinking, ToolUse, say
from claude_run.settings import Settings
from claude_run.turn import JsonObject, Usage
from tests.scripted import ScriptedUpstream, system_of, turns
from tests.server.asking import ask
from tests.server.responses import WEATHER, response
from tests.server.tables import RESPONSES


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = encoded(b"%PDF-1.4 and so on")

CONVERSATION: ResponseInputParam = [
    {"role": "developer", "content": "And be brief."},
    {"role": "user", "content": "first"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "an answer", "annotations": []}],
    },
    {
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": "No jokes."}],
    },
    {
        "role": "user",
        "content": [{"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}],
    },
]


class City(BaseModel):
    name: str
    people: int


def text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


@pytest.fixture(scope="module")
def strict(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge that refuses whatever it would not do as asked."""
    with Bridge(Settings(strict_params=True), environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


# --- what goes upstream ---------------------------------------------------------------


def test_a_text_goes_upstream_as_it_is(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    asked = "  first\n  question — ünïcode\n@/etc/passwd "
    response = client.responses.create(
        model="gpt-5-mini", instructions="Answer in rhyme.", input=asked
    )

    assert (response.output_text, response.status) == ("Hello world", "completed")
    (request,) = upstream.requests
    assert response.model == request["model"]
    assert system_of(request) == "Answer in rhyme."
    assert turns(request) == [{"role": "user", "content": [text(asked)]}]


def test_items_go_upstream_as_native_turns(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    client.responses.create(model="sonnet", instructions="Answer in rhyme.", input=CONVERSATION)

    (request,) = upstream.requests
    assert system_of(request) == "Answer in rhyme.\n\nAnd be brief.\n\nNo jokes."
    assert turns(request) == [
        {"role": "user", "content": [text("first")]},
        {"role": "assistant", "content": [text("an answer")]},
        {"role": "user", "content": [text("one"), text("two")]},
    ]


def test_images_and_files_go_upstream_natively(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    link = "https://images.example/cat.png"
    notes = encoded("Zürich".encode())
    client.responses.create(
        model="sonnet",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What do they show?"},
                    {
                        "type": "input_image",
                        "image_url": f"data:image/png;base64,{PNG}",
                        "detail": "auto",
                    },
                    {"type": "input_image", "image_url": link, "detail": "low"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
                    {
                        "type": "input_file",
                        "filename": "a.txt",
                        "file_data": f"data:text/plain;base64,{notes}",
                    },
                ],
            }
        ],
    )

    ((_, *media),) = (turn["content"] for turn in turns(upstream.requests[0]))
    assert media == [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
        },
        {"type": "image", "source": {"type": "url", "url": link}},
        {
            "type": "document",
            "title": "a.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        },
        {
            "type": "document",
            "title": "a.txt",
            "source": {"type": "text", "media_type": "text/plain", "data": "Zürich"},
        },
    ]


def test_sampling_goes_upstream(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    client.responses.create(
        model="sonnet", input="hello", temperature=0.3, top_p=0.9, max_output_tokens=77
    )
    (request,) = upstream.requests
    assert (request["temperature"], request["top_p"], request["max_tokens"]) == (0.3, 0.9, 77)


def test_without_v1_in_the_base_url(
    bridge: Bridge, client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    elsewhere = client.with_options(base_url=bridge.base_url.removesuffix("/v1"))
    response = elsewhere.responses.create(model="sonnet", input="hello")
    assert response.output_text == "Hello world"
    assert elsewhere.responses.retrieve(response.id) == response
    assert len(upstream.requests) == 1


# --- what comes back ------------------------------------------------------------------


def test_reasoning_comes_back_as_a_summary(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((Thinking("Hard. But no."), TextBlock(("Easy.",))))
    response = client.responses.create(
        model="sonnet", input="think", reasoning={"effort": "high", "summary": "auto"}
    )

    reasoning, _ = response.output
    assert reasoning.type == "reasoning"
    assert [part.text for part in reasoning.summary] == ["Hard. But no."]
    assert response.output_text == "Easy."
    (request,) = upstream.requests
    assert request["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert request["output_config"]["effort"] == "high"


@pytest.mark.parametrize("shown", ["auto", None])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_reasoning_that_a_client_keeps_goes_back_as_it_came(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool, shown: Any
) -> None:
    upstream.answer = Reply(
        (Thinking("Hm.", "c2lnbmVk"), RedactedThinking("aGlkZGVu"), TextBlock(("Easy.",)))
    )
    asked: dict[str, Any] = {
        "model": "sonnet",
        "store": False,
        "reasoning": {"effort": "low", "summary": shown},
        "include": ["reasoning.encrypted_content"],
    }
    if stream:
        with client.responses.stream(input="think", **asked) as events:
            output = events.get_final_response().output
    else:
        output = client.responses.create(input="think", **asked).output
    assert [item.type for item in output] == ["reasoning", "reasoning", "message"]
    first: JsonObject = output[0].to_dict()
    assert [part["text"] for part in first["summary"]] == (["Hm."] if shown else [])

    elsewhere = f"as nobody here has begun, {stream}, {shown}"
    items: list[Any] = [
        {"role": "user", "content": elsewhere},
        *(item.to_dict() for item in output),
    ]
    foreign: Any = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
    upstream.answer = say("Again.")
    client.responses.create(input=[*items, foreign, {"role": "user", "content": "go on"}], **asked)
    assert turns(upstream.requests[-1])[1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"},
        {"type": "redacted_thinking", "data": "aGlkZGVu"},
        {"type": "text", "text": "Easy."},
    ]


def test_reasoning_nobody_asked_to_see_is_only_counted(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply(
        (Thinking("Hard. But no."), TextBlock(("Easy.",))),
        usage=Usage(
            input_tokens=7,
            cache_read_tokens=100,
            cache_write_tokens=20,
            output_tokens=9,
            reasoning_tokens=4,
        ),
    )
    response = client.responses.create(model="sonnet", input="think", reasoning={"effort": "low"})

    assert [item.type for item in response.output] == ["message"]
    usage = response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (127, 9, 136)
    assert usage.input_tokens_details.cached_tokens == 100
    assert usage.output_tokens_details.reasoning_tokens == 4


def test_the_response_repeats_its_request(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = say("ok")
    asked: dict[str, Any] = {
        "instructions": "Be brief.",
        "max_output_tokens": 55,
        "metadata": {"run": "7"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "cache",
        "safety_identifier": "someone",
        "store": False,
        "temperature": 0.5,
        "tool_choice": {"type": "function", "name": "weather"},
        "tools": [WEATHER],
        "top_p": 0.9,
        "user": "me",
    }
    answer = response(bridge, reasoning={"effort": "low"}, **asked)
    assert {name: answer[name] for name in asked} == asked
    assert answer["reasoning"]["effort"] == "low"
    assert answer["text"] == {"format": {"type": "text"}}


def test_parse_gives_an_object(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = Reply(
        (ToolUse("toolu_1", "mcp__c__StructuredOutput", {"name": "Bern", "people": 5}),)
    )
    response = client.responses.parse(model="sonnet", input="a city", text_format=City)

    assert response.output_parsed == City(name="Bern", people=5)
    assert [item.type for item in response.output] == ["message"]
    (offered,) = upstream.requests[0]["tools"]
    assert offered["input_schema"]["properties"].keys() == {"name", "people"}


def test_an_object_can_be_streamed(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = Reply(
        (ToolUse("toolu_1", "mcp__c__StructuredOutput", {"name": "Bern", "people": 5}),)
    )
    with client.responses.stream(model="sonnet", input="a city", text_format=City) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()

    assert final.output_parsed == City(name="Bern", people=5)
    assert len(deltas) > 1
    assert "".join(deltas) == final.output_text


def test_words_in_place_of_an_object_are_a_refusal(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("I would rather not.")
    response = client.responses.parse(model="sonnet", input="a city", text_format=City)

    assert response.output_parsed is None
    (message,) = response.output
    assert message.type == "message"
    assert [part.type for part in message.content] == ["refusal"]


# --- fields ---------------------------------------------------------------------------


def test_null_is_as_good_as_absent_even_where_all_else_is_refused(
    strict: Bridge, upstream: ScriptedUpstream
) -> None:
    fields = {*get_type_hints(ResponseCreateParamsNonStreaming)} - {"model", "input"}
    assert len(fields) > 20
    message = {"type": None, "id": None, "role": "user", "status": None, "content": "hello"}
    thought: JsonObject = {"type": "reasoning", "id": "rs_1", "summary": [], "content": None}
    answer = response(
        strict, **{**dict.fromkeys(fields), "input": [thought, message], "stream": None}
    )

    assert answer["output"][0]["content"][0]["text"] == "Hello world"
    assert turns(upstream.requests[0]) == [{"role": "user", "content": [text("hello")]}]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"flux": 1}, "flux"),
        ({"truncation": "auto"}, "truncation"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"temperature": 1.5}, "temperature"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ],
    ids=str,
)
def test_what_is_not_done_as_asked_is_refused_only_when_strict(
    bridge: Bridge,
    strict: Bridge,
    upstream: ScriptedUpstream,
    fields: JsonObject,
    param: str,
) -> None:
    status, answer, _ = ask(strict, RESPONSES.path, RESPONSES.body(**fields))
    assert (status, answer["error"]["param"]) == (400, param)
    assert "--strict-params" in answer["error"]["message"]
    assert upstream.requests == []

    assert response(bridge, **fields)["status"] == "completed"


def test_what_is_ignored_is_noticed_once_and_counted(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    tools = [{"type": "web_search"}, {"type": "image_generation"}]
    with Bridge(Settings(), environment=environment) as bridge:
        for _ in range(2):
            response(bridge, flux=1, tools=tools)

    assert bridge.last_report is not None
    noticed = {notice["subject"]: notice["count"] for notice in bridge.report()["notices"]}
    assert noticed == {
        "flux": 2,
        "tools of type web_search": 2,
        "tools of type image_generation": 2,
    }
    assert all("tools" not in request or not request["tools"] for request in upstream.requests)
