"""A bridge on the real CLI and a scripted upstream, shared by the tests of a session."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from hypothesis import settings as hypothesis_settings

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import say
from claude_run.settings import Settings
from tests.described.clients import openai_client
from tests.described.watching import judged
from tests.scripted import ScriptedUpstream, sealed_environment
from tests.verified import remember_what_works

collect_ignore = ["yardsticks"]  # collected when it is named

# A machine that is busy is slow, and that is no fault of what is tested.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")

# Few people's programs write at once what they print; where they should not, a test has to see it.
os.environ.pop("PYTHONUNBUFFERED", None)

# Begun in the background, a test run ignores these, and so would all that the tests start.
for _number, _handler in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture(scope="session")
def shared_upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(shared_upstream: ScriptedUpstream) -> Iterator[ScriptedUpstream]:
    """The upstream, as if no test had used it before."""
    shared_upstream.forget()
    shared_upstream.answer = say("Hello", " world")
    yield shared_upstream
    shared_upstream.answer = say("the test that asked this is over")
    shared_upstream.wait_until(lambda: shared_upstream.active == 0)


@pytest.fixture(scope="session")
def environment(
    tmp_path_factory: pytest.TempPathFactory, shared_upstream: ScriptedUpstream
) -> dict[str, str]:
    """A sealed environment that leads the CLI to the shared upstream and nowhere else."""
    directory: Path = tmp_path_factory.mktemp("sealed")
    environment = sealed_environment(directory, shared_upstream.url)
    remember_what_works(environment)
    return environment


@pytest.fixture(scope="session")
def verified(environment: dict[str, str]) -> None:
    """It is known what a live session can be given anew: no process is started to find out."""
    remember_what_works(environment)


@pytest.fixture(scope="session")
def bridge(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge with the settings of a plain `claude-run`, and a map for OpenAI's names."""
    settings = Settings(model_map=(("gpt-*", "sonnet"), ("pinned", "claude-opus-4-7")))
    with Bridge(settings, environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


@pytest.fixture(scope="session")
def client(bridge: Bridge) -> Iterator[openai.OpenAI]:
    with openai_client(bridge) as client:
        yield client


@pytest.fixture(autouse=True)
def described() -> Iterator[None]:
    """Whatever a test is answered is what the vendors publish, in every field."""
    yield
    faults = judged()
    assert not faults, "Not as it is published:\n" + "\n".join(faults)
