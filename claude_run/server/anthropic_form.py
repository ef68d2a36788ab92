"""Answers as clients of Anthropic's API know them: its error envelope, and the request's id.

Every layer beneath writes OpenAI's envelope. It is turned into the other in this one place, so
that what the guard refuses has the right form as well.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from claude_run.dialects.messages import STATUSES, anthropic_error
from claude_run.server.caller import caller
from claude_run.turn import JsonObject, bad_request
from claude_run.usage.windows import Plan, header_safe

VERSION: Final = "anthropic-version"
"""The header that every client of Anthropic's API sends, and no other."""

ABBREVIATED: Final[Mapping[str, str]] = {"five_hour": "5h", "seven_day": "7d"}
"""Windows that Anthropic's headers call otherwise than its answers do."""

_PATHS: Final = ("/messages", "/v1/messages")
_EPOCH: Final = "1970-01-01T00:00:00Z"
_FIRST_ERROR: Final = 400
_LONGEST_PAGE: Final = 1000


class AnthropicForm:
    """A layer around the guard, for requests to /v1/messages or with the version header."""

    def __init__(self, app: ASGIApp, *, plan: Callable[[], Plan]) -> None:
        self._app = app
        self._plan = plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_anthropic(scope):
            send = _Sender(send, self._plan).send
        await self._app(scope, receive, send)


def _is_anthropic(scope: Scope) -> bool:
    at_messages = scope["path"] in _PATHS or scope["path"].startswith(_PATHS)
    return at_messages or VERSION in Headers(scope=scope)


class _Sender:
    """Holds the head of an error back until its body is whole and can be written anew."""

    def __init__(self, send: Send, plan: Callable[[], Plan]) -> None:
        self._send = send
        self._plan = plan
        self._head: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["request-id"] = caller().request_id
            headers.update(limits(self._plan()))
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
        status = STATUSES.get(told["code"], head["status"])
        error = anthropic_error(
            status, told["message"], told["param"], told["code"], request_id=caller().request_id
        )
        body = json.dumps(error).encode()
        MutableHeaders(scope=head)["content-length"] = str(len(body))
        await self._send({**head, "status": status})
        await self._send({"type": "http.response.body", "body": body})


def limits(plan: Plan) -> dict[str, str]:
    """`anthropic-ratelimit-unified-*`, as Anthropic's API tells of a plan: the share used, the
    status, and when it resets, in seconds since 1970."""
    told: dict[str, str] = {}
    for name, window in plan.windows.items():
        begun = f"anthropic-ratelimit-unified-{ABBREVIATED.get(name) or header_safe(name)}"
        if window.status:
            told[f"{begun}-status"] = header_safe(window.status)
        if window.utilization is not None:
            told[f"{begun}-utilization"] = f"{window.utilization:g}"
        if window.resets_at is not None:
            told[f"{begun}-reset"] = f"{window.resets_at:.0f}"
    return told


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


def model_list(names: Sequence[str], asked: Mapping[str, str]) -> JsonObject:
    """The page of `names` that the query `asked` wants. Without a limit it is all of them, where
    Anthropic gives twenty.

    Raises:
        TurnError: BAD_REQUEST: there is no such page.
    """
    limit = _limit(asked.get("limit"))
    if (after := asked.get("after_id")) is not None:
        rest = names[_place(names, after, "after_id") + 1 :]
        page = rest[:limit]
    elif (before := asked.get("before_id")) is not None:
        rest = names[: _place(names, before, "before_id")]
        page = rest[-limit:]
    else:
        rest, page = names, names[:limit]
    return {
        "data": [model_info(name) for name in page],
        "has_more": len(page) < len(rest),
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }


def _limit(given: str | None) -> int:
    if given is None:
        return _LONGEST_PAGE
    if not (given.isdecimal() and given.isascii() and 1 <= int(given[:5]) <= _LONGEST_PAGE):
        raise bad_request(f"limit must be between 1 and {_LONGEST_PAGE}.", "limit")
    return int(given)


def _place(names: Sequence[str], name: str, param: str) -> int:
    if name not in names:
        raise bad_request(f"{param} is none of the models that are listed.", param)
    return names.index(name)
