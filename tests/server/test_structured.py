"""Structured output: JSON that fits the schema is the content, and nothing else is."""

import json
from contextlib import suppress
from enum import Enum
from functools import reduce
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]  # it comes without types
import openai
import pytest
from pydantic import BaseModel, Field

from claude_run.rehearsal.answers import Reply, TextBlock, ToolUse, say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, in_order, turns
from tests.server.chats import (
    TOOLS,
    Heard,
    assistant,
    hear,
    in_both_forms,
    offered,
    output,
    result,
    text,
    use,
    user,
)

COUNT: JsonObject = {
    "type": "object",
    "properties": {"count": {"type": "integer", "description": "How many there are."}},
    "required": ["count"],
    "additionalProperties": False,
}


def fitting(schema: JsonObject, *, strict: bool | None = None) -> JsonObject:
    """The response_format that asks for `schema`."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": strict},
    }


def schema_sent(upstream: ScriptedUpstream) -> JsonObject:
    """The schema that the model was given for its answer, in the last request."""
    sent: JsonObject = offered(upstream.requests[-1])["mcp__c__StructuredOutput"]["input_schema"]
    return sent


def has_ended_well(heard: Heard) -> bool:
    return (heard.finish, heard.refusal, heard.calls) == ("stop", "", ())


# --- what it is asked by --------------------------------------------------------------


class Kind(Enum):
    SMALL = "small"
    LARGE = "large"


class Cat(BaseModel):
    species: Literal["cat"]
    lives: int


class Dog(BaseModel):
    species: Literal["dog"]
    tricks: list[str]


class Owner(BaseModel):
    """Somebody with animals."""

    name: str = Field(description="As they sign.")
    kind: Kind
    email: str | None = Field(description="If they have one.")
    pets: list[Cat | Dog]


class Node(BaseModel):
    value: int
    children: list["Node"]


class Place(BaseModel):
    at: tuple[float, float]
    pet: Cat | Dog = Field(discriminator="species")


OWNER: JsonObject = {
    "name": "Zoë",
    "kind": "large",
    "email": None,
    "pets": [{"species": "cat", "lives": 9}, {"species": "dog", "tricks": ["sit"]}],
}
TREE: JsonObject = {"value": 1, "children": [{"value": 2, "children": []}]}
PLACE: JsonObject = {"at": [1.5, 2.5], "pet": {"species": "dog", "tricks": []}}


@pytest.mark.parametrize(
    ("model", "value"), [(Owner, OWNER), (Node, TREE), (Place, PLACE)], ids=["o", "n", "p"]
)
def test_a_pydantic_model_is_parsed_in_both_forms(
    client: openai.OpenAI, upstream: ScriptedUpstream, model: type[BaseModel], value: JsonObject
) -> None:
    upstream.answer = lambda request: Reply((output(**wrapped(value, request)),))
    asked: Any = {"model": "sonnet", "messages": [user("parse")], "response_format": model}
    completion = client.chat.completions.parse(**asked)
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()

    for one in (completion, streamed):
        assert one.choices[0].message.parsed == model.model_validate(value)
        assert one.choices[0].finish_reason == "stop"
    assert len(upstream.requests) == 2
    assert turns(upstream.requests[0]) == [{"role": "user", "content": [text("parse")]}]


def wrapped(value: object, request: JsonObject) -> JsonObject:
    """`value` as the model would give it for the schema of `request`."""
    schema = offered(request)["mcp__c__StructuredOutput"]["input_schema"]
    is_wrapped = set(schema.get("properties", ())) == {"value"}
    given: Any = {"value": value} if is_wrapped else value
    return dict(given)


def test_the_model_is_given_the_descriptions(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((output(**OWNER),))
    asked: Any = {"model": "sonnet", "messages": [user("described")], "response_format": Owner}
    client.chat.completions.parse(**asked)

    sent = schema_sent(upstream)
    assert sent["description"] == "Somebody with animals."
    assert sent["properties"]["name"]["description"] == "As they sign."
    assert sent["properties"]["email"]["description"] == "If they have one."
    assert [one["$ref"] for one in sent["properties"]["pets"]["items"]["anyOf"]] == [
        "#/$defs/Cat",
        "#/$defs/Dog",
    ]


LIST = {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"$ref": "#"}]}}
EITHER = {"anyOf": [COUNT, {"type": "object", "properties": {"why": {"type": "string"}}}]}


@pytest.mark.parametrize(
    ("schema", "value", "stream"),
    [
        (LIST, [1, [2, [3, []]]], False),
        (LIST, [1, [2, [3, []]]], True),
        ({"type": "string"}, 'a "quoted\\" } text', True),
        (EITHER, {"why": "because"}, False),
        ({**EITHER, "type": "object"}, {"count": 3}, True),
        ({"type": "object", "properties": {"größe": {"type": "integer"}}}, {"größe": 3}, False),
    ],
    ids=["array", "array, streamed", "string", "union", "objects", "a name Claude does not take"],
)
def test_what_a_tool_cannot_take_is_wrapped_and_unwrapped(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    schema: JsonObject,
    value: object,
    stream: bool,
) -> None:
    upstream.answer = Reply((output(value=value),))
    heard = hear(client, [user("root")], stream=stream, response_format=fitting(schema))
    assert json.loads(heard.content) == value
    assert has_ended_well(heard)
    assert list(schema_sent(upstream)["properties"]) == ["value"]


@in_both_forms
@pytest.mark.parametrize("value", [{}, {"any": ["thing", {"at": None}], "é": 1.5}])
def test_a_json_object_may_hold_anything(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool, value: JsonObject
) -> None:
    upstream.answer = Reply((output(**value),))
    asked = {"response_format": {"type": "json_object"}}
    heard = hear(client, [user("anything")], stream=stream, **asked)
    assert json.loads(heard.content) == value
    assert has_ended_well(heard)
    assert schema_sent(upstream) == {"type": "object"}


# --- what the CLI's validator or the Messages API would refuse ------------------------

TEXT: JsonObject = {"type": "string"}


def holding(schema: JsonObject) -> JsonObject:
    return {"type": "object", "properties": {"x": schema}}


def test_a_schema_is_spelt_in_the_newest_draft(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    literal = {"enum": [None, {"$id": "kept"}], "const": {"unknown": None}, "default": None}
    properties: JsonObject = {
        "draft_4": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "annotated": {**TEXT, "format": "email", "pattern": "@", "x-ui": 1, "title": None},
        "nullable": {"nullable": True},
        "loose": {"then": TEXT, "additionalItems": False},
        "literal": literal,
        "id": {"$id": "x", "type": "string"},
    }
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "$id": "https://example.com/schema",
        "type": "object",
        "properties": properties,
    }
    upstream.answer = Reply((output(),))
    heard = hear(client, [user("dialect")], stream=False, response_format=fitting(schema))

    assert heard.content == "{}"
    assert schema_sent(upstream) == {
        "type": "object",
        "properties": {
            "draft_4": {"type": "number", "exclusiveMinimum": 0},
            "annotated": {**TEXT, "format": "email", "pattern": "@", "x-ui": 1},
            "nullable": {"nullable": True},
            "loose": {"then": TEXT, "additionalItems": False},
            "literal": literal,
            "id": {"$id": "x", **TEXT},
        },
    }


PAIR: JsonObject = {
    "type": "object",
    "properties": {
        "pair": {
            "type": "array",
            "description": "Two of them.",
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "items": False,
        }
    },
}


@in_both_forms
def test_an_answer_is_checked_against_all_of_the_schema(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    asked = {"response_format": fitting(PAIR)}
    upstream.answer = Reply((output(pair=[1, "one"]),))
    heard = hear(client, [user("a pair")], stream=stream, **asked)
    assert json.loads(heard.content) == {"pair": [1, "one"]}
    assert schema_sent(upstream) == PAIR

    upstream.answer = Reply((output(pair=["one", 1]),))
    with pytest.raises(openai.APIError, match=r"no JSON that fits|began its answer anew"):
        hear(client, [user("a wrong pair")], stream=stream, **asked)


@pytest.mark.parametrize(
    "schema",
    [
        holding({"type": "text"}),
        holding({"$ref": "#/$defs/nowhere"}),
        holding({"type": "string", "pattern": "("}),
        {"type": "object", "properties": [1]},
        reduce(lambda inner, _: holding(inner), range(210), TEXT),
    ],
    ids=["type", "reference", "pattern", "properties", "depth"],
)
def test_a_schema_that_cannot_be_used_is_a_400_that_names_the_field(
    client: openai.OpenAI, upstream: ScriptedUpstream, schema: JsonObject
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        hear(client, [user("bad schema")], stream=False, response_format=fitting(schema))
    assert caught.value.param == "response_format"
    assert upstream.requests == []


def test_the_field_is_named_as_the_responses_api_calls_it(client: openai.OpenAI) -> None:
    schema: dict[str, object] = {"type": "object", "properties": [1]}
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(
            model="sonnet",
            input="bad schema",
            text={"format": {"type": "json_schema", "name": "bad", "schema": schema}},
        )
    assert caught.value.param == "text.format"


def test_a_large_schema_is_no_trouble(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    schema = holding({"type": "string", "description": "long " * 100_000})
    upstream.answer = Reply((output(x="y"),))
    heard = hear(client, [user("large")], stream=False, response_format=fitting(schema))
    assert heard.content == '{"x": "y"}'
    assert schema_sent(upstream) == schema


# --- how it is answered ---------------------------------------------------------------


def test_the_content_is_streamed_as_it_is_written(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((output(count=123_456_789_012),))
    heard = hear(client, [user("stream")], stream=True, response_format=fitting(COUNT))
    assert len(heard.pieces) > 1
    assert heard.content == '{"count": 123456789012}'


@in_both_forms
@pytest.mark.parametrize(
    "answers",
    [
        [Reply((TextBlock(("Well, ", "{let} me count:")), output(count=3)))],
        [say('I count {"count": 99}.'), Reply((output(count=3),))],
    ],
    ids=["before it", "in its place at first"],
)
def test_words_are_not_part_of_the_answer(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool, answers: list[Reply]
) -> None:
    upstream.answer = in_order(*answers)
    heard = hear(client, [user("words")], stream=stream, response_format=fitting(COUNT))
    assert heard.content == '{"count": 3}'
    assert has_ended_well(heard)


def fits_or_fails(client: openai.OpenAI, question: str, count: int = 3) -> None:
    """The whole answer is `count`; the streamed one fits as well, or ends in an error."""
    asked = {"response_format": fitting(COUNT)}
    heard = hear(client, [user(question)], stream=False, **asked)
    assert json.loads(heard.content) == {"count": count}
    with suppress(openai.APIError):
        heard = hear(client, [user(question)], stream=True, **asked)
        jsonschema.validate(json.loads(heard.content), COUNT)


def test_an_answer_that_does_not_fit_is_not_the_answer(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    def answer(request: JsonObject) -> Reply:
        has_tried = any(turn["role"] == "assistant" for turn in turns(request))
        return Reply((output(count=3 if has_tried else "three"),))

    upstream.answer = answer
    fits_or_fails(client, "fits the second time")


@pytest.mark.parametrize(("first", "count"), [(4, 4), ("four", 3)])
def test_of_two_answers_at_once_the_first_that_fits_is_the_answer(
    client: openai.OpenAI, upstream: ScriptedUpstream, first: object, count: int
) -> None:
    upstream.answer = Reply((output(count=first), output(count=3)))
    fits_or_fails(client, "two at once", count)


@in_both_forms
def test_a_model_whose_answers_never_fit_is_an_error(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((output(count="many"),))
    with pytest.raises(openai.APIError) as caught:
        hear(client, [user("never")], stream=stream, response_format=fitting(COUNT))
    assert caught.value.type == "server_error"


@in_both_forms
def test_a_model_that_says_nothing_is_an_error(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((TextBlock((" ",)),))
    with pytest.raises(openai.APIError) as caught:
        hear(client, [user("silence")], stream=stream, response_format=fitting(COUNT))
    assert caught.value.type == "server_error"


@in_both_forms
def test_words_alone_are_a_refusal(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = say("I will not ", "count that.")
    heard = hear(client, [user("refuse")], stream=stream, response_format=fitting(COUNT))
    assert (heard.content, heard.refusal) == ("", "I will not count that.")
    assert heard.finish == "stop"


@in_both_forms
def test_a_refusal_of_the_models_is_one_of_the_content_filter(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((TextBlock(("I cannot.",)),), stop_reason="refusal")
    heard = hear(client, [user("filter")], stream=stream, response_format=fitting(COUNT))
    assert (heard.content, heard.refusal) == ("", "I cannot.")
    assert heard.finish == "content_filter"
    assert len(upstream.requests) == 1


@in_both_forms
def test_an_answer_that_is_cut_off_is_not_presented_as_done(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((output(count=12345),), stop_reason="max_tokens")
    heard = hear(client, [user("cut")], stream=stream, response_format=fitting(COUNT))
    assert (heard.content, heard.finish) == ('{"count": 12345}', "length")


# --- together with tools --------------------------------------------------------------


@in_both_forms
def test_tools_come_first_and_the_structure_at_the_end(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    asked = {"tools": TOOLS, "response_format": fitting(COUNT)}
    upstream.answer = in_order(Reply((use("weather", city="Rome"),)), Reply((output(count=3),)))
    question = user(f"tools and structure, {stream}")
    heard = hear(client, [question], stream=stream, **asked)
    (call,) = heard.calls
    assert (heard.content, heard.finish) == ("", "tool_calls")

    history = [question, assistant(None, call), result(call.id, "rain")]
    heard = hear(client, history, stream=stream, **asked)
    assert heard.content == '{"count": 3}'
    assert has_ended_well(heard)
    first, second = (turns(request) for request in upstream.requests)
    assert second[: len(first)] == first
    assert len({headers["x-claude-code-session-id"] for headers in upstream.headers}) == 1


@in_both_forms
@pytest.mark.parametrize(
    "blocks",
    [(TextBlock(("First I look.",)), use("weather")), (use("weather"), output(count="early"))],
    ids=["words", "structure too early"],
)
def test_beside_a_call_there_is_no_content_that_could_be_taken_for_the_structure(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    stream: bool,
    blocks: tuple[TextBlock | ToolUse, ...],
) -> None:
    upstream.answer = Reply(blocks)
    asked = {"tools": TOOLS, "response_format": fitting(COUNT)}
    heard = hear(client, [user("beside")], stream=stream, **asked)
    assert [call.name for call in heard.calls] == ["weather"]
    assert (heard.content, heard.finish) == ("", "tool_calls")


def test_the_structure_is_there_without_the_tools_that_are_forbidden(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((output(count=3),))
    asked = {"tools": TOOLS, "tool_choice": "none", "response_format": fitting(COUNT)}
    assert hear(client, [user("none")], stream=False, **asked).content == '{"count": 3}'
    (request,) = upstream.requests
    assert list(offered(request)) == ["mcp__c__StructuredOutput"]
    assert "tool_choice" not in request
