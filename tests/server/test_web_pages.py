"""What a page in a real browser, open beside a run, can do to its bridge: nothing."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from claude_run.bridge import Bridge
from tests.scripted import ScriptedUpstream
from tests.usage.browser import Browser, chromium

# A name of the attacker's own, which leads here: at last, as after DNS rebinding.
NAME = "evil.example"
ASKED = '{"model": "sonnet", "messages": [{"role": "user", "content": "hi"}]}'
PATH = "/v1/chat/completions"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page of the attacker's."""
    directory: Path = tmp_path_factory.mktemp("evil")
    (directory / "index.html").write_text("<!doctype html><title>evil</title>")
    serve = partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{NAME}:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as opened:
        yield opened


@pytest.fixture
def origin(bridge: Bridge) -> str:
    return f"http://{urlsplit(bridge.base_url).netloc}"


def answer(browser: Browser, request: str) -> str:
    """What a page gets of `request`, an expression whose value is the promise of a response."""
    reading = "r => r.type + ' ' + r.status + ' ' + r.headers.get('content-type')"
    return str(browser.run(f"return {request}.then({reading}, e => e.name)"))


def test_a_name_that_leads_here_is_refused(
    browser: Browser, bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    port = urlsplit(bridge.base_url).port
    browser.open(f"http://{NAME}:{port}/v1/models")
    assert "host_not_allowed" in browser.run("return document.body.innerText")
    key = f"{{headers: {{Authorization: 'Bearer {bridge.api_key}'}}}}"  # if it were known at all
    assert answer(browser, f"fetch('/v1/models', {key})") == "basic 403 application/json"
    post = f"fetch('{PATH}', {{method: 'POST', body: '{ASKED}'}})"
    assert answer(browser, post) == "basic 403 application/json"
    assert upstream.requests == []


def test_a_page_of_another_origin_asks_nothing_and_reads_nothing(
    browser: Browser, bridge: Bridge, upstream: ScriptedUpstream, page: str, origin: str
) -> None:
    browser.open(page)
    plain = f"method: 'POST', body: '{ASKED}'"
    key = f"headers: {{Authorization: 'Bearer {bridge.api_key}'}}"
    for request, got in (
        (f"{{{plain}}}", "TypeError"),  # sent, and its answer hidden
        (f"{{{plain}, mode: 'no-cors'}}", "opaque 0 null"),
        (f"{{{plain}, {key}}}", "TypeError"),  # the preflight is refused
        ("{method: 'OPTIONS'}", "TypeError"),
        (f"{{{key}}}", "TypeError"),
    ):
        assert answer(browser, f"fetch('{origin}{PATH}', {request})") == got, request
    assert upstream.requests == []


def test_a_form_a_socket_and_an_image_get_nothing(
    browser: Browser, upstream: ScriptedUpstream, page: str, origin: str
) -> None:
    browser.open(page)
    socket = origin.replace("http", "ws")
    for path in ("/v1/responses", PATH):
        opened = browser.run(
            f"return new Promise(r => {{ const s = new WebSocket('{socket}{path}');"
            " s.onopen = () => r('open'); s.onerror = () => r('error'); })"
        )
        assert opened == "error"
    shown = browser.run(
        f"return new Promise(r => {{ const i = new Image(); i.src = '{origin}/v1/models';"
        " i.onload = () => r('shown'); i.onerror = () => r('error'); })"
    )
    assert shown == "error"
    browser.run(
        "document.body.innerHTML = arguments[0]; document.forms[0].submit()",
        f"<form method=post enctype=text/plain action='{origin}{PATH}'>"
        f"<input name='{ASKED[:-1]}, \"x\": \"' value='\"}}'></form>",
    )
    browser.run(
        "return new Promise(r => { const look = () => location.port == arguments[0]"
        " && document.readyState == 'complete' ? r() : setTimeout(look, 5); look(); })",
        str(urlsplit(origin).port),
    )
    assert "invalid_api_key" in browser.run("return document.body.innerText")
    assert upstream.requests == []
