"""Which name the CLI is given for the model a client asks for."""

import pytest

from claude_run.claude.names import explained, listed, resolve, unknown_target
from claude_run.settings import Settings
from claude_run.turn import Failure, TurnError

PLAIN = Settings()
MAPPED = Settings(
    model_map=(
        ("opus", "claude-opus-4-7"),
        ("gpt-4.1", "haiku"),
        ("gpt-*", "sonnet"),
        ("odd[1]", "opus[1m]"),
    )
)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("sonnet", "sonnet"),
        ("opus[1m]", "opus[1m]"),
        ("fable", "fable"),
        ("claude-opus-4-7", "claude-opus-4-7"),
        ("claude-tomorrow-9", "claude-tomorrow-9"),
        ("openai/sonnet", "sonnet"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("openrouter/anthropic/claude-opus-4.1", "claude-opus-4-1"),
        ("openai/anthropic/haiku", "haiku"),
        ("claude-sonnet-4.5[1m]", "claude-sonnet-4-5[1m]"),
    ],
)
def test_claudes_own_names_go_through(asked: str, name: str) -> None:
    found = resolve(asked, PLAIN)
    assert (found.name, found.notices) == (name, ())


@pytest.mark.parametrize(
    ("asked", "alias"),
    [
        ("claude-3-5-sonnet-latest", "sonnet"),
        ("claude-3.5-sonnet", "sonnet"),
        ("anthropic/claude-3-opus-20240229", "opus"),
        ("claude-3-haiku-20240307", "haiku"),
        ("claude-3-7-sonnet-20250219", "sonnet"),
        ("claude-2.1", "sonnet"),
        ("claude-instant-1.2", "haiku"),
    ],
)
def test_a_retired_model_goes_to_its_family_with_a_notice(asked: str, alias: str) -> None:
    found = resolve(asked, PLAIN)
    assert found.name == alias
    assert asked in found.notices[0].text


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("opus", "claude-opus-4-7"),
        ("openai/opus", "claude-opus-4-7"),
        ("gpt-4.1", "haiku"),
        ("gpt-4.1-mini", "sonnet"),
        ("openai/gpt-5", "sonnet"),
        ("odd[1]", "opus[1m]"),
        ("sonnet", "sonnet"),
    ],
)
def test_the_map_is_looked_at_first_and_in_order(asked: str, name: str) -> None:
    assert resolve(asked, MAPPED).name == name


@pytest.mark.parametrize(
    ("asked", "glob"),
    [
        ("gpt-4.1", "gpt-*"),
        ("openai/gpt-5-mini", "gpt-*"),
        ("o3", "o3"),
        ("o3-mini", "o3-mini"),
        ("llama", "llama"),
        ("text-embedding-3-small", "text-*"),
        ("cloude-sonnet-4-5", "cloude-*"),
        ("", ""),
    ],
)
def test_an_unknown_name_is_refused_and_told_what_maps_it(asked: str, glob: str) -> None:
    with pytest.raises(TurnError) as caught:
        resolve(asked, Settings(in_python=False))
    assert caught.value.failure is Failure.MODEL_NOT_FOUND
    assert f"--model-map '{glob}=sonnet'" in caught.value.message
    with pytest.raises(TurnError) as in_python:
        resolve(asked, PLAIN)
    assert f'with model_map={{"{glob}": "sonnet"}}, or ' in in_python.value.message
    assert "--" not in in_python.value.message


def test_a_default_model_answers_for_every_other_name() -> None:
    found = resolve("o3", Settings(default_model="haiku"))
    assert found.name == "haiku"
    assert found.notices


def test_the_list_offers_what_can_be_asked() -> None:
    names = listed(MAPPED)
    assert names[0] == "opus"
    assert "gpt-*" not in names
    assert len(names) == len(set(names))
    assert "fable" not in names
    assert all(resolve(name, MAPPED) for name in names)


def test_a_map_is_followed_once_by_exact_names() -> None:
    pairs = (("gpt-*", "opus"), ("opus", "claude-opus-4-7"), ("*", "sonnet"))
    found = resolve("gpt-4.1", Settings(model_map=pairs))
    assert found.name == "claude-opus-4-7"
    assert "answered by claude-opus-4-7" in found.notices[0].text
    assert resolve("claude-opus-4-7", Settings(model_map=pairs)).name == "sonnet"


@pytest.mark.parametrize("target", ["sonnet", "opus[1m]", "anthropic/claude-opus-4.7", "mine"])
def test_a_target_is_a_model_or_a_name_that_is_mapped_to_one(target: str) -> None:
    assert unknown_target(Settings(model_map=(("a", target), ("mine", "haiku")))) is None
    assert unknown_target(Settings(default_model="hiku")) is not None


def test_an_id_that_is_nearly_a_known_one_is_told() -> None:
    [notice] = resolve("claude-sonet-4-5", PLAIN).notices
    assert "did you mean claude-sonnet-4-5?" in notice.text


@pytest.mark.parametrize(
    ("asked", "name"), [("opus", "sonnet"), ("sonnet", "opus"), ("gpt-5", "opus"), ("same", "same")]
)
def test_a_map_in_a_circle_ends_and_two_names_can_change_places(asked: str, name: str) -> None:
    pairs = (("opus", "sonnet"), ("sonnet", "opus"), ("gpt-*", "sonnet"), ("same", "same"))
    assert resolve(asked, Settings(model_map=pairs)).name == name
    assert unknown_target(Settings(model_map=pairs[:3])) is None
    assert unknown_target(Settings(model_map=(("a", "b"), ("b", "a")))) is not None


def test_a_target_that_is_retired_is_its_family() -> None:
    assert resolve("gpt-4", Settings(model_map=(("gpt-*", "claude-3-opus"),))).name == "opus"
    assert resolve("gpt-4", Settings(default_model="claude-3.5-haiku")).name == "haiku"


@pytest.mark.parametrize(
    ("target", "meant"),
    [("sonet", "sonnet"), ("claude-sonet-4-5", "claude-sonnet-4-5"), ("anthropic/opsu", "opus")],
)
def test_a_target_that_is_no_model_is_told_with_the_one_that_was_meant(
    target: str, meant: str
) -> None:
    mapped = unknown_target(Settings(model_map=(("fine", "opus"), ("gpt-*", target))))
    assert mapped is not None
    assert mapped.as_option.startswith(f"--model-map gpt-*={target}: {target!r} is no model")
    assert mapped.as_keyword.startswith(f"model_map['gpt-*']: {target!r} is no model")
    assert f"Did you mean {meant}?" in mapped.told
    default = unknown_target(Settings(default_model=target))
    assert default is not None
    assert default.as_option.startswith(f"--default-model {target}: ")


def test_a_name_that_is_nearly_a_known_one_is_told_with_the_refusal() -> None:
    with pytest.raises(TurnError, match=r"Did you mean opus\?"):
        resolve("opsu", PLAIN)
    with pytest.raises(TurnError, match=r"Did you mean my-model\?"):
        resolve("my-modell", Settings(model_map=(("my-model", "opus"),)))


def test_what_anthropic_does_not_know_is_told_with_the_one_that_was_meant() -> None:
    unknown = TurnError(Failure.MODEL_NOT_FOUND, "There's an issue with the selected model.")
    told = explained(unknown, "claude-sonet-4-5")
    assert told.message == f"{unknown.message} Did you mean claude-sonnet-4-5?"
    assert explained(unknown, "claude-tomorrow-9") is unknown
    broken = TurnError(Failure.OVERLOADED, "Overloaded")
    assert explained(broken, "claude-sonet-4-5") is broken
