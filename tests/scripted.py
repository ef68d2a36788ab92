"""The upstream of the tests: records what it is asked, and answers as each test tells it."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from starlette.types import Message, Receive, Scope, Send

from claude_run.rehearsal import seal, unsealed
from claude_run.rehearsal.answers import Answer, Refuse, Reply, say
from claude_run.rehearsal.upstream import Answerer, Upstream
from claude_run.turn import JsonObject
from tests.verified import CACHE

Script: TypeAlias = Answer | Answerer

PATIENCE = 30.0  # seconds; how long a test waits for what should have happened long since


class ScriptedUpstream:
    """A Messages API in a thread of its own, for as long as it is entered.

    `answer` is what a request gets, or what makes it of the request's body; it may be set at
    any time. Everything else may be used from any thread.
    """

    def __init__(self, answer: Script | None = None) -> None:
        self.answer: Script = answer or say("Hello", " world")
        self._marked: list[tuple[str, Script]] = []
        self._record = _Record()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._serving: Future[tuple[str, Callable[[], object]]] = Future()

    def __enter__(self) -> "ScriptedUpstream":
        self._thread.start()
        self._serving.result(PATIENCE)
        return self

    def __exit__(self, *_error: object) -> None:
        _url, stop = self._serving.result()
        stop()
        self._thread.join()

    @property
    def url(self) -> str:
        return self._serving.result()[0]

    def script(self, marker: str, answer: Script) -> None:
        """From now on, requests that hold `marker` anywhere get `answer`. Later scripts win."""
        self._marked.insert(0, (marker, answer))

    def forget(self) -> None:
        """Forget what was asked and every script; what is still being answered, is counted on."""
        self._marked.clear()
        with self._record.changed:
            self._record.bodies.clear()
            self._record.headers.clear()
            self._record.aborted = 0

    @property
    def requests(self) -> list[JsonObject]:
        """The bodies of all requests for a message so far, oldest first."""
        with self._record.changed:
            return list(self._record.bodies)

    @property
    def headers(self) -> list[dict[str, str]]:
        """The headers of `requests`, with names in lower case."""
        with self._record.changed:
            return list(self._record.headers)

    def requests_with(self, marker: str) -> list[JsonObject]:
        return [request for request in self.requests if _holds(request, marker)]

    @property
    def active(self) -> int:
        """How many requests for a message are being answered right now."""
        return self._record.active

    @property
    def aborted(self) -> int:
        """How many answers have lost their client before their end."""
        return self._record.aborted

    def wait_until(self, condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Waits for `condition`, which is looked at whenever a request comes, ends or is
        abandoned. Raises TimeoutError after `timeout` seconds."""
        with self._record.changed:
            if not self._record.changed.wait_for(condition, timeout):
                raise TimeoutError(
                    f"after {timeout:g} s: {len(self._record.bodies)} requests, "
                    f"{self.active} active, {self.aborted} aborted"
                )

    def wait_for(self, n: int, timeout: float = PATIENCE, marker: str = "") -> list[JsonObject]:
        """The first `n` requests that hold `marker`, as soon as there are so many."""
        self.wait_until(lambda: len(self.requests_with(marker)) >= n, timeout)
        return self.requests_with(marker)[:n]

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._serving.done():
                raise
            self._serving.set_exception(error)

    async def _serve(self) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with _Recording(self._answer_to, self._record) as upstream:
            self._serving.set_result(
                (upstream.url, partial(loop.call_soon_threadsafe, stopped.set))
            )
            await stopped.wait()

    def _answer_to(self, request: JsonObject) -> Any:
        marked = (answer for marker, answer in self._marked if _holds(request, marker))
        script = next(marked, self.answer)
        return script if isinstance(script, Reply | Refuse) else script(request)


def in_order(*answers: Answer) -> Answerer:
    """One of `answers` for each request, and an error for every further one."""
    waiting = iter(answers)
    return lambda _: next(waiting, Refuse(500, "api_error", "the script has come to its end"))


# --- reading what was asked -----------------------------------------------------------


