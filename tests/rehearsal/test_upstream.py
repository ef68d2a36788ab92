"""The Messages API on loopback, asked over real connections."""

import asyncio
import http.client
import json
import signal
import threading
from contextlib import closing
from typing import Any

import pytest

from claude_run.rehearsal.answers import (
    Answer,
    Cut,
    Fail,
    Hold,
    Pause,
    Refuse,
    Reply,
    TextBlock,
    ToolUse,
    say,
)
from claude_run.rehearsal.upstream import Upstream
from claude_run.turn import JsonObject
from tests.rehearsal.asking import body, connect, post, read_events
from tests.scripted import ScriptedUpstream


def types(response: http.client.HTTPResponse) -> list[str]:
    return [event["type"] for event in read_events(response)]


# --- the API --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?beta=true"])
def test_a_streamed_request_gets_server_sent_events(
    connection: http.client.HTTPConnection, path: str
) -> None:
    response = post(connection, body(stream=True), path)

    assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
    assert types(response) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_any_other_request_gets_the_whole_message(connection: http.client.HTTPConnection) -> None:
    message = json.load(post(connection, body(model="claude-opus-5-5")))

    assert message["content"] == [{"type": "text", "text": "Hello world"}]
    assert (message["model"], message["stop_reason"]) == ("claude-opus-5-5", "end_turn")


def test_every_message_has_an_id_of_its_own(connection: http.client.HTTPConnection) -> None:
    first, second = (json.load(post(connection))["id"] for _ in range(2))

    assert first != second


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_brings_its_headers(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection, stream: bool
) -> None:
    upstream.answer = Reply((TextBlock(("a",)),), headers={"anthropic-ratelimit-x": "7"})

    response = post(connection, body(stream=stream))

    assert response.headers["anthropic-ratelimit-x"] == "7"
    assert response.headers["request-id"].startswith("req_")


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_is_an_http_error(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection, stream: bool
) -> None:
    upstream.answer = Refuse(429, "rate_limit_error", "Slow down", {"retry-after": "3"})

    response = post(connection, body(stream=stream))

    assert (response.status, response.headers["retry-after"]) == (429, "3")
    assert json.load(response) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Slow down"},
        "request_id": response.headers["request-id"],
    }


def test_a_failure_in_mid_stream_is_an_error_event(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    upstream.answer = say("a", Fail("overloaded_error", "Overloaded"))

    *_, delta, error = read_events(post(connection, body(stream=True)))

    assert delta["delta"]["text"] == "a"
    assert error["error"] == {"type": "overloaded_error", "message": "Overloaded"}


def test_a_failure_of_a_whole_message_is_an_http_error(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    upstream.answer = say("a", Fail("overloaded_error", "Overloaded"))

    response = post(connection)

    assert response.status == 529
    assert json.load(response)["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize("stream", [True, False])
def test_a_cut_drops_the_connection(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection, stream: bool
) -> None:
    upstream.answer = say("a", Cut(), "b")

    response = post(connection, body(stream=stream))

    with pytest.raises(http.client.IncompleteRead) as cut:
        response.read()
    assert (b"text_delta" in cut.value.partial) == stream


def test_each_delta_is_sent_before_the_next_is_due(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    released = threading.Event()
    upstream.answer = say("before", Hold(released.is_set), "after")

    seen = []
    for event in read_events(post(connection, body(stream=True))):
        text = event.get("delta", {}).get("text")
        if text == "before":
            seen.append(released.is_set())
            released.set()
        if text == "after":
            seen.append(released.is_set())

    assert seen == [False, True]


def test_an_answer_may_be_awaited(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    async def answer(request: JsonObject) -> Answer:
        await asyncio.sleep(0)
        return Reply((ToolUse("toolu_1", "echo", {"model": request["model"]}),))

    upstream.answer = answer

    (call,) = json.load(post(connection))["content"]
    assert call == {"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {"model": "m"}}


def test_an_answer_that_raises_is_an_error_that_says_what(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    def answer(_request: JsonObject) -> Answer:
        raise LookupError("the script is wrong")

    upstream.answer = answer

    response = post(connection)

    assert response.status == 500
    assert "the script is wrong" in json.load(response)["error"]["message"]


def test_tokens_can_be_counted(connection: http.client.HTTPConnection) -> None:
    short, long = (
        json.load(post(connection, body(text), "/v1/messages/count_tokens"))["input_tokens"]
        for text in ("", "x" * 400)
    )

    assert long - short == 100


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"', b"{}", b"\xff"])
def test_a_body_that_asks_nothing_is_a_bad_request(
    connection: http.client.HTTPConnection, raw: bytes
) -> None:
    connection.request("POST", "/v1/messages", raw)
    response = connection.getresponse()

    assert response.status == 400
    assert json.load(response)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/v1/messages"),
        ("POST", "/api/event_logging/batch"),
        ("POST", "/v1/messages/batches"),
    ],
)
def test_everything_else_is_not_found(
    connection: http.client.HTTPConnection, method: str, path: str
) -> None:
    connection.request(method, path)
    response = connection.getresponse()

    assert response.status == 404
    if method != "HEAD":
        assert json.load(response)["error"]["type"] == "not_found_error"


# --- its life -------------------------------------------------------------------------


def test_an_upstream_is_served_in_the_loop_that_enters_it_and_gone_afterwards() -> None:
    async def visit() -> tuple[str, JsonObject]:
        async with Upstream(lambda _: say("hello")) as upstream:
            with closing(connect(upstream.url)) as connected:
                response = await asyncio.to_thread(post, connected)
                return upstream.url, json.load(response)

    url, message = asyncio.run(visit())

    assert message["content"][0]["text"] == "hello"
    with pytest.raises(ConnectionRefusedError), closing(connect(url)) as late:
        late.connect()


def test_signals_stay_with_whoever_owns_the_loop() -> None:
    async def handler_inside() -> Any:
        async with Upstream(lambda _: say("hello")):
            return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(handler_inside()) == signal.getsignal(signal.SIGTERM)


def test_an_upstream_that_is_not_entered_has_no_url() -> None:
    with pytest.raises(RuntimeError, match="before it is entered"):
        _ = Upstream(lambda _: say("hello")).url


def test_leaving_an_upstream_drops_the_streams_that_are_open() -> None:
    with ScriptedUpstream(say("a", Pause(600), "b")) as upstream:
        connected = connect(upstream.url)
        response = post(connected, body(stream=True))
        assert next(read_events(response))["type"] == "message_start"

    with closing(connected), pytest.raises(http.client.IncompleteRead):
        response.read()


def test_leaving_an_upstream_refuses_what_it_has_not_begun_to_answer() -> None:
    with ScriptedUpstream(say("a", Pause(600), "b")) as upstream:
        connected = connect(upstream.url)
        connected.request("POST", "/v1/messages", json.dumps(body()))
        upstream.wait_for(1)

    with closing(connected):
        assert connected.getresponse().status == 500
