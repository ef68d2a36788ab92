"""An upstream of bytes: it answers a request in the mode that its last message names."""

import contextlib
import json
import socket
import struct
import threading
import time
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Final

from tests.faults.modes import MODES, Mode
from tests.scripted import turns

_DRIP: Final = 0.0005
_RESET: Final = struct.pack("ii", 1, 0)  # no lingering: what is closed is reset


class _Handler(StreamRequestHandler):
    def handle(self) -> None:
        head = self._head()
        if not head.startswith(b"POST /v1/messages"):
            self.wfile.write(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        mode = self._mode(self.rfile.read(_length(head)))
        pieces = [mode.sent[at : at + 1] for at in range(len(mode.sent))] if mode.drips else []
        with contextlib.suppress(OSError):  # whoever hears enough goes
            for piece in pieces or [mode.sent]:
                self.wfile.write(piece)
                time.sleep(_DRIP if pieces else 0)
        if mode.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.connection.close()

    def _head(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def _mode(self, body: bytes) -> Mode:
        asked = json.dumps(turns(json.loads(body))[-1])
        return next(mode for name, mode in MODES.items() if f"[{name}]" in asked)


def _length(head: bytes) -> int:
    for line in head.splitlines():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no news."""


class ByteUpstream:
    def __enter__(self) -> str:
        """Its address."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