def turns(request: JsonObject) -> list[JsonObject]:
    """The messages of `request` as a caller of the bridge knows them: without what the CLI
    adds (system messages, reminders, cache marks), and with every content a list of blocks."""
    messages = (message for message in request["messages"] if message["role"] != "system")
    return [{**message, "content": _blocks(message["content"])} for message in messages]


def system_of(request: JsonObject) -> str:
    """The caller's system prompt, without the blocks that the CLI puts before it."""
    texts = [block["text"] for block in request.get("system", ())]
    while texts and (texts[0].startswith(_BILLING) or texts[0] == _IDENTITY):
        texts.pop(0)
    return "".join(texts)


_BILLING = "x-anthropic-billing-header"
_IDENTITY = "You are a Claude agent, built on Anthropic's Claude Agent SDK."


def _blocks(content: str | list[JsonObject]) -> list[JsonObject]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [_bare(block) for block in blocks if not _is_reminder(block)]


def _bare(block: JsonObject) -> JsonObject:
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    if isinstance(bare.get("content"), list):
        bare["content"] = [_bare(inner) for inner in bare["content"]]
    return bare


def _is_reminder(block: JsonObject) -> bool:
    return block["type"] == "text" and str(block["text"]).startswith("<system-reminder>")


def _holds(request: JsonObject, marker: str) -> bool:
    """Whether `marker` stands in any string of `request`, escapes left aside."""
    escaped = json.dumps(marker, ensure_ascii=False)[1:-1]
    return escaped in json.dumps(request, ensure_ascii=False)


# --- a place for the CLI to run in ----------------------------------------------------

_NOBODY: Final = "http://127.0.0.1:9"
_LESS: Final = "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"


def sealed_environment(directory: Path, upstream_url: str) -> dict[str, str]:
    """The environment of this process, with nothing in it that leads a CLI anywhere but to
    `upstream_url`, and a home that is made below `directory`."""
    home = directory / "home"
    home.mkdir(parents=True, exist_ok=True)
    outside = unsealed(os.environ)
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    return {**kept, **seal(home, upstream_url), "XDG_CACHE_HOME": str(CACHE)}


def as_a_persons(environment: Mapping[str, str]) -> dict[str, str]:
    """A sealed environment in which, as in a person's, nothing says that less is to be asked. What
    the CLI asks of others than the upstream meets a proxy that is not there."""
    usual = {name: value for name, value in environment.items() if name != _LESS}
    led = {"HTTPS_PROXY": _NOBODY, "HTTP_PROXY": _NOBODY}
    return {**usual, **led, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


# --- recording ------------------------------------------------------------------------


@dataclass
class _Record:
    """What has happened; `changed` guards it and is notified of everything in it."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    bodies: list[JsonObject] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    active: int = 0
    aborted: int = 0

    def begin(self, body: JsonObject, headers: dict[str, str]) -> None:
        with self.changed:
            self.bodies.append(body)
            self.headers.append(headers)
            self.active += 1
            self.changed.notify_all()

    def end(self, *, aborted: bool) -> None:
        with self.changed:
            self.active -= 1
            self.aborted += aborted
            self.changed.notify_all()


class _Recording(Upstream):
    def __init__(self, answer: Answerer, record: _Record) -> None:
        super().__init__(answer)
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/v1/messages":
            await super().__call__(scope, receive, send)
            return
        exchange = _Exchange(self._record, scope, receive, send)
        try:
            await super().__call__(scope, exchange.receive, exchange.send)
        finally:
            exchange.end()


class _Exchange:
    """One request, overheard: its body is recorded when it is complete, and its end."""

    def __init__(self, record: _Record, scope: Scope, receive: Receive, send: Send) -> None:
        self._record = record
        self._headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self._receive = receive
        self._send = send
        self._body = b""
        self._begun = self._answered = self._gone = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone = True
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                self._begin()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._answered = True
        await self._send(message)

    def end(self) -> None:
        if self._begun:
            self._record.end(aborted=self._gone and not self._answered)

    def _begin(self) -> None:
        try:
            body = json.loads(self._body)
        except ValueError:
            return
        self._begun = True
        self._record.begin(body, self._headers)
