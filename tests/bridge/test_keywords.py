"""The options of the library: what is meant is understood, what cannot be meant is said at once."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from claude_run import Bridge, BridgeError, Settings
from claude_run.bridge.keywords import settings_of
from claude_run.option_values import READ


@pytest.mark.parametrize(
    ("options", "field", "held"),
    [
        ({"model_map": {"gpt-*": "sonnet"}}, "model_map", (("gpt-*", "sonnet"),)),
        ({"model_map": [("gpt-4", "opus")]}, "model_map", (("gpt-4", "opus"),)),
        ({"model_map": ["gpt-4=opus"]}, "model_map", (("gpt-4", "opus"),)),
        ({"timeout": 5}, "timeout", 5.0),
        ({"cassette": Path("tapes")}, "cassette", "tapes"),
        ({"ignore": [r"\d+"]}, "ignore", (r"\d+",)),
        ({"max_calls": None}, "max_calls", None),
    ],
)
def test_an_option_is_understood(options: dict[str, Any], field: str, held: object) -> None:
    assert getattr(settings_of(None, options), field) == held


def test_keyword_arguments_go_over_the_settings_they_stand_beside() -> None:
    made = settings_of(Settings(max_calls=3, rehearse=True), {"max_calls": 4})
    assert (made.max_calls, made.rehearse) == (4, True)


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"modle_map": {}}, TypeError, "no option 'modle_map'; did you mean model_map?"),
        ({"model": "sonnet"}, TypeError, 'model_map={"*": "sonnet"}'),
        ({"model_map": "gpt-4"}, TypeError, "model_map maps names to models"),
        ({"model_map": {"gpt-4": 4}}, TypeError, "model_map maps names to models"),
        ({"model_map": ["gpt-4"]}, ValueError, "'gpt-4' is not FROM=TO"),
        ({"timeout": "5m"}, TypeError, "timeout is a number of seconds, not '5m'"),
        ({"timeout": 0}, ValueError, "timeout is a number above 0"),
        ({"port": 70_000}, ValueError, "port is a whole number from 0 to 65535, not 70000"),
        ({"max_calls": 2.5}, TypeError, "max_calls is a whole number, not 2.5"),
        ({"max_sessions": True}, TypeError, "max_sessions is a whole number, not True"),
        ({"rehearse": "yes"}, TypeError, "rehearse is True or False, not 'yes'"),
        ({"billing": "foo"}, ValueError, "billing is one of auto, subscription, api-key"),
        ({"ignore": r"\d+"}, TypeError, "ignore is a list of str"),
        ({"label": ""}, ValueError, "label is empty"),
    ],
)
def test_what_cannot_be_meant_is_said_at_once(
    options: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as raised:
        Bridge(**options)
    assert told in str(raised.value)


def test_settings_that_cannot_be_meant_are_told_as_well() -> None:
    wrong: Any = {"billing": "foo"}
    with pytest.raises(ValueError, match="billing is one of"):
        Bridge(Settings(**wrong))
    not_settings: Any = {"rehearse": True}
    with pytest.raises(TypeError, match="takes Settings"):
        Bridge(not_settings)


def test_every_field_of_settings_has_a_reader() -> None:
    types = {str(member.type).partition(" | ")[0] for member in fields(Settings)}
    assert types == set(READ)


def test_what_is_asked_of_a_bridge_before_its_block_is_explained() -> None:
    bridge = Bridge(rehearse=True)
    asks: tuple[Callable[[], object], ...] = (
        lambda: bridge.base_url,
        lambda: bridge.env,
        lambda: bridge.complete("hello"),
        bridge.models,
        bridge.wait_ready,
        bridge.client,
        bridge.report,
    )
    for ask in asks:
        with pytest.raises(BridgeError, match=r"write `with Bridge\(\.\.\.\) as bridge:`"):
            ask()
    bridge.close()  # as after an error in the cell that would have started it
