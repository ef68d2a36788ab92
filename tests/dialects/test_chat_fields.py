"""The table of chat fields against the types of the `openai` package itself."""

from typing import Any

import pytest
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from claude_run.dialects.chat import CHAT_FIELDS
from claude_run.dialects.fields import Treatment
from tests.dialects.chats import parsed, refused

OPENAI_FIELDS = (
    CompletionCreateParamsNonStreaming.__annotations__.keys()
    | CompletionCreateParamsStreaming.__annotations__.keys()
)
NOT_OPENAI = {"top_k"}

IGNORED: dict[str, Any] = {
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 3,
    "seed": 7,
    "prediction": {"type": "content", "content": "x"},
    "verbosity": "low",
    "store": True,
    "metadata": {"a": "b"},
    "service_tier": "priority",
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
    "user": "u",
}
REFUSED: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "modalities": ["text", "audio"],
    "moderation": {"model": "omni-moderation-latest"},
    "web_search_options": {},
}


def test_every_field_of_the_openai_package_is_decided() -> None:
    assert sorted(OPENAI_FIELDS - CHAT_FIELDS.keys()) == []


def test_no_row_is_about_a_field_that_does_not_exist() -> None:
    assert sorted(CHAT_FIELDS.keys() - OPENAI_FIELDS) == sorted(NOT_OPENAI)


def test_the_examples_below_cover_every_row_that_is_not_honoured() -> None:
    others = {name for name, row in CHAT_FIELDS.items() if row.treatment is not Treatment.HONOURED}
    assert others == IGNORED.keys() | REFUSED.keys()


@pytest.mark.parametrize("row", CHAT_FIELDS.values(), ids=lambda row: row.name)
def test_a_row_says_what_happens_in_a_sentence(row: Any) -> None:
    assert row.note.endswith(".")
    assert "|" not in row.note


@pytest.mark.parametrize("name", IGNORED)
def test_an_ignored_field_gives_one_notice_and_changes_nothing(name: str) -> None:
    call = parsed(**{name: IGNORED[name]})
    assert [notice.subject for notice in call.notices] == [name]
    assert call.request == parsed().request


@pytest.mark.parametrize("name", IGNORED)
def test_strict_refuses_an_ignored_field_by_name(name: str) -> None:
    error = refused(strict=True, **{name: IGNORED[name]})
    assert error.param == name
    assert "--strict-params" in error.message


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_field_is_refused_by_name(name: str) -> None:
    error = refused(**{name: REFUSED[name]})
    assert error.param == name
    assert name in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frequency_penalty", 0),
        ("presence_penalty", 0.0),
        ("logit_bias", {}),
        ("logprobs", False),
        ("top_logprobs", 0),
        ("verbosity", "medium"),
        ("store", False),
        ("metadata", {}),
        ("service_tier", "auto"),
        ("service_tier", "default"),
        ("modalities", ["text"]),
    ],
)
def test_asking_for_what_happens_anyway_is_no_deviation(name: str, value: object) -> None:
    assert parsed(strict=True, **{name: value}) == parsed()


@pytest.mark.parametrize("name", sorted(CHAT_FIELDS.keys() - {"model", "messages"}))
def test_an_explicit_null_is_as_if_the_field_were_absent(name: str) -> None:
    assert parsed(strict=True, **{name: None}) == parsed()


@pytest.mark.parametrize("name", ["reasoning", "thinking", "repetition_penalty"])
def test_an_unknown_field_is_ignored_with_a_notice(name: str) -> None:
    unknown: dict[str, Any] = {name: {"effort": "high"}}
    call = parsed(**unknown)
    assert [notice.subject for notice in call.notices] == [name]
    assert call.request == parsed().request
    assert refused(strict=True, **unknown).param == name
