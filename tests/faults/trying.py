"""A mode of the upstream, tried: what the client gets, whole and streamed, and what comes after."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr
from dataclasses import dataclass
from http.client import HTTPConnection
from io import StringIO
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.faults.modes import HELLO, MODES
from tests.faults.upstream import ByteUpstream
from tests.scripted import PATIENCE, sealed_environment
from tests.verified import remember_what_works
from tests.wrapped import survivors

FINE: Final = next(iter(MODES))
_LONGEST: Final = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """`whole` and `streamed` say what the client got: a text, or the code of an error; `stderr`
    what the person was told."""

    whole: str
    streamed: str
    afterwards: str
    stderr: str = ""

    def wrong(self, name: str) -> list[str]:
        """What of it must not be."""
        is_fine = MODES[name].is_fine
        told = []
        for form, got in (("whole", self.whole), ("streamed", self.streamed)):
            is_answer = got == repr(HELLO)
            if not got.startswith(("4", "5", "error")) and not is_answer and is_fine is False:
                told.append(f"{form}: {got}")
            if is_fine and not is_answer:
                told.append(f"{form}: {got}")
            if "hang" in got or "envelope" in got:
                told.append(f"{form}: {got}")
        return told if self.afterwards == repr(HELLO) else [*told, f"then: {self.afterwards}"]


@dataclass(frozen=True, slots=True)
class Trial:
    bridge: Bridge

    def tried(self, name: str) -> Seen:
        """What is said once in a run is said of the first fault of its kind."""
        with told() as stderr:
            got = (self._asked(name, False), self._asked(name, True), self._asked(FINE, False))
            self.bridge.listen()
        return Seen(*got, stderr.getvalue())

    def _asked(self, name: str, stream: bool) -> str:
        messages = [{"role": "user", "content": f"[{name}]"}]
        body = {"model": "sonnet", "messages": messages, "stream": stream}
        headers = {"Authorization": f"Bearer {self.bridge.api_key}"}
        address = urlsplit(self.bridge.base_url).netloc
        with closing(HTTPConnection(address, timeout=_LONGEST)) as connection:
            try:
                connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
                response = connection.getresponse()
                answer = response.read()
            except TimeoutError:
                return "a hang"
        is_stream = stream and response.status == 200
        return _streamed(answer) if is_stream else _whole(response.status, answer)


def _whole(status: int, answer: bytes) -> str:
    try:
        body = json.loads(answer)
        if status == 200:
            message = body["choices"][0]["message"]
            return _short(message["content"] or str(message.get("tool_calls")))
        return f"{status} {body['error']['code'] or body['error']['type']}"
    except (ValueError, LookupError, TypeError):
        return f"no envelope: {answer[:80]!r}"


def _streamed(answer: bytes) -> str:
    text, is_done = "", False
    for line in answer.decode().splitlines():
        if line == "data: [DONE]":
            is_done = True
        elif line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                return f"error {event['error']['code'] or event['error']['type']}"
            for choice in event["choices"]:
                delta = choice["delta"]
                text += delta.get("content") or str(delta.get("tool_calls") or "")
    return _short(text) if is_done else f"no envelope, no end after {_short(text)}"


def _short(text: str) -> str:
    return repr(text if len(text) < 40 else f"{text[:20]}… of {len(text)}")


@contextmanager
def told() -> Iterator[StringIO]:
    """What the person is told meanwhile on stderr, without the name that is before each line."""
    heard, text = StringIO(), StringIO()
    with redirect_stderr(heard):
        yield text
    lines = (line.removeprefix("claude-run: ") for line in heard.getvalue().splitlines())
    text.write("; ".join(lines))


@contextmanager
def trial(directory: Path) -> Iterator[Trial]:
    """A bridge on that upstream. Raises AssertionError where something is left of it."""
    with ByteUpstream() as url:
        environment = sealed_environment(directory, url)
        temporary = directory / "tmp"
        temporary.mkdir()
        environment["TMPDIR"] = str(temporary)
        remember_what_works(environment)
        with Bridge(Settings(), environment=environment) as bridge:
            bridge.wait_ready()
            yield Trial(bridge)
            process = psutil.Process(bridge.pid)
            everyone = (process, *process.children(recursive=True))
        assert survivors(everyone, PATIENCE) == []
        assert not list(temporary.iterdir())
