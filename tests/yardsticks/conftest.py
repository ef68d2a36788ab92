"""A rehearsing bridge, which other people's yardsticks are laid on: `pytest tests/yardsticks`."""

import os
from collections.abc import Iterator

import pytest

from claude_run.bridge import Bridge
from claude_run.child import command_environment
from claude_run.settings import Settings


@pytest.fixture(scope="session")
def bridge(environment: dict[str, str]) -> Iterator[Bridge]:
    """It answers for a name of OpenAI's: by the name some yardsticks tell whether it thinks."""
    settings = Settings(rehearse=True, model_map=(("gpt-*", "sonnet"),))
    with Bridge(settings, environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


@pytest.fixture(scope="session")
def wrapped(bridge: Bridge) -> dict[str, str]:
    """The environment of a command that the bridge is wrapped around."""
    return command_environment(dict(os.environ), bridge.base_url, bridge.api_key)
