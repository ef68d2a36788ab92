"""WebSocket as it arrives, below the application: peers that are silent, slow, huge or broken.

uvicorn waits for ever for a peer that takes nothing of what is sent, and resets one that is
still sending what it may not, so that it never hears why.
"""

import asyncio
import json
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response
from websockets.server import ServerProtocol

from claude_run.dialects.errors import error_body

_HEARD_OUT = 2.0
"""Seconds that a peer which was hung up on may go on sending."""


class _Handshakes(ServerProtocol):
    """Refuses what is no handshake in the envelope, as whatever else is refused here."""

    def reject(self, status: HTTPStatus | int, text: str) -> Response:
        refusal = super().reject(status, text)
        error = error_body(text.strip(), "invalid_request_error", code="invalid_http")
        refusal.body = json.dumps(error).encode()
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(refusal.body))),
        ):
            del refusal.headers[name]
            refusal.headers[name] = value
        return refusal


class SocketProtocol(WebSocketsSansIOProtocol):
    """A peer is silent that answers no ping for `silent_seconds`, and slow that takes nothing
    for `slow_seconds`; either is hung up on. A message may be as large as uvicorn's config says."""

    ping_seconds: ClassVar[float] = 20.0
    silent_seconds: ClassVar[float] = 20.0
    slow_seconds: ClassVar[float] = 60.0
    _stalled: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.ping_interval = self.ping_seconds
        self.ping_timeout = self.silent_seconds
        self.conn = _Handshakes(
            extensions=self.conn.available_extensions,
            max_size=self.config.ws_max_size,
            logger=self.conn.logger,
        )
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._flows()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Tell what was wrong, and hear the peer out."""
        self._refused = True
        closing = self.conn.close_sent
        code, reason = (closing.code, closing.reason) if closing else (1002, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if not self.transport.is_closing():
            self.transport.write_eof()
        self.close_timer = self.loop.call_later(_HEARD_OUT, self.transport.close)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:  # who takes no answers gets none: they would gather here
            self.conn.data_to_send()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.slow_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._flows()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # who is not there would never take what is left to send

    def _flows(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
