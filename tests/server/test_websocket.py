"""Responses on a WebSocket: many on one connection, which remembers them."""

import json
from contextlib import ExitStack
from threading import Event

import openai
import pytest
from websockets.exceptions import ConnectionClosedError

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Cut, Hold, Refuse, ToolUse, say
from claude_run.rehearsal.answers import Reply as Answer
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, in_order, turns
from tests.server.asking import ask
from tests.server.responses import ASKS_FOR_EVERYTHING, EVERYTHING, WEATHER, alike
from tests.server.responses import events as events_over_http
from tests.server.sockets import (
    connected,
    create,
    event,
    events,
    refused,
    response,
    text_of,
)
from tests.server.tables import RESPONSES

FOREVER = Hold(Event().is_set)


def sessions(bridge: Bridge) -> JsonObject:
    used: JsonObject = ask(bridge, "/v1/usage", method="GET")[1]["sessions"]
    return used


def said(request: JsonObject) -> list[str]:
    """The texts of a conversation, as upstream was told them."""
    return [part["text"] for turn in turns(request) for part in turn["content"] if "text" in part]


# --- the same as over HTTP ------------------------------------------------------------


def test_the_events_are_those_of_a_stream_over_http(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = EVERYTHING
    over_http = events_over_http(bridge, **ASKS_FOR_EVERYTHING)
    with connected(bridge) as connection:
        create(connection, **{"store": True, **ASKS_FOR_EVERYTHING})
        told = events(connection)

    ids = {"item_id", "id"}
    assert [one["type"] for one in told] == [one["type"] for one in over_http]
    for ours, theirs in zip(told, over_http, strict=True):
        assert {k: v for k, v in alike(ours).items() if k not in ids} == {
            k: v for k, v in alike(theirs).items() if k not in ids
        }


def test_a_stored_response_is_there_for_others(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    with connected(bridge) as connection:
        made = response(connection, input="Keep this.", store=True)
    status, kept, _ = ask(bridge, f"{RESPONSES.path}/{made['id']}", method="GET")
    assert (status, kept) == (200, made)
    with connected(bridge) as another:
        response(another, input="Go on.", previous_response_id=made["id"])
    assert said(upstream.requests[-1]) == ["Keep this.", "Hello world", "Go on."]


def test_what_was_stored_over_http_goes_on_here(
    bridge: Bridge, upstream: ScriptedUpstream, client: openai.OpenAI
) -> None:
    first = client.responses.create(model="sonnet", input="Over HTTP.")
    with connected(bridge) as connection:
        response(connection, input="And here.", previous_response_id=first.id)
    assert said(upstream.requests[-1]) == ["Over HTTP.", "Hello world", "And here."]


# --- what a connection remembers ------------------------------------------------------


def test_every_turn_with_its_calls_goes_on_in_the_session_of_the_one_before(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    steps = 5
    upstream.answer = in_order(
        *(
            Answer((ToolUse(f"toolu_{i}", "mcp__c__weather", {"city": f"{i}"}),))
            for i in range(steps)
        ),
        say("Done."),
    )
    before = sessions(bridge)["continued"]
    with connected(bridge) as connection:
        made = response(connection, input="Ask five times.", tools=[WEATHER])
        for _ in range(steps):
            (call,) = made["output"]
            result = {
                "type": "function_call_output",
                "call_id": call["call_id"],
                "output": f"Fair in {json.loads(call['arguments'])['city']}.",
            }
            made = response(
                connection, input=[result], tools=[WEATHER], previous_response_id=made["id"]
            )
    assert text_of(made) == "Done."
    assert sessions(bridge)["continued"] - before == steps
    assert len(turns(upstream.requests[-1])) == 1 + 2 * steps


def test_a_new_connection_does_not_know_what_was_not_stored(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    with connected(bridge) as connection:
        made = response(connection, input="Do not keep this.")
    status, _, _ = ask(bridge, f"{RESPONSES.path}/{made['id']}", method="GET")
    assert status == 404
    with connected(bridge) as another:
        told = refused(another, input="Go on.", previous_response_id=made["id"])
        assert told["error"]["code"] == "previous_response_not_found"
        assert (told["status"], told["error"]["param"]) == (400, "previous_response_id")
        assert text_of(response(another, input="From the start.")) == "Hello world"
    assert said(upstream.requests[-1]) == ["From the start."]


@pytest.mark.usefixtures("upstream")
def test_a_failed_continuation_is_forgotten_unless_it_was_stored(bridge: Bridge) -> None:
    nobodys = [{"type": "function_call_output", "call_id": "call_none", "output": "?"}]
    with connected(bridge) as connection:
        for store, code in ((False, "previous_response_not_found"), (True, None)):
            made = response(connection, input="Remember.", store=store)
            told = refused(connection, input=nobodys, previous_response_id=made["id"])
            assert (told["status"], told["error"]["param"]) == (400, "input[0].call_id")
            create(connection, input="And now?", previous_response_id=made["id"])
            last = events(connection)[-1]
            assert last.get("error", {}).get("code") == code


def test_a_response_that_generates_nothing_lays_down_what_comes_next(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    with connected(bridge) as connection:
        create(connection, input="Here is a file.", generate=False)
        told = events(connection)
        assert [one["type"] for one in told] == [
            "response.created",
            "response.in_progress",
            "response.completed",
        ]
        laid = told[-1]["response"]
        assert (laid["output"], laid["usage"]["total_tokens"]) == ([], 0)
        assert upstream.requests == []
        response(connection, input="What is in it?", previous_response_id=laid["id"])
    assert said(upstream.requests[0]) == ["Here is a file.", "What is in it?"]


# --- several at once ------------------------------------------------------------------


def test_lanes_are_made_at_once_and_those_of_one_lane_in_turn(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    released = Event()
    upstream.script("slow", say("One", Hold(released.is_set), "."))
    with connected(bridge) as connection:
        create(connection, input="slow", stream_id="a")
        create(connection, input="after the slow one", stream_id="a")
        create(connection, input="beside it", stream_id="b")
        told = [event(connection)]
        while (told[-1]["type"], told[-1]["stream_id"]) != ("response.completed", "b"):
            told.append(event(connection))
        assert not any(
            one["type"] == "response.completed" for one in told if one["stream_id"] == "a"
        )
        assert upstream.requests_with("after the slow one") == []
        released.set()
        assert events(connection)[-1]["stream_id"] == "a"
        assert {one["stream_id"] for one in events(connection)} == {"a"}
        assert len(upstream.requests_with("after the slow one")) == 1


def test_a_connection_has_so_many_lanes_and_no_more(bridge: Bridge) -> None:
    with connected(bridge) as connection:
        for number in range(33):
            create(connection, input="x", generate=False, stream_id=f"lane {number}")
            told = events(connection)[-1]
            assert told["stream_id"] == f"lane {number}"
            code = told.get("error", {}).get("code")
            assert code == ("websocket_stream_limit_reached" if number == 32 else None)


def test_so_many_responses_wait_on_a_connection_and_no_more(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("One", FOREVER, ".")
    with connected(bridge) as connection:
        for _ in range(17):
            create(connection, input="held")
        told = [event(connection)]
        while told[-1]["type"] != "error":
            told.append(event(connection))
        assert told[-1]["status"] == 429
        assert told[-1]["headers"]["Retry-After"] == "1"
        assert "Open another connection" in told[-1]["error"]["message"]
    upstream.wait_until(lambda: upstream.active == 0)


# --- what goes wrong ------------------------------------------------------------------

MISTAKES = {
    "no JSON": ("{", None),
    "no object": ("[1]", None),
    "no type": ('{"model": "sonnet"}', "type"),
    "another type": ('{"type": "session.update"}', "type"),
    "no model": ('{"type": "response.create", "input": "x"}', "model"),
    "no input": ('{"type": "response.create", "model": "sonnet"}', "input"),
    "a number for a lane": ('{"type": "response.create", "stream_id": 7}', "stream_id"),
    "in the background": (
        '{"type": "response.create", "model": "sonnet", "input": "x", "background": true}',
        "background",
    ),
    "an id that is none": (
        '{"type": "response.create", "model": "sonnet", "previous_response_id": [1]}',
        "previous_response_id",
    ),
}


@pytest.mark.usefixtures("upstream")
def test_a_mistake_is_told_and_the_connection_goes_on(bridge: Bridge) -> None:
    with connected(bridge) as connection:
        for name, (message, param) in MISTAKES.items():
            for spelt in (message, message.encode()):
                connection.send(spelt)
                (told,) = events(connection)
                assert (told["status"], told["error"]["param"]) == (400, param), name
                assert told["error"]["type"] == "invalid_request_error"
                assert "request id: req_" in told["error"]["message"]
        assert text_of(response(connection, input="Well then.")) == "Hello world"


def test_steering_is_declined_with_what_was_to_be_said(bridge: Bridge) -> None:
    with connected(bridge) as connection:
        asked = {"type": "response.steer", "previous_response_id": "resp_1", "input": "Left!"}
        connection.send(json.dumps(asked))
        told = event(connection)
    assert told["type"] == "response.steer.failed"
    assert told["error"]["code"] == "steering_not_supported"
    assert told["steer"] == {"previous_response_id": "resp_1", "input": "Left!"}


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (Refuse(529, "overloaded_error", "Overloaded"), 503, "overloaded"),
        (Refuse(429, "rate_limit_error", "Slow down"), 429, "rate_limit_exceeded"),
    ],
    ids=["overloaded", "rate limit"],
)
def test_what_upstream_refuses_has_its_status(
    bridge: Bridge, upstream: ScriptedUpstream, refusal: Refuse, status: int, code: str
) -> None:
    upstream.answer = refusal
    with connected(bridge) as connection:
        told = refused(connection, input="x")
    assert (told["status"], told["error"]["code"]) == (status, code)


def test_a_response_that_breaks_off_ends_with_one_event(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    heard = Event()
    upstream.answer = say("Half an", Hold(heard.is_set), Cut())
    with connected(bridge) as connection:
        create(connection, input="x")
        while event(connection)["type"] != "response.output_text.delta":
            pass
        heard.set()
        told = events(connection)
        assert told[-1]["type"] == "response.failed"
        assert text_of(told[-1]["response"]) == "Half an"
        upstream.answer = say("Whole.")
        assert text_of(response(connection, input="x")) == "Whole."


def test_a_client_that_goes_away_stops_every_model(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.script("gone soon", say("On and on", FOREVER))
    with connected(bridge) as connection:
        create(connection, input="gone soon a", stream_id="a")
        create(connection, input="gone soon b", stream_id="b")
        asked = upstream.wait_for(2, marker="gone soon")
    upstream.wait_until(lambda: upstream.active == 0)  # not by coming to an end
    assert sorted(said(request) for request in asked) == [["gone soon a"], ["gone soon b"]]
    assert upstream.requests_with("gone soon") == asked


@pytest.mark.usefixtures("verified")
def test_a_bridge_that_ends_closes_its_connections(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("On and on", FOREVER)
    with ExitStack() as stack:
        with Bridge(Settings(), environment=environment) as bridge:
            bridge.wait_ready()
            connection = stack.enter_context(connected(bridge))
            create(connection, input="x")
            upstream.wait_until(lambda: upstream.active == 1)
        with pytest.raises(ConnectionClosedError) as closed:
            events(connection)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    upstream.wait_until(lambda: upstream.active == 0)


# --- the client of OpenAI -------------------------------------------------------------


def test_openais_client_goes_on_with_what_a_tool_said(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = EVERYTHING
    with client.responses.connect() as connection:
        connection.response.create(
            model="sonnet", input="The weather?", tools=[WEATHER], store=False
        )
        made = next(one.response for one in connection if one.type == "response.completed")
        calls = [item for item in made.output if item.type == "function_call"]
        assert [call.name for call in calls] == ["weather", "weather"]

        upstream.answer = say("Fair in both.")
        connection.response.create(
            model="sonnet",
            previous_response_id=made.id,
            input=[
                {"type": "function_call_output", "call_id": call.call_id, "output": "fair"}
                for call in calls
            ],
            tools=[WEATHER],
            store=False,
        )
        last = next(one.response for one in connection if one.type == "response.completed")
    assert last.output_text == "Fair in both."
