"""OpenAI's chat completions over bare sockets: a client that costs next to nothing itself."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from claude_run.bridge import Bridge
from claude_run.turn import JsonObject


@dataclass(frozen=True, slots=True)
class Answered:
    """A streamed answer, with the message that a client would send back. Times in seconds
    from the first byte sent: to the first piece of the answer, and to its end."""

    message: JsonObject
    first: float
    whole: float


class BrokenOffError(Exception):
    """A stream that is or ends with an error."""


@dataclass(slots=True)
class Response:
    """A response whose headers have been read."""

    status: int
    length: int | None
    reader: asyncio.StreamReader

    async def json(self) -> JsonObject:
        if self.length is None:
            raise ValueError("a stream is not JSON")
        body: JsonObject = json.loads(await self.reader.readexactly(self.length))
        return body

    async def events(self) -> AsyncIterator[JsonObject]:
        """The data of each event before [DONE]. Raises BrokenOffError where there is no stream."""
        if self.status != 200:
            raise BrokenOffError(await self.json())
        while line := await self.reader.readline():
            # Between the lines of the events stand those of the chunked encoding.
            if line.startswith(b"data: {"):
                yield json.loads(line.removeprefix(b"data: "))
            elif line.startswith(b"data: [DONE]"):
                return


CHAT: Final = "/v1/chat/completions"


def choices(event: JsonObject) -> list[JsonObject]:
    """The choices of a chunk. Raises BrokenOffError where it is an error instead."""
    if "error" in event:
        raise BrokenOffError(event)
    found: list[JsonObject] = event["choices"]
    return found


@dataclass(slots=True)
class Client:
    bridge: Bridge

    @asynccontextmanager
    async def post(self, body: JsonObject, path: str = CHAT) -> AsyncIterator[Response]:
        """The response to `body`; left before its end, it is abandoned."""
        async with self._sent(self._request("POST", path, json.dumps(body).encode())) as response:
            yield response

    async def ask(self, body: JsonObject, path: str = CHAT) -> JsonObject:
        """The whole answer. Raises ValueError for anything but a 200."""
        async with self.post(body, path) as response:
            return await _said(response)

    async def delete(self, path: str) -> JsonObject:
        """As `ask`."""
        async with self._sent(self._request("DELETE", path)) as response:
            return await _said(response)

    async def stream(self, body: JsonObject) -> Answered:
        began = time.perf_counter()
        message = _Message()
        async with self.post({**body, "stream": True}) as response:
            async for event in response.events():
                for choice in choices(event):
                    message.add(choice["delta"])
        whole = time.perf_counter() - began
        return Answered(message.whole(), message.began - began, whole)

    @asynccontextmanager
    async def _sent(self, request: bytes) -> AsyncIterator[Response]:
        address = urlsplit(self.bridge.base_url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(request)
            yield await _response(reader)
        finally:
            writer.transport.abort()

    def _request(self, method: str, path: str, data: bytes = b"") -> bytes:
        head = (
            f"{method} {path} HTTP/1.1",
            f"Host: {urlsplit(self.bridge.base_url).netloc}",
            f"Authorization: Bearer {self.bridge.api_key}",
            "Content-Type: application/json",
            f"Content-Length: {len(data)}",
        )
        return "\r\n".join((*head, "", "")).encode() + data


async def _said(response: Response) -> JsonObject:
    answer = await response.json()
    if response.status != 200:
        raise ValueError(f"{response.status}: {answer}")
    return answer


async def _response(reader: asyncio.StreamReader) -> Response:
    status, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}
    length = headers.get("content-length")
    return Response(int(status.split()[1]), None if length is None else int(length), reader)


@dataclass(slots=True)
class _Message:
    began: float = 0.0
    text: str = ""
    calls: list[JsonObject] = field(default_factory=list)

    def add(self, delta: JsonObject) -> None:
        text, calls = delta.get("content") or "", delta.get("tool_calls") or ()
        if (text or calls) and not self.began:
            self.began = time.perf_counter()
        self.text += text
        for call in calls:
            if "id" in call:
                self.calls.append(call)
            else:
                function = self.calls[call["index"]]["function"]
                function["arguments"] += call["function"]["arguments"]

    def whole(self) -> JsonObject:
        message: JsonObject = {"role": "assistant", "content": self.text or None}
        return {**message, "tool_calls": self.calls} if self.calls else message
