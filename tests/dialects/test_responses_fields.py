"""The table of Responses fields against the types of the `openai` package itself."""

from typing import Any, get_type_hints

import pytest
from openai.types.responses import ResponseTextConfigParam
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from openai.types.shared_params import Reasoning

from claude_run.dialects.fields import Treatment
from claude_run.dialects.responses import RESPONSES_FIELDS
from tests.dialects.responses import body, parsed, refused

OPENAI_FIELDS = {
    *ResponseCreateParamsNonStreaming.__annotations__,
    *ResponseCreateParamsStreaming.__annotations__,
    *(f"text.{name}" for name in get_type_hints(ResponseTextConfigParam)),
    *(f"reasoning.{name}" for name in get_type_hints(Reasoning)),
} - {"text", "reasoning"}
NOT_OPENAI = {"client_metadata", "top_k"}

IGNORED: dict[str, Any] = {
    "stream_options": {"include_obfuscation": True},
    "text.verbosity": "low",
    "reasoning.context": "all_turns",
    "reasoning.mode": "pro",
    "truncation": "auto",
    "max_tool_calls": 3,
    "top_logprobs": 2,
    "service_tier": "priority",
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
    "user": "u",
    "client_metadata": {"origin": "codex"},
    "context_management": [{"type": "compaction"}],
    "access_programs": {"cyber": "standard"},
    "image": {"context_compression": "auto"},
    "background_options": {"completion_window": "2h"},
}
REFUSED: dict[str, Any] = {
    "background": True,
    "conversation": "conv_1",
    "moderation": {"model": "omni-moderation-latest"},
    "prompt": {"id": "pmpt_1"},
}


def fields(name: str, value: object) -> dict[str, Any]:
    """A field as it stands in a body, inside its object where its name is a path."""
    outer, _, inner = name.partition(".")
    return {outer: {inner: value}} if inner else {outer: value}


def test_every_field_of_the_openai_package_is_decided() -> None:
    assert sorted(OPENAI_FIELDS - RESPONSES_FIELDS.keys()) == []


def test_no_row_is_about_a_field_that_does_not_exist() -> None:
    assert sorted(RESPONSES_FIELDS.keys() - OPENAI_FIELDS) == sorted(NOT_OPENAI)


def test_the_examples_below_cover_every_row_that_is_not_honoured() -> None:
    others = {
        name for name, row in RESPONSES_FIELDS.items() if row.treatment is not Treatment.HONOURED
    }
    assert others == IGNORED.keys() | REFUSED.keys()


@pytest.mark.parametrize("row", RESPONSES_FIELDS.values(), ids=lambda row: row.name)
def test_a_row_says_what_happens_in_a_sentence(row: Any) -> None:
    assert row.note.endswith(".")
    assert "|" not in row.note


@pytest.mark.parametrize("name", IGNORED)
def test_an_ignored_field_gives_one_notice_and_changes_nothing(name: str) -> None:
    call = parsed(**fields(name, IGNORED[name]))

    assert [notice.subject for notice in call.notices] == [name]
    assert call.request == parsed().request


@pytest.mark.parametrize("name", IGNORED)
def test_strict_refuses_an_ignored_field_by_name(name: str) -> None:
    error = refused(strict=True, **fields(name, IGNORED[name]))

    assert error.param == name
    assert "--strict-params" in error.message


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_field_is_refused_by_name(name: str) -> None:
    error = refused(**fields(name, REFUSED[name]))

    assert error.param == name
    assert name in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stream_options", {"include_obfuscation": False}),
        ("text", {}),
        ("text.verbosity", "medium"),
        ("text.format", {"type": "text"}),
        ("reasoning", {}),
        ("reasoning.context", "auto"),
        ("include", []),
        ("truncation", "disabled"),
        ("top_logprobs", 0),
        ("service_tier", "auto"),
        ("background", False),
        ("store", True),
        ("stream", False),
        ("tools", []),
        ("parallel_tool_calls", True),
    ],
)
def test_asking_for_what_happens_anyway_is_no_deviation(name: str, value: object) -> None:
    assert parsed(strict=True, **fields(name, value)) == parsed()


@pytest.mark.parametrize("name", sorted(RESPONSES_FIELDS.keys() - {"model", "input"}))
def test_an_explicit_null_is_as_if_the_field_were_absent(name: str) -> None:
    assert parsed(strict=True, **fields(name, None)) == parsed()


@pytest.mark.parametrize("name", ["text", "reasoning"])
def test_an_object_of_fields_may_be_null_but_nothing_else(name: str) -> None:
    assert parsed(strict=True, **fields(name, None)) == parsed()
    assert refused(**fields(name, "auto")).param == name


@pytest.mark.parametrize("name", ["stop", "seed", "text.colour", "reasoning.budget"])
def test_an_unknown_field_is_ignored_with_a_notice(name: str) -> None:
    call = parsed(**fields(name, 5))

    assert [notice.subject for notice in call.notices] == [name]
    assert call.request == parsed().request
    assert refused(strict=True, **fields(name, 5)).param == name


def test_nothing_but_the_fields_of_the_request_is_needed() -> None:
    assert parsed() == parsed(**{k: v for k, v in body().items() if k != "input"})


def test_what_cannot_be_included_is_noticed_and_refused_where_that_was_asked() -> None:
    for more in ([], ["reasoning.encrypted_content"]):
        included = ["message.output_text.logprobs", *more]
        (notice,) = parsed(include=included).notices
        assert notice.subject == "include"
        assert refused(strict=True, include=included).param == "include"
