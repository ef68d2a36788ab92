"""The bridge of a test session, and the scope of each test in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from claude_run.bridge import AnswerError, Bridge, BridgeError
from claude_run.bridge.face import Face
from claude_run.bridge.scope import Scope
from claude_run.cli.arguments import UsageError
from claude_run.cli.configuration import settings
from claude_run.cli.files import standing
from claude_run.cli.options import OPTIONS, settings_of
from claude_run.cli.verbs import configurable
from claude_run.login import LoginError
from claude_run.pytest_plugin.marks import default_place, label_of, options_of
from claude_run.settings import Settings
from claude_run.usage.words import counted

OPEN: Final = pytest.StashKey[Scope]()
PASSED: Final = pytest.StashKey[bool]()
_OUTER: Final = ("CLAUDE_RUN", "OPENAI_BASE_URL", "OPENAI_API_KEY")


@contextmanager
def bridge_of(config: pytest.Config) -> Iterator[Face]:
    """The bridge that this session runs under, or one of its own."""
    if all(os.environ.get(name) for name in _OUTER):
        yield Face(os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"])
        return
    try:
        bridge = Bridge(_settings(config), title="pytest", scopes=config.rootpath)
        with _seen_by_the_person(config):
            bridge.start()
    except (BridgeError, LoginError, UsageError) as error:
        pytest.fail(f"no bridge to Claude: {error}", pytrace=False)
    with bridge_that_ends(bridge, config):
        yield bridge


@contextmanager
def bridge_that_ends(bridge: Bridge, config: pytest.Config) -> Iterator[None]:
    try:
        yield
    finally:
        with _seen_by_the_person(config):
            bridge.__exit__(None, None, None)


@contextmanager
def scope_of(item: pytest.Item, bridge: Face) -> Iterator[Face]:
    """What `item` asks through `bridge`, by the rules of its marks. What it came to stands in the
    item's properties afterwards."""
    label = label_of(item.nodeid)
    try:
        options = options_of(item)
        # Only a bridge of this process serves one test at a time.
        scope = bridge.scope(label, unlabelled=isinstance(bridge, Bridge), **options)
        opened = scope.__enter__()
    except (TypeError, ValueError) as error:
        pytest.fail(f"@pytest.mark.claude: {error}", pytrace=False)
    except AnswerError as error:
        if error.status not in {403, 404} or options:
            pytest.fail(f"@pytest.mark.claude: {error}", pytrace=False)
        yield Face(bridge.base_url, bridge.api_key, label=label)  # it has no scopes
        return
    item.stash[OPEN] = scope
    try:
        yield opened
    finally:
        del item.stash[OPEN]
        _close(scope, item)


def conversations_of(item: pytest.Item) -> str:
    """What `item` has asked so far, and how it was answered, to be read."""
    scope = item.stash.get(OPEN, None)
    if scope is None:
        return ""
    from claude_run.cli.log import readable  # noqa: PLC0415 - only who fails waits for it

    try:
        told = scope.told()
    except AnswerError as error:
        return f"what was asked is not known: {error}"
    return "\n\n".join("\n".join(readable(entry)) for entry in told["conversations"])


def _close(scope: Scope, item: pytest.Item) -> None:
    try:
        scope.__exit__(None, None, None)
    except AnswerError as error:
        item.warn(pytest.PytestWarning(f"what was asked of Claude is not known: {error}"))
        return
    told = {name: value for name, value in scope.outcome.items() if name != "conversations"}
    cassette = told["cassette"] or {}
    if cassette:
        cassette["is_own"] = Path(cassette["directory"]) == default_place(item)
    if told["calls"] or cassette.get("unused"):
        item.user_properties.append(("claude", {**told, "test": item.nodeid}))
    if item.stash.get(PASSED, False) and cassette.get("missed"):
        pytest.fail(swallowed(cassette["missed"], cassette["misses"]), pytrace=False)


def swallowed(missed: int, misses: Sequence[str]) -> str:
    """Why a test that has passed all the same cannot count as one that did."""
    lacking = (
        f"{counted(missed, 'request')} of this test had no recording, and it passed all the same."
    )
    return "\n".join([lacking, *misses])


def _settings(config: pytest.Config) -> Settings:
    """As the environment and the files have it. Who only replays asks nobody, whatever the test.

    Raises:
        UsageError: one of them says what cannot be meant.
    """
    found = settings(OPTIONS, standing(configurable(), os.environ))
    values: dict[str, Any] = {one.option.field: one.value for one in found}
    made = replace(settings_of(values), on_demand=True).with_model(values.get("model"))
    if config.getoption("--claude-record") == "none":
        return replace(made, cassette=str(config.rootpath / "cassettes"), record="none")
    return made


@contextmanager
def _seen_by_the_person(config: pytest.Config) -> Iterator[None]:
    """What is said about money is not for the captured output of some test."""
    manager = config.pluginmanager.getplugin("capturemanager")
    with manager.global_and_fixture_disabled() if manager is not None else nullcontext():
        yield
