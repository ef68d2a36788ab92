"""What `Face` asks, awaited: nothing of it holds the loop up."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, overload

import anyio
from anyio import to_thread
from anyio.abc import ByteStream

from claude_run.bridge.calls import OK, Access, Call, Texts, asking, said, text_of
from claude_run.bridge.face import PIECE

if TYPE_CHECKING:
    import openai

    from claude_run.bridge.face import Face
    from claude_run.turn import JsonObject


class AsyncFace:
    """What `face` is, with methods to be awaited. Errors are those of the same methods there."""

    def __init__(self, face: Face) -> None:
        self._face = face

    @property
    def base_url(self) -> str:
        return self._face.base_url

    @property
    def api_key(self) -> str:
        return self._face.api_key

    @property
    def label(self) -> str | None:
        return self._face.label

    @property
    def env(self) -> dict[str, str]:
        return self._face.env

    def client(self, **options: Any) -> openai.OpenAI:
        """A client for threads of their own; its calls would hold the loop up."""
        return self._face.client(**options)

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        return self._face.async_client(**options)

    async def health(self) -> JsonObject:
        return dict(await self._asked("/health"))

    async def models(self) -> list[str]:
        return [model["id"] for model in (await self._asked("/models"))["data"]]

    async def report(self) -> JsonObject:
        return dict(await self._asked("/usage"))

    @overload
    async def complete(
        self,
        prompt: str,
        *,
        model: str = ...,
        system: str | None = ...,
        stream: Literal[False] = ...,
        **fields: Any,
    ) -> str: ...

    @overload
    async def complete(
        self,
        prompt: str,
        *,
        model: str = ...,
        system: str | None = ...,
        stream: Literal[True],
        **fields: Any,
    ) -> AsyncIterator[str]: ...

    async def complete(
        self,
        prompt: str,
        *,
        model: str = "sonnet",
        system: str | None = None,
        stream: bool = False,
        **fields: Any,
    ) -> str | AsyncIterator[str]:
        if stream:
            return self.stream(prompt, model=model, system=system, **fields)
        body = asking(prompt, model, system, fields)
        return text_of(await self._asked("/chat/completions", body))

    def stream(
        self, prompt: str, *, model: str = "sonnet", system: str | None = None, **fields: Any
    ) -> AsyncIterator[str]:
        body = asking(prompt, model, system, {**fields, "stream": True})
        return self._streamed(self._call("/chat/completions", body))

    def _call(self, path: str, body: JsonObject | None = None) -> Call:
        access = Access(self._face.address(), self.api_key, self._face.label)
        return Call(access, path, body)

    async def _asked(self, path: str, body: JsonObject | None = None) -> Any:
        call = self._call(path, body)
        content = b"".join([piece async for piece in self._pieces(call)])
        return said(call.status, content)

    async def _streamed(self, call: Call) -> AsyncIterator[str]:
        texts = Texts()
        async with aclosing(self._pieces(call)) as pieces:
            async for piece in pieces:
                if call.status != OK:
                    said(call.status, piece + b"".join([more async for more in pieces]))
                for text in texts.feed(piece):
                    yield text
        texts.end()

    async def _pieces(self, call: Call) -> AsyncGenerator[bytes, None]:
        try:
            async with await self._connected() as connection:
                await connection.send(call.sent)
                while not call.is_over:
                    for piece in call.feed(await _received(connection)):
                        yield piece
        except (OSError, anyio.BrokenResourceError) as error:
            raise await to_thread.run_sync(self._face.unreachable, error) from error

    async def _connected(self) -> ByteStream:
        address = self._face.address()
        if address.path:
            return await anyio.connect_unix(os.fspath(address.path))
        return await anyio.connect_tcp(address.host, address.port)


async def _received(connection: ByteStream) -> bytes:
    """Nothing once nothing more can come."""
    try:
        return await connection.receive(PIECE)
    except anyio.EndOfStream:
        return b""
