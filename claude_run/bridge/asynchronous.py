"""A bridge in an `async with` block: nothing that it does holds the loop up."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

import anyio
from anyio import to_thread
from anyio.abc import ByteStream

from claude_run.bridge.calls import OK, Access, Call, Texts, asking, said, text_of
from claude_run.bridge.face import PIECE
from claude_run.child import status_of

if TYPE_CHECKING:
    import openai

    from claude_run.bridge.bridge import Bridge
    from claude_run.turn import JsonObject


class AsyncBridge:
    """What `Bridge` is, with methods to be awaited. Errors are those of the same methods there."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._lock = threading.Lock()
        self._is_started = self._is_given_up = False

    @property
    def base_url(self) -> str:
        return self._bridge.base_url

    @property
    def api_key(self) -> str:
        return self._bridge.api_key

    @property
    def env(self) -> dict[str, str]:
        return self._bridge.env

    @property
    def paid_by(self) -> str:
        return self._bridge.paid_by

    def client(self, **options: Any) -> openai.OpenAI:
        """A client for threads of their own; its calls would hold the loop up."""
        return self._bridge.client(**options)

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        return self._bridge.async_client(**options)

    async def health(self) -> JsonObject:
        return dict(await self._asked("/health"))

    async def models(self) -> list[str]:
        return [model["id"] for model in (await self._asked("/models"))["data"]]

    async def report(self) -> JsonObject:
        return await to_thread.run_sync(self._bridge.report)

    async def wait_ready(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109 - as Bridge has it
        await to_thread.run_sync(self._bridge.wait_ready, timeout)

    async def run(self, command: Sequence[str], **options: Any) -> int:
        """As `Bridge.run`. A command whose waiting is cancelled is ended: SIGTERM."""
        running = await to_thread.run_sync(partial(self._bridge.begin, command, **options))
        if isinstance(running, int):
            return running
        try:
            while (status := running.poll()) is None:
                await to_thread.run_sync(self._bridge.attend, running)
        except BaseException:
            running.terminate()
            raise
        return status_of(status)

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

    async def start(self) -> AsyncBridge:
        """In a thread, because a process is started, and who pays may be asked of the system."""
        try:
            await to_thread.run_sync(self._start)
        except BaseException:
            with self._lock:
                self._is_given_up = True
                is_started = self._is_started
            if is_started:  # nobody will end it: whoever entered the block was cancelled
                threading.Thread(target=self._bridge.close).start()
            raise
        return self

    async def end(self, error: BaseException | None) -> None:
        await to_thread.run_sync(self._bridge.__exit__, None, error, None)

    def _start(self) -> None:
        self._bridge.start()
        with self._lock:
            self._is_started = True
            is_given_up = self._is_given_up
        if is_given_up:
            self._bridge.close()

    def _call(self, path: str, body: JsonObject | None = None) -> Call:
        access = Access(self._bridge.address(), self.api_key, self._bridge.label)
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
            raise await to_thread.run_sync(self._bridge.unreachable, error) from error

    async def _connected(self) -> ByteStream:
        address = self._bridge.address()
        if address.path:
            return await anyio.connect_unix(os.fspath(address.path))
        return await anyio.connect_tcp(address.host, address.port)


async def _received(connection: ByteStream) -> bytes:
    """Nothing once nothing more can come."""
    try:
        return await connection.receive(PIECE)
    except anyio.EndOfStream:
        return b""
