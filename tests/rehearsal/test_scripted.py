"""What the scripted upstream tells a test."""

import http.client
import json
from contextlib import closing
from typing import Any

import pytest

from claude_run.rehearsal.answers import Cut, Pause, Refuse, say
from claude_run.turn import JsonObject
from tests.rehearsal.asking import body, connect, post, read_events
from tests.scripted import ScriptedUpstream, in_order, system_of, turns


def test_requests_are_recorded_in_their_order(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    asked = [body("one"), body("two")]
    for each in asked:
        connection.request("POST", "/v1/messages", json.dumps(each), {"X-Told": each["model"]})
        connection.getresponse().read()

    assert upstream.requests == upstream.wait_for(2) == asked
    assert [headers["x-told"] for headers in upstream.headers] == ["m", "m"]


def test_an_abandoned_stream_is_noticed_while_it_pauses(upstream: ScriptedUpstream) -> None:
    upstream.answer = say("a", Pause(600), "b")
    connected = connect(upstream.url)
    response = post(connected, body(stream=True))
    next(read_events(response))
    assert (upstream.active, upstream.aborted) == (1, 0)

    response.close()
    connected.close()

    upstream.wait_until(lambda: upstream.aborted == 1)
    assert upstream.active == 0


def test_a_stream_that_is_read_to_its_end_is_not_an_abandoned_one(
    upstream: ScriptedUpstream,
) -> None:
    with closing(connect(upstream.url)) as connected:
        post(connected, body(stream=True)).read()

    upstream.wait_until(lambda: upstream.active == 0)
    assert upstream.aborted == 0


def test_a_cut_is_not_an_abandoned_stream(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    upstream.answer = say(Cut())

    with pytest.raises(http.client.IncompleteRead):
        post(connection, body(stream=True)).read()

    upstream.wait_until(lambda: upstream.active == 0)
    assert upstream.aborted == 0


def test_a_script_answers_the_requests_that_hold_its_marker(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    marker = 'say "ü"\n'
    upstream.script(marker, say("marked"))

    texts = [
        json.load(post(connection, body(text)))["content"][0]["text"]
        for text in ("plain", f"please {marker} now")
    ]

    assert texts == ["Hello world", "marked"]
    assert upstream.requests_with(marker) == upstream.requests[1:]
    assert upstream.wait_for(1, marker=marker) == upstream.requests[1:]


def test_the_latest_script_of_a_marker_wins(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    upstream.script("hi", say("old"))
    upstream.script("hi", say("new"))

    assert json.load(post(connection))["content"][0]["text"] == "new"


def test_answers_can_be_scripted_in_order(
    upstream: ScriptedUpstream, connection: http.client.HTTPConnection
) -> None:
    upstream.answer = in_order(say("a"), Refuse(529, "overloaded_error", "Overloaded"), say("b"))

    statuses = []
    for _ in range(4):
        response = post(connection)
        statuses.append(response.status)
        response.read()

    assert statuses == [200, 529, 200, 500]


def test_waiting_for_what_does_not_come_says_what_came(upstream: ScriptedUpstream) -> None:
    with pytest.raises(TimeoutError, match="0 requests, 0 active, 0 aborted"):
        upstream.wait_for(1, timeout=0.01)


def test_turns_are_what_the_caller_said() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text("42", **mark)]}
    request = {
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "# Environment"},
            {"role": "assistant", "content": [text("hello", **mark)]},
            {"role": "user", "content": [text("<system-reminder>x"), result, text("go on")]},
        ]
    }

    assert turns(request) == [
        {"role": "user", "content": [text("hi")]},
        {"role": "assistant", "content": [text("hello")]},
        {"role": "user", "content": [{**result, "content": [text("42")]}, text("go on")]},
    ]


def test_the_system_prompt_is_the_callers_alone() -> None:
    own = [text("x-anthropic-billing-header: cc"), text(IDENTITY)]

    assert system_of({"system": [*own, text("Be brief. "), text(IDENTITY)]}) == (
        f"Be brief. {IDENTITY}"
    )
    assert system_of({"system": own}) == system_of({}) == ""


IDENTITY = "You are a Claude agent, built on Anthropic's Claude Agent SDK."


def text(said: str, **fields: Any) -> JsonObject:
    return {"type": "text", "text": said, **fields}
