"""Which login reaches which host, seen from the hosts, through every entrance."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.scripted import ScriptedUpstream
from tests.wrapped import CLAUDE_RUN, answered_by, finished, sealed

SUBSCRIPTION = "sk-ant-oat01-the-subscription"
KEY = "sk-ant-api03-the-gateways-own"
GATEWAY = "http://gateway.example"  # reached through a proxy on loopback, which resolves nothing
STORED = {
    "claudeAiOauth": {
        "accessToken": SUBSCRIPTION,
        "refreshToken": "sk-ant-ort01-none",
        "expiresAt": 4102444800000,  # milliseconds
        "scopes": ["user:inference"],
        "subscriptionType": "max",
    }
}
UNKNOWN = "nobody-knows-this-model"  # refused by the bridge, before Claude is asked
LIBRARY = """
import sys
from claude_run import Bridge
from claude_run.settings import Settings

billing, model = sys.argv[1:]
with Bridge(Settings(billing=billing)) as bridge:
    print(bridge.complete("What is Python?", model=model))
"""


class Hosts:
    """A proxy on which every host refuses everybody; it remembers who showed what to which."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.shown: list[tuple[str, str | None]] = []


@contextmanager
def hosts() -> Iterator[Hosts]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
            host = self.path.partition("//")[2].partition("/")[0]
            seen.shown.append((host, self.headers.get("x-api-key") or token or None))
            self.answer(401, b'{"type":"error","error":{"type":"authentication_error"}}')

        def do_GET(self) -> None:
            self.do_POST()

        def do_HEAD(self) -> None:
            self.do_POST()

        def do_CONNECT(self) -> None:
            self.answer(403, b"")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Hosts(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def entrance(name: str, billing: str, model: str = "sonnet") -> list[str]:
    """A command that asks Claude one question through this entrance."""
    question = ["-m", model, "What is Python?"]
    match name:
        case "run":
            return [*CLAUDE_RUN, "-q", "--billing", billing, "--", *CLAUDE_RUN, "ask", *question]
        case "ask":
            return [*CLAUDE_RUN, "ask", "--billing", billing, *question]
        case _:
            return [sys.executable, "-c", LIBRARY, billing, model]


ENTRANCES = ("run", "ask", "library")


def at_gateway(directory: Path, proxy: Hosts, **login: str) -> dict[str, str]:
    """An environment whose every request goes to `proxy`, and the gateway's is the base URL."""
    environment = sealed(directory, ANTHROPIC_BASE_URL=GATEWAY, **login)
    quiet = ("DISABLE_TELEMETRY", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC")
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), proxy.url)
    return {**environment, **proxies, **dict.fromkeys(quiet, "1")}


def store(environment: dict[str, str]) -> None:
    """Log in as `claude auth login` does."""
    directory = Path(environment["HOME"]) / ".claude"
    directory.mkdir()
    (directory / ".credentials.json").write_text(json.dumps(STORED))


@pytest.mark.parametrize("name", ENTRANCES)
@pytest.mark.parametrize("is_stored", [False, True])
def test_a_foreign_host_without_a_key_is_refused_before_anything_starts(
    name: str, is_stored: bool, tmp_path: Path
) -> None:
    with hosts() as proxy:
        login = {} if is_stored else {"CLAUDE_CODE_OAUTH_TOKEN": SUBSCRIPTION}
        environment = at_gateway(tmp_path, proxy, **login)
        if is_stored:
            store(environment)
        result = finished(entrance(name, "auto"), environment)
    assert proxy.shown == []
    assert result.returncode == (1 if name == "library" else 125)
    assert "ANTHROPIC_BASE_URL leads to gateway.example, and no key for it is set" in result.stderr
    assert "--billing subscription" in result.stderr
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("run", "ANTHROPIC_API_KEY"),
        ("ask", "ANTHROPIC_AUTH_TOKEN"),
        ("library", "ANTHROPIC_API_KEY"),
    ],
)
def test_a_foreign_host_is_shown_the_key_that_was_set_beside_it_and_no_other(
    name: str, variable: str, tmp_path: Path
) -> None:
    with hosts() as proxy:
        environment = at_gateway(
            tmp_path, proxy, CLAUDE_CODE_OAUTH_TOKEN=SUBSCRIPTION, **{variable: KEY}
        )
        store(environment)
        result = finished(entrance(name, "auto"), environment)
    assert set(proxy.shown) == {("gateway.example", KEY)}
    assert (
        f"claude-run: using {variable} at gateway.example (ANTHROPIC_BASE_URL): what that charges"
        " is metered there; your Claude subscription's login is kept from it.\n"
    ) in result.stderr
    assert KEY not in result.stderr


def test_a_foreign_host_is_shown_the_subscription_where_that_was_asked_for_by_name(
    tmp_path: Path,
) -> None:
    login = {"CLAUDE_CODE_OAUTH_TOKEN": SUBSCRIPTION, "ANTHROPIC_API_KEY": KEY}
    with hosts() as proxy:
        environment = at_gateway(tmp_path, proxy, **login)
        result = finished(entrance("ask", "subscription"), environment)
    assert set(proxy.shown) == {("gateway.example", SUBSCRIPTION)}
    assert "your Claude subscription's login is sent there" in result.stderr


def test_an_upstream_on_this_machine_may_have_the_subscription_and_no_proxy_sees_it(
    tmp_path: Path,
) -> None:
    with hosts() as proxy, ScriptedUpstream() as upstream:
        environment = answered_by(upstream, tmp_path)
        environment |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), proxy.url)
        result = finished(entrance("ask", "auto"), environment)
        token = environment["CLAUDE_CODE_OAUTH_TOKEN"]
        assert result.stdout == "Hello world\n"
        assert [head["authorization"] for head in upstream.headers] == [f"Bearer {token}"]
    assert proxy.shown == []
    assert "leads to 127.0.0.1" in result.stderr
    assert "your Claude subscription's login is sent there" in result.stderr


@pytest.mark.parametrize("name", ENTRANCES)
def test_a_stray_key_beside_a_subscription_is_told_and_kept_from_claude(
    name: str, tmp_path: Path
) -> None:
    login = {"CLAUDE_CODE_OAUTH_TOKEN": SUBSCRIPTION, "ANTHROPIC_API_KEY": KEY}
    with hosts() as proxy:
        environment = at_gateway(tmp_path, proxy, **login)
        del environment["ANTHROPIC_BASE_URL"]
        result = finished(entrance(name, "auto", UNKNOWN), environment)
    assert proxy.shown == []
    told = "using your Claude subscription; ANTHROPIC_API_KEY is kept from Claude Code"
    assert result.stderr.count(told) == 1


def test_what_is_kept_from_claude_is_kept_from_the_whole_bridge(tmp_path: Path) -> None:
    login = {"CLAUDE_CODE_OAUTH_TOKEN": SUBSCRIPTION, "ANTHROPIC_API_KEY": KEY}
    with Bridge(Settings(), environment=sealed(tmp_path, **login)) as bridge:
        environment = psutil.Process(bridge.pid).environ()
    assert environment["CLAUDE_CODE_OAUTH_TOKEN"] == SUBSCRIPTION
    assert "ANTHROPIC_API_KEY" not in environment


def test_there_is_one_door_to_the_bridge_process() -> None:
    """Whoever starts it another way would have asked nobody who pays."""
    package = Path(__file__).parents[1] / "claude_run"
    starting = subprocess.run(
        ["grep", "-rlE", r"[\"']claude_run\.server[\"']", package, "--include=*.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [Path(path).name for path in starting.stdout.splitlines()] == ["process.py"]
