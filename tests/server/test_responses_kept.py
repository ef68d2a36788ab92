"""Responses that are kept: gone on from, looked up, listed and deleted."""

from threading import Event

import openai
import psutil
import pytest
from openai.types.responses import Response, ResponseInputMessageItem

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Cut, Hold, Reply, TextBlock, say
from claude_run.turn import JsonObject
from tests.benchmarks.processes import sessions
from tests.scripted import PATIENCE, ScriptedUpstream, system_of, turns
from tests.server.asking import ask
from tests.server.responses import (
    WEATHER,
    calls_weather,
    events,
    events_as_they_come,
    response,
)
from tests.server.tables import RESPONSES


def user(text: str) -> JsonObject:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def assistant(text: str) -> JsonObject:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def sessions_used(upstream: ScriptedUpstream) -> int:
    return len({headers["x-claude-code-session-id"] for headers in upstream.headers})


def kill_every_session(bridge: Bridge) -> None:
    """End every CLI of the bridge, and wait until they have ended."""
    processes = sessions(psutil.Process(bridge.pid))
    for process in processes:
        process.kill()
    assert len(psutil.wait_procs(processes, timeout=PATIENCE)[0]) == len(processes) > 0


# --- going on from a response ---------------------------------------------------------


def test_a_conversation_goes_on_from_a_response_on_its_live_session(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    first = client.responses.create(model="sonnet", input="I am Ada.")
    second = client.responses.create(
        model="sonnet", input="Who am I?", previous_response_id=first.id
    )
    client.responses.create(model="sonnet", input="Thanks.", previous_response_id=second.id)

    assert second.previous_response_id == first.id
    assert turns(upstream.requests[-1]) == [
        user("I am Ada."),
        assistant("Hello world"),
        user("Who am I?"),
        assistant("Hello world"),
        user("Thanks."),
    ]
    assert sessions_used(upstream) == 1


def test_two_conversations_may_go_on_from_one_response(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    first = client.responses.create(model="sonnet", input="Pick a side.")
    for side in ("left", "right"):
        client.responses.create(model="sonnet", input=side, previous_response_id=first.id)
    assert [turns(request)[1:] for request in upstream.requests[1:]] == [
        [assistant("Hello world"), user("left")],
        [assistant("Hello world"), user("right")],
    ]


def test_a_conversation_goes_on_after_its_session_was_lost(
    bridge: Bridge, client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    instructions = "Answer as someone whose process will be killed."
    upstream.answer = calls_weather("toolu_1", "Bern")
    first = client.responses.create(
        model="sonnet", instructions=instructions, input="Bern?", tools=[WEATHER]
    )
    kill_every_session(bridge)
    upstream.answer = say("Sunny.")
    second = client.responses.create(
        model="sonnet",
        instructions=instructions,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": "toolu_1", "output": "sun"}],
        tools=[WEATHER],
    )

    assert second.output_text == "Sunny."
    before, after = upstream.requests
    assert system_of(after) == system_of(before) == instructions
    assert turns(after) == [
        *turns(before),
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "mcp__c__weather",
                    "input": {"city": "Bern"},
                }
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sun"}],
        },
    ]
    assert sessions_used(upstream) == 2


def test_instructions_are_for_one_response_alone(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    first = client.responses.create(model="sonnet", instructions="Rhyme.", input="one")
    client.responses.create(model="sonnet", input="two", previous_response_id=first.id)

    assert [system_of(request) for request in upstream.requests] == ["Rhyme.", ""]
    assert turns(upstream.requests[1]) == [user("one"), assistant("Hello world"), user("two")]


def test_an_answer_that_reached_its_limit_can_be_gone_on_from(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((TextBlock(("Once upon a",)),), stop_reason="max_tokens")
    first = client.responses.create(model="sonnet", input="A tale.", max_output_tokens=3)
    upstream.answer = say(" time.")
    client.responses.create(model="sonnet", input="Go on.", previous_response_id=first.id)

    assert first.status == "incomplete"
    assert turns(upstream.requests[-1]) == [
        user("A tale."),
        assistant("Once upon a"),
        user("Go on."),
    ]


def test_an_item_may_stand_for_one_that_was_sent_before(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    first = client.responses.create(model="sonnet", input="Say hello.")
    assert first.output[0].id is not None
    client.responses.create(
        model="sonnet",
        input=[
            {"role": "user", "content": "Greet me."},
            {"type": "item_reference", "id": first.output[0].id},
            {"role": "user", "content": "Again."},
        ],
    )
    assert turns(upstream.requests[-1]) == [
        user("Greet me."),
        assistant("Hello world"),
        user("Again."),
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_response_that_is_not_there_cannot_be_gone_on_from(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(
            model="sonnet", input="Go on.", previous_response_id="resp_none", stream=stream
        )
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"
    assert upstream.requests == []


# --- looking it up --------------------------------------------------------------------


def test_a_response_is_found_as_it_was_given(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = calls_weather("toolu_1", "Bern")
    whole = response(bridge, tools=[WEATHER])
    streamed = events(bridge, tools=[WEATHER])[-1]["response"]
    for given in (whole, streamed):
        status, found, _ = ask(bridge, f"{RESPONSES.path}/{given['id']}", method="GET")
        assert (status, found) == (200, given)


def test_a_deleted_response_is_gone(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    given = client.responses.create(model="sonnet", input="hello")
    client.responses.delete(given.id)

    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(given.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(given.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.input_items.list(given.id)
    with pytest.raises(openai.BadRequestError, match=given.id):
        client.responses.create(model="sonnet", input="Go on.", previous_response_id=given.id)
    assert len(upstream.requests) == 1


def test_a_response_that_is_kept_is_neither_streamed_again_nor_cancelled(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    given = client.responses.create(model="sonnet", input="hello")
    with pytest.raises(openai.BadRequestError, match="Retrieve it without stream") as refused:
        client.responses.retrieve(given.id, stream=True)
    assert refused.value.param == "stream"
    assert client.responses.retrieve(given.id, stream=False) == given
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(given.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.cancel("resp_nowhere")
    assert len(upstream.requests) == 1


def test_what_is_not_to_be_stored_is_not_kept(
    bridge: Bridge, client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    whole = response(bridge, store=False)
    streamed = events(bridge, store=False)[-1]["response"]
    for given in (whole, streamed):
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(given["id"])
        with pytest.raises(openai.BadRequestError, match=given["id"]):
            client.responses.create(model="sonnet", input="x", previous_response_id=given["id"])
    assert len(upstream.requests) == 2


def test_a_response_that_failed_is_not_kept(
    bridge: Bridge, client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    first_half_is_here = Event()
    wait = Hold(first_half_is_here.is_set)
    upstream.answer = Reply((TextBlock(("half an ans", wait, Cut())),))
    for event in events_as_they_come(bridge):
        if event["type"] == "response.output_text.delta":
            first_half_is_here.set()
    failed = Response.model_validate(event["response"])
    assert failed.status == "failed"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(failed.id)


def test_input_items_are_listed_in_pages(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    first = client.responses.create(model="sonnet", input="zero")
    given = client.responses.create(
        model="sonnet",
        previous_response_id=first.id,
        input=[{"role": "user", "content": word} for word in ("one", "two", "three")],
    )

    page = client.responses.input_items.list(given.id, limit=2)
    assert [texts(item) for item in page.data] == [["three"], ["two"]]
    assert page.has_next_page()
    # The client fetches one page after the other.
    ascending = client.responses.input_items.list(given.id, limit=1, order="asc")
    assert [texts(item) for item in ascending] == [["one"], ["two"], ["three"]]
    assert len(upstream.requests) == 2


def texts(item: object) -> list[str]:
    assert isinstance(item, ResponseInputMessageItem)
    return [part.text for part in item.content if part.type == "input_text"]


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=many", "limit"), ("order=up", "order"), ("after=x", "after")],
)
def test_a_bad_page_is_refused(
    bridge: Bridge, upstream: ScriptedUpstream, query: str, param: str
) -> None:
    given = response(bridge, input=f"to be listed, {query}")
    path = f"{RESPONSES.path}/{given['id']}/input_items?{query}"
    status, answer, _ = ask(bridge, path, method="GET")
    assert (status, answer["error"]["param"]) == (400, param)
    assert len(upstream.requests) == 1


def test_a_get_without_an_upgrade_is_not_allowed(bridge: Bridge) -> None:
    status, answer, headers = ask(bridge, RESPONSES.path, method="GET")
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")
    assert headers["allow"] == "POST"
