"""The table of fields is complete: every one that the `anthropic` package knows has a row."""

import typing

import pytest
from anthropic.types import OutputConfigParam
from anthropic.types.beta.message_create_params import MessageCreateParamsStreaming as BetaParams
from anthropic.types.message_create_params import MessageCreateParamsStreaming

from claude_run.dialects.fields import Treatment
from claude_run.dialects.messages import MESSAGES_FIELDS, parse_messages
from claude_run.dialects.messages.answer import STOP_REASONS
from claude_run.turn import JsonObject, StopReason, TurnError

PLAIN: JsonObject = {
    "model": "sonnet",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "hi"}],
}


def test_every_field_of_anthropics_has_a_row() -> None:
    beta = set(typing.get_type_hints(BetaParams)) - {"output_format"}  # of the client's own
    known = (beta | set(typing.get_type_hints(MessageCreateParamsStreaming))) - {"output_config"}
    inside = {f"output_config.{name}" for name in typing.get_type_hints(OutputConfigParam)}
    assert known | inside <= MESSAGES_FIELDS.keys()


def test_every_stop_reason_has_a_name() -> None:
    assert STOP_REASONS.keys() == set(StopReason)


@pytest.mark.parametrize(
    "name", [n for n, row in MESSAGES_FIELDS.items() if row.treatment is Treatment.REFUSED]
)
def test_a_field_that_is_refused_is_named(name: str) -> None:
    with pytest.raises(TurnError) as raised:
        parse_messages({**PLAIN, name: "x"}, strict=False)
    assert raised.value.param == name


@pytest.mark.parametrize(
    "name", [n for n, row in MESSAGES_FIELDS.items() if row.treatment is Treatment.IGNORED]
)
def test_a_field_that_is_ignored_is_noticed_and_refused_where_that_was_asked(name: str) -> None:
    (notice,) = parse_messages({**PLAIN, name: "x"}, strict=False).notices
    assert notice.subject == name
    with pytest.raises(TurnError):
        parse_messages({**PLAIN, name: "x"}, strict=True)


MARKED: JsonObject = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
CALL: JsonObject = {"type": "tool_use", "id": "1", "name": "f", "input": {"cache_control": 1}}
RESULT: JsonObject = {"type": "tool_result", "tool_use_id": "1", "content": [MARKED]}
SCHEMA: JsonObject = {"type": "object", "properties": {"cache_control": {"type": "integer"}}}
TOOL: JsonObject = {"name": "f", "input_schema": SCHEMA}
STEP: list[JsonObject] = [
    *PLAIN["messages"],
    {"role": "assistant", "content": [CALL]},
    {"role": "user", "content": [{**RESULT, "content": "y"}]},
]


@pytest.mark.parametrize(
    "marked",
    [
        {"system": [MARKED, MARKED]},
        {"messages": [{"role": "user", "content": [MARKED]}]},
        {"messages": [*STEP[:2], {"role": "user", "content": [RESULT]}]},
        {"tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}]},
        {"system": [MARKED], "cache_control": {"type": "ephemeral"}},
    ],
    ids=["system", "message", "result", "tool", "at the top, too"],
)
def test_marks_for_the_cache_are_noticed_once_wherever_they_stand(marked: JsonObject) -> None:
    (notice,) = parse_messages({**PLAIN, **marked}, strict=False).notices
    assert notice.subject == "cache_control"
    with pytest.raises(TurnError, match="strict-params"):
        parse_messages({**PLAIN, **marked}, strict=True)


DATA: JsonObject = {"type": "text", "media_type": "text/plain", "data": "x"}
CITED: JsonObject = {"type": "document", "source": DATA, "citations": {"enabled": True}}


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ({"messages": [{"role": "user", "content": [CITED, CITED]}]}, "document.citations"),
        ({"tools": [{**TOOL, "input_examples": [{}]}]}, "tools.input_examples"),
        ({"tools": [{**TOOL, "allowed_callers": ["code_execution"]}]}, "tools.allowed_callers"),
        ({"tools": [{**TOOL, "allowed_callers": ["direct"], "input_examples": []}]}, None),
        (
            {"messages": [{"role": "user", "content": [{**CITED, "citations": None}]}]},
            None,
        ),
    ],
)
def test_what_changes_nothing_inside_of_blocks_and_tools_is_noticed_once(
    inside: JsonObject, name: str | None
) -> None:
    told = parse_messages({**PLAIN, **inside}, strict=False).notices
    assert [notice.subject for notice in told] == ([name] if name else [])


def test_messages_of_the_systems_belong_to_its_prompt() -> None:
    said = [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": "ho"},
        {"role": "system", "content": [{"type": "text", "text": " "}]},
        {"role": "user", "content": "well"},
    ]
    asked = parse_messages({**PLAIN, "messages": said, "system": "Be brief."}, strict=True).request
    assert asked.system == "Be brief.\n\nBe kind."
    assert len(asked.turns) == 3


def test_a_format_has_an_older_name() -> None:
    format_ = {"type": "json_schema", "schema": {"type": "object"}}
    older = parse_messages({**PLAIN, "output_format": format_}, strict=True)
    assert older == parse_messages({**PLAIN, "output_config": {"format": format_}}, strict=True)
    with pytest.raises(TurnError) as raised:
        parse_messages({**PLAIN, "output_format": {"type": "xml"}}, strict=False)
    assert raised.value.param == "output_format.type"


def test_what_a_tool_calls_so_is_no_mark() -> None:
    assert not parse_messages({**PLAIN, "messages": STEP, "tools": [TOOL]}, strict=True).notices


@pytest.mark.parametrize("name", ["system", "tools", "stop_sequences", "thinking", "stream"])
def test_an_explicit_null_is_as_if_the_field_were_absent(name: str) -> None:
    assert parse_messages({**PLAIN, name: None}, strict=True) == parse_messages(PLAIN, strict=True)
