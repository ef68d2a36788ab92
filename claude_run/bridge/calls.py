"""A call of a bridge's API without the I/O: bytes to send, and what the bytes that come back say.

Sockets and streams feed these; HTTP itself is h11's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import h11

from claude_run.bridge.chunks import DONE, chunk_in
from claude_run.bridge.errors import AnswerError
from claude_run.turn import JsonObject

OK: Final = 200
LABEL: Final = "X-Claude-Run-Label"
DEFAULT_MODEL: Final = "sonnet"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bridge listens: `path` is a unix socket's, empty for TCP. `prefix` is what its
    paths begin with."""

    host: str
    port: int
    prefix: str = "/v1"
    path: str = ""


def address_of(base_url: str, socket_path: str = "") -> Address:
    """
    Raises:
        AnswerError: it is no address of a bridge.
    """
    url = urlsplit(base_url)
    if url.scheme != "http" or url.hostname is None:
        raise AnswerError(f"{base_url} is not the address of a bridge")
    return Address(url.hostname, url.port or 80, url.path.rstrip("/"), socket_path)


@dataclass(frozen=True, slots=True)
class Access:
    """Where a bridge is, what opens it, and what the calls are for."""

    address: Address
    key: str
    label: str | None = None


class Call:
    """One request on a connection of its own, and its answer. `status` is known once something
    of the body has come."""

    def __init__(
        self,
        access: Access,
        path: str,
        body: JsonObject | None = None,
        method: str | None = None,
    ) -> None:
        address = access.address
        self.status = 0
        self.is_over = False
        self._http = h11.Connection(h11.CLIENT)
        content = b"" if body is None else json.dumps(body).encode()
        host = f"[{address.host}]" if ":" in address.host else address.host
        headers = [
            ("Host", f"{host}:{address.port}"),
            ("Authorization", f"Bearer {access.key}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
        ]
        if access.label is not None:
            headers.append((LABEL, quote(access.label)))
        method = method or ("GET" if body is None else "POST")
        request = h11.Request(method=method, target=address.prefix + path, headers=headers)
        sent = (request, h11.Data(data=content), h11.EndOfMessage())
        self.sent: Final = b"".join(filter(None, map(self._http.send, sent)))

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces of the body in `data`, which is empty once nothing more can come.

        Raises:
            AnswerError: the answer broke off.
        """
        try:
            self._http.receive_data(data)
            while not self.is_over:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    return
                if isinstance(event, h11.Response):
                    self.status = event.status_code
                elif isinstance(event, h11.Data):
                    yield bytes(event.data)
                elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                    self.is_over = True
        except h11.RemoteProtocolError as error:
            raise AnswerError("the answer broke off") from error


@dataclass(slots=True)
class Texts:
    """The text in a stream of chat completion chunks."""

    _rest: bytes = b""
    _refusal: list[str] = field(default_factory=list)
    _is_done: bool = False

    def feed(self, data: bytes) -> Iterator[str]:
        """
        Raises:
            AnswerError: the stream says that the answer failed.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if (chunk := chunk_in(line)) is not None:
                yield from self._event(chunk)

    def end(self) -> None:
        """Raises AnswerError unless the answer is whole, and is one."""
        if not self._is_done:
            raise AnswerError("the answer broke off")
        if self._refusal:
            raise declined("".join(self._refusal))

    def _event(self, event: JsonObject) -> Iterator[str]:
        if event is DONE:
            self._is_done = True
            return
        if "error" in event:
            raise refused(None, event)
        for choice in event.get("choices", ()):
            self._refusal.extend(filter(None, [choice["delta"].get("refusal")]))
            if text := choice["delta"].get("content"):
                yield text


def asking(prompt: str, model: str, system: str | None, fields: JsonObject) -> JsonObject:
    """The body of a chat completion.

    Raises:
        TypeError: the prompt is no text.
        ValueError: it is empty.
    """
    if not isinstance(prompt, str):
        raise TypeError(f"a prompt is a str, not {type(prompt).__name__}")
    if not prompt.strip():
        raise ValueError("the prompt is empty: there is nothing to ask")
    said = [("system", system), ("user", prompt)]
    messages = [{"role": role, "content": text} for role, text in said if text is not None]
    return {"model": model, "messages": messages, **fields}


def text_of(answer: JsonObject) -> str:
    """The text of a chat completion. Raises AnswerError where the model declined."""
    message: JsonObject = answer["choices"][0]["message"]
    if message.get("refusal"):
        raise declined(message["refusal"])
    return str(message.get("content") or "")


def said(status: int, body: bytes) -> Any:
    """The JSON in `body`. Raises AnswerError where the status is not 200, or it is none."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status != OK or answer is None:
        raise refused(status, answer)
    return answer


def refused(status: int | None, answer: object) -> AnswerError:
    """What an error's envelope says, or that there is none."""
    match answer:
        case {"error": {"message": str(message), "type": kind, "code": code}}:
            return AnswerError(message, status=status, type=kind, code=code)
        case _:
            return AnswerError(f"the bridge answered with status {status}", status=status)


def declined(text: str) -> AnswerError:
    return AnswerError(f"Claude declined to answer: {text}", code="refusal")
