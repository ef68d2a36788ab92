"""Answers as clients of Anthropic's API know them: its error envelope, and the request's id.

Every layer beneath writes OpenAI's envelope. It is turned into the other in this one place, so
that what the guard refuses has the right form as well.
"""

import json
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claude_run.dialects.messages import anthropic_error
from claude_run.server.caller import caller
from claude_run.turn import JsonObject

VERSION: Final = "anthropic-version"
"""The header that every client of Anthropic's API sends, and no other."""

_PATHS: Final = ("/messages", "/v1/messages")
_EPOCH: Final = "1970-01-01T00:00:00Z"
_FIRST_ERROR: Final = 400


class AnthropicForm:
    """A layer around the guard, for requests to /v1/messages or with the version header."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_anthropic(scope):
            send = _Sender(send).send
        await self._app(scope, receive, send)


def _is_anthropic(scope: Scope) -> bool:
    at_messages = scope["path"] in _PATHS or scope["path"].startswith(_PATHS)
    return at_messages or VERSION in Headers(scope=scope)


class _Sender:
    """Holds the head of an error back until its body is whole and can be written anew."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["request-id"] = caller().request_id
            if message["status"] >= _FIRST_ERROR:
                self._head = message
                return
        elif self._head is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_error(self._head)
            return
        await self._send(message)

    async def _send_error(self, head: Message) -> None:
        told = json.loads(self._body)["error"]
        request_id = caller().request_id
        error = anthropic_error(
            head["status"], told["message"], told["param"], request_id=request_id
        )
        body = json.dumps(error).encode()
        MutableHeaders(scope=head)["content-length"] = str(len(body))
        await self._send(head)
        await self._send({"type": "http.response.body", "body": body})


def model_info(name: str) -> JsonObject:
    """A model as Anthropic lists it. When it came out is not known here, which Anthropic's own
    list tells as the epoch."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _EPOCH,
        "lifecycle": "active",
        "max_input_tokens": None,
        "max_tokens": None,
        "capabilities": None,
    }


def model_list(names: Sequence[str]) -> JsonObject:
    return {
        "data": [model_info(name) for name in names],
        "has_more": False,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
    }
