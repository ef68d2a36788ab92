"""What a bridge that could not start answers, in place of a refused connection: why.

Nothing but the standard library: it may be the rest that could not be imported.
"""

import hmac
import json
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from claude_run.dialects.errors import error_body
from claude_run.server.keys import key_in

_STATUS: Final = 503
_NO_KEY: Final = "Incorrect API key provided: it is missing or wrong."


def refuse(fd: int, key: str, message: str) -> None:
    """Answer every request on the listening socket `fd` with `message`, until stdin is closed."""
    told = error_body(f"the bridge could not start: {message}", "server_error", code="not_started")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(key, told), bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=fd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    leash = sys.stdin.fileno()
    os.set_blocking(leash, True)  # it was not, for the loop that was to wait for it
    while os.read(leash, 4096):
        pass


def _handler(key: str, told: dict[str, Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            given = key_in(self.headers).encode("utf-8", "replace")
            if hmac.compare_digest(given, key.encode()):
                self._answer(_STATUS, told)
            else:
                body = error_body(_NO_KEY, "invalid_request_error", code="invalid_api_key")
                self._answer(401, body)

        do_POST = do_DELETE = do_GET  # noqa: N815 - as the server calls them

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("x-should-retry", "false")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
