"""Everything that an upstream can do wrong, or oddly and right, as bytes on a connection."""

import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from claude_run.rehearsal.answers import Answer, Reply, TextBlock, error_body, events, say
from claude_run.turn import JsonObject

HELLO: Final = "Hello"
_STREAM: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


class Mode(NamedTuple):
    """`sent` goes out, and the connection is closed, or reset. An `is_fine` answer is HELLO;
    None leaves it open: HELLO or an error. `drips` is one byte at a time."""

    sent: bytes
    is_fine: bool | None = False
    resets: bool = False
    drips: bool = False


def _events(reply: Answer | None = None) -> list[JsonObject]:
    answer = say("Hel", "lo") if reply is None else reply
    assert isinstance(answer, Reply)
    made = events(answer, "msg_1", "claude-sonnet-5-5")
    return [event for event in made if isinstance(event, dict)]


def _sse(told: Iterable[JsonObject], end: str = "\n") -> bytes:
    lines = (f"event: {e['type']}{end}data: {json.dumps(e)}{end}{end}" for e in told)
    return "".join(lines).encode("utf-8", "surrogatepass")


def _with_window(status: str, answer: bytes) -> bytes:
    """With a window of a plan that resets at no time that a clock could show."""
    unified = b"anthropic-ratelimit-unified"
    told = {b"-status": status, b"-5h-status": status, b"-5h-utilization": "1e9"}
    told |= {b"-reset": "1" + "0" * 20, b"-5h-reset": "1" + "0" * 20}
    told[b"-representative-claim"] = "five_hour"
    lines = b"".join(b"%s%s: %s\r\n" % (unified, k, v.encode()) for k, v in told.items())
    return answer.replace(b"connection: close\r\n", b"connection: close\r\n" + lines, 1)


def _stream(told: Iterable[JsonObject]) -> bytes:
    return _STREAM + _sse(told)


def _whole(status: str, body: bytes, *headers: str, type_: str = "application/json") -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-type: {type_}", f"content-length: {len(body)}"]
    return "\r\n".join((*head, "connection: close", *headers, "", "")).encode() + body


def _error(status: str, type_: str, *headers: str) -> bytes:
    return _whole(status, json.dumps(error_body(type_, "no")).encode(), *headers)


def _with(place: int, *more: JsonObject) -> bytes:
    return _stream([*OK[:place], *more, *OK[place:]])


def _changed(type_: str, **members: object) -> bytes:
    return _stream({**e, **members} if e["type"] == type_ else e for e in OK)


OK: Final = _events()
START, OPENED, HEL, LO, CLOSED, DELTA, STOP = range(7)
_HTML: Final = b"<html><h1>Bad Gateway</h1></html>"
_FAIL: Final = error_body("overloaded_error", "busy")


def _tool(name: str, *pieces: str) -> Iterator[JsonObject]:
    block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    yield OK[START]
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    for piece in pieces:
        delta = {"type": "input_json_delta", "partial_json": piece}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {**OK[DELTA], "delta": {"stop_reason": "tool_use", "stop_sequence": None}}
    yield OK[STOP]


def _text(text: str) -> JsonObject:
    return {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    }


