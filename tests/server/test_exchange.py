"""A client whose call waits for the plan hears that its connection lives, in every form."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from claude_run.server.caller import caller
from claude_run.server.exchange import Exchanges
from claude_run.usage.windows import Plan

SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/x", "headers": []}


def sent_by(answer: Response, *, stream: bool, held: bool = True) -> list[Message]:
    """What goes out when `answer` comes after its calls were held for three heartbeats."""
    sent: list[Message] = []
    beats = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 3:
            beats.set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        caller().stream = stream
        if held:
            with caller().held():
                await beats.wait()
        await answer(scope, receive, send)

    async def gone() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    exchanges = Exchanges(app, plan=Plan, heartbeat=0.001)
    run: Callable[..., Awaitable[None]] = exchanges
    asyncio.run(_awaited(run(SCOPE, gone, send)))
    return sent


async def _awaited(work: Awaitable[None]) -> None:
    await work


def body_of(sent: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent[1:])


def statuses(sent: list[Message]) -> list[int]:
    return [one["status"] for one in sent if one["type"] == "http.response.start"]


def test_an_answer_in_one_piece_follows_blanks_and_is_json() -> None:
    sent = sent_by(JSONResponse({"choices": []}), stream=False)
    assert statuses(sent) == [200]
    assert body_of(sent).startswith(b"   ")
    assert json.loads(body_of(sent)) == {"choices": []}
    assert not sent[-1].get("more_body")


def test_a_stream_follows_comments() -> None:
    sent = sent_by(StreamingResponse(iter(["data: {}\n\n"])), stream=True)
    assert statuses(sent) == [200]
    assert dict(sent[0]["headers"])[b"content-type"] == b"text/event-stream"
    comments, _, data = body_of(sent).partition(b"data: ")
    assert set(comments.split(b"\n\n")) == {b": waiting for the plan", b""}
    assert data == b"{}\n\n"


def test_an_error_after_heartbeats_is_an_event_or_breaks_the_connection() -> None:
    error = JSONResponse({"error": {"code": "c"}}, 429)
    streamed = sent_by(error, stream=True)
    assert statuses(streamed) == [200]
    assert body_of(streamed).endswith(b'event: error\ndata: {"error":{"code":"c"}}\n\n')
    assert not streamed[-1].get("more_body")

    whole = sent_by(error, stream=False)
    assert statuses(whole) == [200]
    assert body_of(whole).strip() == b""
    assert whole[-1]["more_body"]  # never completed: clients try such an answer again


@pytest.mark.parametrize("stream", [False, True])
def test_who_is_not_held_gets_the_answer_as_it_is(stream: bool) -> None:
    sent = sent_by(JSONResponse({"error": {}}, 429), stream=stream, held=False)
    assert statuses(sent) == [429]
    assert body_of(sent) == b'{"error":{}}'
