"""What stands below the application: HTTP as it arrives, and what is not HTTP.

uvicorn answers a broken request in plain text, waits for ever for one that never becomes
whole, and takes a client that has only finished sending for one that is gone.
"""

import asyncio
import json
import socket
from http import HTTPStatus
from typing import Any, ClassVar, Final

import h11
from h11._connection import DEFAULT_MAX_INCOMPLETE_EVENT_SIZE
from uvicorn.protocols.http.h11_impl import H11Protocol

from claude_run.dialects.errors import error_body

# How soon, and then how often, a client that sends no more is asked whether it still listens.
_ASKED_AFTER: Final = 0.05
_ASKED_EVERY: Final = 2.0
# How long a client that was refused may go on sending.
_HEARD_OUT: Final = 2.0
_STILL_THERE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
# A body of so many pieces, of fewer bytes each on the average, costs more than whatever it says.
_CRUMBS: Final = 20_000
_CRUMB: Final = 64


class _Connection(h11.Connection):
    """Refuses a body that is sent in crumbs: a million of them are half a minute's work."""

    _pieces = _bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        match event:
            case h11.Request():
                self._pieces = self._bytes = 0
            case h11.Data(data=data):
                self._pieces += 1
                self._bytes += len(data)
                if self._pieces > _CRUMBS and self._bytes < _CRUMB * self._pieces:
                    raise h11.RemoteProtocolError("The body is sent in crumbs.")
            case _:
                pass
        return event


class Protocol(H11Protocol):
    """`head_seconds` is how long a connection may be open without the whole head of a request,
    and `body_seconds` how long nothing may come of a body: each costs a file descriptor, and who
    waits for it may wait for ever. `socket_protocol` speaks WebSocket instead of our own."""

    head_seconds: ClassVar[float] = 60.0
    body_seconds: ClassVar[float] = 60.0
    socket_protocol: ClassVar[type[asyncio.Protocol] | None] = None
    _head_timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _asking: asyncio.TimerHandle | None = None
    _refused = False
    _sends_no_more = False

    def connection_made(self, transport: Any) -> None:
        most = self.config.h11_max_incomplete_event_size or DEFAULT_MAX_INCOMPLETE_EVENT_SIZE
        self.conn = _Connection(h11.SERVER, most)
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head_timer)
        _cancel(self._body_timer)
        _cancel(self._asking)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        self._watch_head()
        self._watch_body()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._sends_no_more and (self.cycle.response_complete or self.cycle.more_body):
            self.transport.close()  # there will not be another request, or not the whole of it
            return
        self._watch_head()

    def _should_upgrade_to_ws(self) -> bool:
        """Whether it is the handshake of a WebSocket: whatever else wants an upgrade is answered
        as the plain request that it is, and so by whoever guards those."""
        names = {name for name, _ in self.headers}
        return b"sec-websocket-key" in names and self.scope["method"] == "GET"

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        # Imported here: most runs have no use for it.
        from claude_run.server.socket_protocol import SocketProtocol  # noqa: PLC0415

        self.ws_protocol_class = self.socket_protocol or SocketProtocol
        super().handle_websocket_upgrade(event)

    def _watch_head(self) -> None:
        """Time the head of a request from its first byte to its last."""
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            _cancel(self._head_timer)
            self._head_timer = None
        elif self._head_timer is None:
            self._await_head()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if not self.conn.trailing_data[0]:
            self.transport.close()  # it was opened in advance: there is nothing to answer
            return
        text = f"The request was not complete after {self.head_seconds:g} s."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, text, "request_timeout")

    def _watch_body(self) -> None:
        """Time what is missing of a body, from each piece of it anew."""
        _cancel(self._body_timer)
        if self.conn.their_state is h11.SEND_BODY and not self._refused:
            self._body_timer = self.loop.call_later(self.body_seconds, self._body_is_late)

    def _body_is_late(self) -> None:
        if self.flow.read_paused:  # it waits for us, who have not read what it sent
            self._watch_body()
            return
        text = f"Nothing more of the request's body came in {self.body_seconds:g} s."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, text, "request_timeout")

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg, "invalid_http")

    def _refuse(self, status: HTTPStatus, message: str, code: str) -> None:
        """Answer below the application, and hang up. An answer that has begun breaks off."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            body = json.dumps(error_body(message, "invalid_request_error", code=code)).encode()
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self._hang_up()

    def _hang_up(self) -> None:
        """Close in good order: what is closed while the client is still sending is reset, and
        the answer lost on its way."""
        self._refused = True
        if self.transport.is_closing():
            return
        self.transport.write_eof()
        self._asking = self.loop.call_later(_HEARD_OUT, self.transport.close)

    # --- a client that sends no more ---------------------------------------------------

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's may be true, too
        """Whether the connection stays open although the client sends no more.

        It may have closed only its own side, after a whole request, and wait for the answer;
        or it is gone. Both look the same until something is written.
        """
        if self._refused or not self._is_unanswered():
            return False
        self._sends_no_more = True
        self._ask(_ASKED_AFTER)
        return True

    def _is_unanswered(self) -> bool:
        return (
            self.cycle is not None
            and not self.cycle.more_body
            and not self.cycle.response_started
            and self.scope["http_version"] == "1.1"
        )

    def _ask(self, seconds: float) -> None:
        """Write what every client skips. Where nobody listens, the other side resets the
        connection, which is seen a moment later."""
        if self._is_unanswered():
            self.transport.write(_STILL_THERE)
        self._asking = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        connection: socket.socket = self.transport.get_extra_info("socket")
        if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()
        elif self._is_unanswered():
            self._ask(_ASKED_EVERY)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
