"""Real client libraries on a bridge, led to it as a wrapped command is: by the environment.

A file is only collected where its library is installed; no one environment holds them all.
What comes from npm is only collected when `tests/clients/node` is named.
"""

import asyncio
import os
import socketserver
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from threading import Thread
from typing import Any, Final

import pytest

from claude_run import login
from claude_run.bridge import Bridge
from claude_run.child import command_environment

TESTED: Final = {
    "test_agents.py": "openai-agents",
    "test_dspy.py": "dspy",
    "test_instructor.py": "instructor",
    "test_langchain.py": "langchain-openai",
    "test_langchain_anthropic.py": "langchain-anthropic",
    "test_litellm.py": "litellm",
    "test_litellm_anthropic.py": "litellm",
    "test_optimiser.py": "dspy",
    "test_pydantic_ai.py": "pydantic-ai-slim",
    "test_pydantic_ai_anthropic.py": "pydantic-ai-slim",
}

# Libraries read these when they are imported, which collecting the tests does.
os.environ |= {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it is fetched
    "LANGSMITH_TRACING": "false",
}


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


VERSIONS: Final = {
    library: number
    for library in sorted({"openai", *TESTED.values()})
    if (number := _version(library))
}
ABSENT: Final = [file for file, library in TESTED.items() if library not in VERSIONS]

collect_ignore = [*ABSENT, "node"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what was tested: the bounds in pyproject.toml leave it open."""
    if len(ABSENT) < len(TESTED):
        libraries = (f"{library} {number}" for library, number in VERSIONS.items())
        terminalreporter.write_line(f"clients: {', '.join(libraries)}")


# --- nothing but loopback -------------------------------------------------------------

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_elsewhere: list[str] = []


def _refuse_elsewhere(event: str, arguments: tuple[Any, ...]) -> None:
    match event, arguments:
        case ("socket.getaddrinfo", (str(host), *_)) | ("socket.connect", (_, (str(host), *_))):
            if host not in LOOPBACK:
                _elsewhere.append(host)
                raise PermissionError(f"{host} is not loopback")
        case _:
            pass


@pytest.fixture(scope="session")
def watch() -> None:
    """From the first test here on, nothing in this process gets any further than loopback."""
    sys.addaudithook(_refuse_elsewhere)


@pytest.fixture(autouse=True)
def nothing_leaves(watch: None) -> Iterator[None]:  # noqa: ARG001 - wanted for what it does
    """Fails whoever turned to another machine, even if nothing came of it."""
    _elsewhere.clear()
    yield
    assert _elsewhere == []


class _Gateway(socketserver.BaseRequestHandler):
    """A proxy that lets nobody out, and remembers where they wanted to go."""

    def handle(self) -> None:
        _elsewhere.append(self.request.recv(4096).split(b"\r\n")[0].decode(errors="replace"))


@pytest.fixture(scope="session")
def gateway() -> Iterator[dict[str, str]]:
    """What makes other processes that go elsewhere come to us, so that `nothing_leaves` fails."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Gateway) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        proxies = {spelling: url for name in names for spelling in (name, name.lower())}
        yield proxies | dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        server.shutdown()


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One for all tests: libraries keep their connections, and these belong to a loop."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def wrapped(bridge: Bridge, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a command that a bridge is wrapped around with --anthropic."""
    led = command_environment(environment, bridge.base_url, bridge.api_key)
    return login.led_to(bridge.base_url, bridge.api_key, led)


OF_LIBRARIES: Final = frozenset({"TIKTOKEN_CACHE_DIR"})
"""What a library sets when it is first used, and reads later: litellm, to the tables that come with
it, without which tiktoken would fetch them. A command of its own would have it as well."""


@pytest.fixture(autouse=True)
def inside(wrapped: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process such a command."""
    for name in os.environ.keys() - wrapped.keys() - OF_LIBRARIES:
        monkeypatch.delenv(name)
    for name, value in wrapped.items():
        monkeypatch.setenv(name, value)
