"""Claude in a test suite: fixtures, a marker, cassettes beside the tests, and what each test cost.

pytest imports this module wherever claude-run is installed. It imports nothing more until a test
asks for Claude.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

if TYPE_CHECKING:
    import openai

    from claude_run.bridge.face import Face

Client = TypeVar("Client")

BRIDGE: Final = "claude_bridge"
SCOPE: Final = "_claude_scope"
MARKER: Final = (
    "claude(model_map=None, max_calls=None, max_tokens=None, max_cost=None, cassette=None, ...):"
    " what holds for the calls of this test to Claude; cassette is a directory beside the test"
    " file, True for cassettes/MODULE/TEST, False for none."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("claude", "Claude behind OpenAI's API (claude-run)")
    group.addoption(
        "--claude-costs",
        action="store_true",
        help="tell calls, time, tokens and API-equivalent cost of each test that asked Claude.",
    )
    group.addoption(
        "--claude-record",
        choices=("none", "new", "all"),
        help="give every test that asks Claude a cassette. none: only replay. new: ask what was not"
        " recorded. all: ask everything anew.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    config.pluginmanager.register(Outcomes(config), "claude-run outcomes")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses the bridge has a scope of their own, which begins before all else of theirs."""
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        if BRIDGE in names and SCOPE not in names[:1]:
            if SCOPE in names:
                names.remove(SCOPE)
            names.insert(0, SCOPE)


@pytest.fixture(scope="session")
def claude_bridge(request: pytest.FixtureRequest) -> Iterator[Face]:
    """The bridge of this session: `base_url`, `api_key`, `env`, `complete(prompt)`, `client()` and
    `async_client()`. Under `claude-run -- pytest` it is that run's. Claude himself is started by
    the first call that is not replayed."""
    from claude_run.pytest_plugin.session import bridge_of  # noqa: PLC0415 - nobody else waits

    with bridge_of(request.config) as bridge:
        yield bridge


@pytest.fixture(name=SCOPE)
def claude_scope(request: pytest.FixtureRequest, claude_bridge: Face) -> Iterator[Face]:
    from claude_run.pytest_plugin.session import scope_of  # noqa: PLC0415

    with scope_of(request.node, claude_bridge) as scope:
        yield scope


@pytest.fixture
def claude(_claude_scope: Face) -> Iterator[openai.OpenAI]:
    """A client of the openai package on `claude_bridge`, labelled with the test's id."""
    with _made(_claude_scope.client) as client:
        yield client


@pytest.fixture
def async_claude(_claude_scope: Face) -> openai.AsyncOpenAI:
    """As `claude`, an `openai.AsyncOpenAI`, for tests of any plugin that awaits them."""
    # The loop is a test's own, and gone before a fixture could close connections in it: no
    # connection outlives its answer.
    return _made(_claude_scope.async_client, default_headers={"Connection": "close"})


def _made(client: Callable[..., Client], **options: Any) -> Client:
    """A client of the openai package; where that is not installed the test ends with a sentence."""
    try:
        return client(**options)
    except ImportError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if BRIDGE not in getattr(item, "fixturenames", ()):
        return report
    from claude_run.pytest_plugin.session import PASSED, conversations_of  # noqa: PLC0415

    if report.failed and (text := conversations_of(item)):
        report.sections.append(("Asked of Claude", text))
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


class Outcomes:
    """What each test's calls came to. Under xdist the workers' reports bring it along."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            properties: list[tuple[str, Any]] = report.user_properties
            self._told.extend(told for name, told in properties if name == "claude")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._told:
            from claude_run.pytest_plugin.costs import lines  # noqa: PLC0415

            is_full = self._config.getoption("--claude-costs")
            is_full = is_full or self._config.getoption("--claude-record") is not None
            terminalreporter.section("Claude")
            for line in lines(self._told, is_full=bool(is_full)):
                terminalreporter.write_line(line)