MODES: Final[dict[str, Mode]] = {
    "an answer as it should be": Mode(_stream(OK), True),
    # --- no answer ---
    "closes at once": Mode(b""),
    "resets at once": Mode(b"", resets=True),
    "half a status line": Mode(b"HTTP/1.1 2"),
    "speaks something else": Mode(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "headers without an end": Mode(b"HTTP/1.1 200 OK\r\ncontent-type: text/event"),
    "a body of nothing": Mode(_whole("200 OK", b"")),
    "no content": Mode(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a page": Mode(_whole("200 OK", _HTML, type_="text/html")),
    "an empty object": Mode(_whole("200 OK", b"{}"), None),
    "a list": Mode(_whole("200 OK", b"[]"), None),
    "a redirect": Mode(_whole("302 Found", b"", "location: http://127.0.0.1:9/")),
    "a head of megabytes": Mode(_STREAM[:-2] + b"x: " + b"x" * 4_000_000 + b"\r\n\r\n" + _sse(OK)),
    "chunks whose sizes end as on Unix": Mode(
        _STREAM[:-2] + b"transfer-encoding: chunked\r\n\r\n%x\n" % len(_sse(OK)) + _sse(OK)
    ),
    "packed, it says": Mode(_STREAM[:-2] + b"content-encoding: gzip\r\n\r\n" + _sse(OK)),
    "shorter than it says": Mode(_whole("200 OK", _sse(OK))[:-40], None),
    # --- errors ---
    "400 as a page": Mode(_whole("400 Bad Request", _HTML, type_="text/html")),
    "401": Mode(_error("401 Unauthorized", "authentication_error")),
    "403": Mode(_error("403 Forbidden", "permission_error")),
    "404": Mode(_error("404 Not Found", "not_found_error")),
    "413": Mode(_error("413 Too Large", "request_too_large")),
    "429": Mode(_error("429 Too Many", "rate_limit_error")),
    "429 with a time": Mode(_error("429 Too Many", "rate_limit_error", "retry-after: 7")),
    "500 of nothing": Mode(_whole("500 Internal", b"")),
    "502 as a page": Mode(_whole("502 Bad Gateway", _HTML, type_="text/html")),
    "503 as text": Mode(_whole("503 Unavailable", b"later", type_="text/plain")),
    "529": Mode(_error("529 Overloaded", "overloaded_error")),
    "a status that is none": Mode(_whole("699 Odd", b"{}")),
    # --- streams that break ---
    "cut after its start": Mode(_stream(OK[:OPENED])),
    "cut in the text": Mode(_stream(OK[:LO])),
    "cut in an event": Mode(_stream(OK[:LO]) + b'event: content_block_delta\ndata: {"type": "co'),
    "cut before its end": Mode(_stream(OK[:STOP]), None),
    "reset in the text": Mode(_stream(OK[:LO]), resets=True),
    "an error first": Mode(_stream([_FAIL])),
    "an error in the text": Mode(_stream([*OK[:LO], _FAIL])),
    "an error after the end": Mode(_stream([*OK, _FAIL]), None),
    "refused until beyond all time": Mode(
        _with_window("rejected", _error("429 Too Many Requests", "rate_limit_error"))
    ),
    # --- streams that are not right ---
    "no start": Mode(_stream(OK[OPENED:]), None),
    "two starts": Mode(_with(OPENED, OK[START]), None),
    "a block that was not opened": Mode(_stream([OK[START], *OK[HEL:]]), None),
    "a block of an unknown kind": Mode(
        _with(OPENED, {"type": "content_block_start", "index": 7, "content_block": {"type": "new"}},
              {"type": "content_block_stop", "index": 7}), None,
    ),
    "an event of an unknown kind": Mode(_with(HEL, {"type": "news", "of": "today"}), None),
    "no JSON in an event": Mode(
        _stream(OK[:LO]) + b"event: ping\ndata: {no\n\n" + _sse(OK[LO:]), None
    ),
    "a stop reason of an unknown kind": Mode(
        _changed("message_delta", delta={"stop_reason": "whim", "stop_sequence": None}), None
    ),
    "no usage": Mode(_changed("message_delta", usage=None), None),
    "usage below nothing": Mode(_changed("message_delta", usage={"output_tokens": -5}), None),
    "a call of a tool that is not there": Mode(_stream(_tool("rm", '{"a": 1}')), None),
    "a call whose arguments are no JSON": Mode(_stream(_tool("mcp__c__f", '{"a": ')), None),
    "bytes that are no text": Mode(
        _stream(OK[:LO]) + _sse([_text("lo")])[:-20] + b"\xff\xfe\n\n"
    ),
    # --- odd, and right ---
    "a window that resets beyond all time": Mode(_with_window("allowed", _stream(OK)), True),
    "half a character": Mode(_with(LO, _text("")).replace(b'"Hel"', b'"Hel\\ud83d"'), None),
    "lines as on Windows": Mode(_STREAM + _sse(OK, "\r\n"), True),
    "comments and pings": Mode(
        _stream(OK[:HEL]) + b": a comment\n\n" + _sse([{"type": "ping"}, *OK[HEL:]]), True
    ),
    "a thousand pieces of nothing": Mode(_with(LO, *[_text("")] * 1000), True),
    "a byte at a time": Mode(_stream(OK), True, drips=True),
    "a piece of four megabytes": Mode(
        _stream(_events(Reply((TextBlock(("x" * 4_000_000,)),)))), None
    ),
}  # fmt: skip
