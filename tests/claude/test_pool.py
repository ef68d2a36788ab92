"""Which session answers, told by the id that every CLI process sends upstream."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any, TypeAlias

import psutil
import pytest

from claude_run.bridge import Bridge
from claude_run.claude.limits import machine_limits
from claude_run.rehearsal.answers import Cut, Hold, Pause, Refuse, Reply, TextBlock, ToolUse, say
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.benchmarks.processes import sessions
from tests.scripted import PATIENCE, ScriptedUpstream, in_order, turns
from tests.server.asking import ask, request

CHAT = "/v1/chat/completions"
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("look_up", "put_down")]

Abandon: TypeAlias = Callable[[Bridge, ScriptedUpstream, JsonObject], None]


class Chat:
    """A conversation. Its system prompt keeps it to sessions of its own test."""

    def __init__(self, bridge: Bridge, system: str, **fields: object) -> None:
        self._bridge = bridge
        self._fields = {"model": "sonnet", **fields}
        self._messages: list[JsonObject] = [{"role": "system", "content": system}]

    def ask(self, question: str, **fields: object) -> JsonObject:
        """The message that answers; it goes into the conversation."""
        return self.say({"role": "user", "content": question}, **fields)

    def say(self, message: JsonObject, **fields: object) -> JsonObject:
        body = self.body(message, **fields)
        status, answer, _ = ask(self._bridge, CHAT, body)
        assert status == 200, answer
        answered: JsonObject = answer["choices"][0]["message"]
        self._messages = [*body["messages"], answered]
        return answered

    def remember(self, *messages: JsonObject) -> None:
        """Go on as if these had been said."""
        self._messages.extend(messages)

    def body(self, message: JsonObject, **fields: object) -> JsonObject:
        return {**self._fields, **fields, "messages": [*self._messages, message]}


def question(text: str) -> JsonObject:
    return {"role": "user", "content": text}


def result(call: JsonObject, text: str) -> JsonObject:
    return {"role": "tool", "tool_call_id": call["id"], "content": text}


def askers(upstream: ScriptedUpstream) -> list[str]:
    """The session that each request came from, oldest first."""
    return [headers["x-claude-code-session-id"] for headers in upstream.headers]


def askers_of(upstream: ScriptedUpstream, marker: str) -> list[str]:
    """The sessions of those requests that end with `marker`."""
    last = [json.dumps(turns(body)[-1]) for body in upstream.requests]
    pairs = zip(last, askers(upstream), strict=True)
    return [session for text, session in pairs if marker in text]


def live(bridge: Bridge) -> list[psutil.Process]:
    return sessions(psutil.Process(bridge.pid))


def until_live(bridge: Bridge, number: int) -> None:
    patience = time.monotonic() + PATIENCE
    while len(live(bridge)) < number:
        assert time.monotonic() < patience, live(bridge)
        time.sleep(0.01)


def kill(processes: list[psutil.Process]) -> None:
    assert processes
    for process in processes:
        process.kill()
    _, alive = psutil.wait_procs(processes, PATIENCE)
    assert not alive


@contextmanager
def started(environment: dict[str, str], **settings: Any) -> Iterator[Bridge]:
    with Bridge(Settings(**settings), environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


@pytest.fixture(scope="module")
def roomy(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge whose processes may be killed."""
    with started(environment, max_concurrency=4) as bridge:
        yield bridge


@pytest.fixture(scope="module")
def narrow(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge that answers one at a time, and not for long."""
    with started(environment, max_concurrency=1, timeout=5.0) as bridge:
        yield bridge


@pytest.fixture(scope="module")
def single(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge with one process: who changes it, changes it for everyone."""
    with started(environment, max_sessions=1) as bridge:
        yield bridge


# --- continued, or not ----------------------------------------------------------------


def test_a_conversation_stays_in_its_session(roomy: Bridge, upstream: ScriptedUpstream) -> None:
    chat = Chat(roomy, "Stay.")
    for number in range(4):
        chat.ask(f"question {number}")
    assert len(askers(upstream)) == 4
    assert len(set(askers(upstream))) == 1


def test_conversations_side_by_side_keep_a_session_each(
    roomy: Bridge, upstream: ScriptedUpstream
) -> None:
    one, two = Chat(roomy, "Side by side."), Chat(roomy, "Side by side.")
    one.ask("begin")
    two.ask("begin otherwise")  # in the session that there is
    for number in range(3):
        one.ask(f"one goes on {number}")
        two.ask(f"two goes on {number}")

    ones, twos = (askers_of(upstream, marker) for marker in ("one goes on", "two goes on"))
    assert (len(ones), len(set(ones))) == (3, 1)
    assert (len(twos), len(set(twos))) == (3, 1)
    assert ones[0] != twos[0]


def test_where_conversations_go_on_a_new_one_takes_nobodys_session(
    roomy: Bridge, upstream: ScriptedUpstream
) -> None:
    chats = [Chat(roomy, "Go on.") for _ in range(3)]
    for name, chat in zip("ab", chats, strict=False):
        chat.ask(f"{name} begins")
    for name, chat in zip("ab", chats, strict=False):
        chat.ask(f"{name} goes on")
    for name, chat in zip("ab", chats, strict=False):
        Chat(roomy, "Go on.").ask("once and for all")
        chats[2].ask(f"after {name}")
        chat.ask(f"{name} ends")
    for name in "ab":
        assert askers_of(upstream, f"{name} goes on") == askers_of(upstream, f"{name} ends")
    assert askers_of(upstream, "after a") == askers_of(upstream, "after b")


def test_identical_requests_at_once_never_share_a_session(
    roomy: Bridge, upstream: ScriptedUpstream
) -> None:
    chat = Chat(roomy, "Again.")
    chat.ask("begin")
    upstream.forget()
    release = threading.Event()
    upstream.answer = say(Hold(release.is_set), "the same")
    with ThreadPoolExecutor() as threads:
        same = chat.body(question("go on"))
        asked = [threads.submit(ask, roomy, CHAT, same) for _ in range(3)]
        upstream.wait_for(3)
        release.set()
        assert [future.result()[0] for future in asked] == [200] * 3
    assert len(set(askers(upstream))) == 3
    first, *others = (turns(body) for body in upstream.requests)
    assert all(other == first for other in others)


def test_a_session_waiting_for_results_is_not_taken(
    roomy: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Reply((ToolUse("", "mcp__c__look_up", {"word": "wait"}),))
    waiting = Chat(roomy, "Wait.", tools=TOOLS)
    [call] = waiting.ask("look it up")["tool_calls"]
    upstream.answer = say("fine")
    for number in range(3):
        Chat(roomy, "Wait.", tools=TOOLS).ask(f"something else {number}")
    waiting.say(result(call, "found"))

    first, *others, last = askers(upstream)
    assert first == last
    assert first not in others


@pytest.mark.parametrize("known", [0, 26, 500], ids=["step by step", "from scratch", "huge"])
def test_a_long_conversation_that_does_nothing_but_call_tools_is_answered(
    roomy: Bridge, upstream: ScriptedUpstream, known: int
) -> None:
    upstream.answer = Reply((ToolUse("", "mcp__c__look_up", {"word": "on"}),))
    chat = Chat(roomy, f"Call and call, after {known}.", tools=TOOLS)
    message = question("look everything up")
    for number in range(known):
        chat.remember(message, (call := called(number)))
        message = result(call["tool_calls"][0], f"found {number}")
    last = max(30, known + 4)
    for number in range(known, last):
        if number == last - 3:
            fail_once(roomy, upstream, chat.body(message))
        [call] = chat.say(message)["tool_calls"]
        message = result(call, f"found {number}")

    asked = [turns(body) for body in upstream.requests]
    assert [len(conversation) for conversation in asked] == [
        2 * number + 1 for number in (*range(known, last - 2), *range(last - 3, last))
    ]
    assert all(after[: len(before)] == before for before, after in pairwise(asked))
    results = (json.dumps(turn) for turn in asked[-1][2::2])
    assert all(f"found {number}" in found for number, found in enumerate(results))


def called(number: int) -> JsonObject:
    function = {"name": "look_up", "arguments": json.dumps({"word": str(number)})}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def fail_once(bridge: Bridge, upstream: ScriptedUpstream, body: JsonObject) -> None:
    usual, upstream.answer = upstream.answer, Refuse(529, "overloaded_error", "busy")
    assert ask(bridge, CHAT, body)[0] >= 500
    upstream.answer = usual


# --- made fresh, or tuned -------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"stop": ["end"]},
        {"max_tokens": 99},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "look_up"}}},
        {"parallel_tool_calls": False},
        {"model": "haiku"},
    ],
    ids=json.dumps,
)
def test_what_can_be_set_needs_no_new_process(
    single: Bridge, upstream: ScriptedUpstream, fields: JsonObject
) -> None:
    Chat(single, "Tune.", tools=TOOLS).ask("one")
    Chat(single, "Tune.", tools=TOOLS, **fields).ask("two")
    Chat(single, "Tune.", tools=TOOLS).ask("three")

    assert len(set(askers(upstream))) == 1
    plain, tuned, plain_again = (without_ids(body) for body in upstream.requests)
    assert settings_of(tuned) != settings_of(plain)
    assert settings_of(plain_again) == settings_of(plain)


def test_a_used_session_asks_what_a_new_process_asks(
    single: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = in_order(
        say("fine"), say("something else"), Refuse(500, "api_error", "boom"), say("fine")
    )
    other = Chat(single, "Compare.", tools=TOOLS, temperature=0.5)
    Chat(single, "Compare.", tools=TOOLS).ask("Is this the same?")
    other.ask("Is that?")
    assert ask(single, CHAT, other.body(question("And that?")))[0] == 502
    Chat(single, "Compare.", tools=TOOLS).ask("Is this the same?")

    assert len(set(askers(upstream))) == 1
    first, *_, last = upstream.requests
    assert without_ids(last) == without_ids(first)


def test_fresh_sessions_serve_one_conversation_only(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    with started(environment, sessions="fresh", max_concurrency=2) as bridge:
        for number in range(4):
            chat = Chat(bridge, "Fresh.")
            chat.ask(f"begin {number}")
            chat.ask(f"go on {number}")
    assert askers_of(upstream, "begin") == askers_of(upstream, "go on")
    assert len(set(askers(upstream))) == 4


@pytest.mark.parametrize(("sessions", "continued"), [("fresh", 0), ("recycled", 2)])
def test_where_each_conversation_keeps_its_session_the_next_finds_another(
    environment: dict[str, str], upstream: ScriptedUpstream, sessions: str, continued: int
) -> None:
    with started(environment, sessions=sessions, max_concurrency=2) as bridge:
        chat = Chat(bridge, "Spare.")
        for number in range(1 + continued):
            chat.ask(f"question {number}")
        until_live(bridge, 2)
        Chat(bridge, "Spare.").ask("begin at once")
    assert len(set(askers(upstream))) == 2
    assert bridge.last_report is not None
    assert bridge.report()["sessions"] == {
        "continued": continued,
        "spare": 2,
        "cold": 0,
        "replayed": 0,
    }


def without_ids(body: JsonObject) -> JsonObject:
    """`body` without what differs between any two requests of one process."""
    system = [block for block in body["system"] if "billing-header" not in block["text"]]
    return {**body, "system": system, "metadata": None}


def settings_of(body: JsonObject) -> JsonObject:
    return {name: value for name, value in body.items() if name != "messages"}


# --- limits ---------------------------------------------------------------------------


def test_whoever_comes_first_is_answered_first(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    release = threading.Event()
    upstream.script("number 0", say(Hold(release.is_set), Pause(1.0), "at last"))
    with started(environment, max_concurrency=1) as bridge, ExitStack() as stack:
        asked = []
        for number in range(6):
            body = Chat(bridge, "Queue.").body(question(f"number {number}"))
            asked.append(stack.enter_context(request(bridge, CHAT, body)))
            upstream.wait_for(1)
            until_read(bridge)
        asked.pop(3).close()
        until_read(bridge)
        release.set()
        assert [connection.getresponse().status for connection in asked] == [200] * 5

    texts = [turns(body)[-1]["content"][0]["text"] for body in upstream.requests]
    assert texts == [f"number {number}" for number in (0, 1, 2, 4, 5)]
    assert bridge.last_report is not None
    assert bridge.report()["waited_seconds"] >= 4 * 1.0


def test_waiters_who_leave_take_no_place_with_them(
    single: Bridge, upstream: ScriptedUpstream
) -> None:
    for number in range(4):
        upstream.forget()
        release = threading.Event()
        upstream.script("the first", say(Hold(release.is_set), "at last"))
        first, then = (
            Chat(single, "Leave.").body(question(f"{who} {number}"))
            for who in ("the first", "then")
        )
        with ExitStack() as stack:
            answering = stack.enter_context(request(single, CHAT, first))
            upstream.wait_for(1)
            waiting = [stack.enter_context(request(single, CHAT, then)) for _ in range(3)]
            until_read(single)
            if number % 2:
                waiting.pop().close()
                until_read(single)
            release.set()  # the place is free, and whoever is to have it goes, about at once
            for connection in waiting:
                connection.close()
            assert answering.getresponse().status == 200
        assert ask(single, CHAT, Chat(single, "Leave.").body(question("now")))[0] == 200


def until_read(bridge: Bridge) -> None:
    """Returns when the bridge has read what it was sent before."""
    for _ in range(3):
        assert ask(bridge, "/health", method="GET")[0] == 200


def test_one_process_serves_everyone(single: Bridge, upstream: ScriptedUpstream) -> None:
    one, two = Chat(single, "One."), Chat(single, "Two.")
    for number in range(2):
        for chat in (one, two):
            chat.ask(f"question {number}")
            assert len(live(single)) == 1
    with ThreadPoolExecutor() as threads:
        chats = [Chat(single, system) for system in ("One.", "Two.", "Three.")]
        list(threads.map(lambda chat: chat.ask("at once"), chats))
    assert len(live(single)) == 1
    assert len(upstream.requests) == 7


def test_a_session_is_replaced_before_it_has_grown_much(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    most = machine_limits(Settings()).turns
    with started(environment, max_concurrency=1) as bridge:
        for number in range(most + 2):
            Chat(bridge, "Grow.").ask(f"question {number}")
    served = Counter(askers(upstream))
    assert list(served.values()) == [most, 2]


# --- what breaks ----------------------------------------------------------------------


def answered(bridge: Bridge, body: JsonObject) -> JsonObject:
    """The answer, however often a machine that is busy takes too long for it."""
    while (asked := ask(bridge, CHAT, body))[0] == 504:
        pass
    assert asked[0] == 200, asked[1]
    return asked[1]


def leave_at_once(bridge: Bridge, upstream: ScriptedUpstream, body: JsonObject) -> None:
    with request(bridge, CHAT, body):
        upstream.wait_for(1)


def leave_a_stream(bridge: Bridge, upstream: ScriptedUpstream, body: JsonObject) -> None:
    with request(bridge, CHAT, {**body, "stream": True}) as connection:
        assert connection.getresponse().readline().startswith(b"data: ")
        upstream.wait_for(1)


def wait_in_vain(bridge: Bridge, upstream: ScriptedUpstream, body: JsonObject) -> None:
    assert ask(bridge, CHAT, body)[0] == 504
    upstream.wait_for(1)


@pytest.mark.parametrize("abandon", [leave_at_once, leave_a_stream, wait_in_vain])
def test_an_abandoned_turn_gives_its_place_back(
    narrow: Bridge, upstream: ScriptedUpstream, abandon: Abandon
) -> None:
    body = Chat(narrow, "Abandoned.").body(question("go on"))
    answered(narrow, body)
    upstream.forget()
    upstream.answer = say("early", Pause(60.0), "late")
    abandon(narrow, upstream, body)
    upstream.wait_until(lambda: upstream.aborted == 1 and upstream.active == 0)
    upstream.answer = say("fine")
    answered(narrow, body)


@pytest.mark.parametrize(
    "failure",
    [Refuse(429, "rate_limit_error", "no"), Refuse(500, "api_error", "no"), say("half", Cut())],
    ids=["429", "500", "cut"],
)
def test_a_failed_turn_gives_its_place_back(
    narrow: Bridge, upstream: ScriptedUpstream, failure: Refuse | Reply
) -> None:
    body = Chat(narrow, "Failed.").body(question("go on"))
    answered(narrow, body)
    upstream.answer = failure
    for _ in range(2):
        assert ask(narrow, CHAT, body)[0] in {429, 502}
    upstream.answer = say("fine")
    answered(narrow, body)


def test_a_process_killed_while_it_answers_is_a_502_and_no_more(
    roomy: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("early", Pause(60.0), "late")
    chat = Chat(roomy, "Killed.")
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(ask, roomy, CHAT, chat.body(question("long")))
        upstream.wait_for(1)
        kill(live(roomy))
        status, answer, _ = asked.result()
    assert status == 502
    assert "ended unexpectedly" in answer["error"]["message"]
    upstream.answer = say("fine")
    assert chat.ask("long")["content"] == "fine"


def test_a_conversation_outlives_its_process(roomy: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = in_order(
        say("one"),
        Reply((TextBlock(("I look. ",)), ToolUse("", "mcp__c__look_up", {"a": 1}))),
        say("three"),
        say("four"),
    )
    chat = Chat(roomy, "Outlive.", tools=TOOLS)
    chat.ask("first")
    [call] = chat.ask("second")["tool_calls"]
    kill(live(roomy))
    chat.say(result(call, "found"))
    kill(live(roomy))
    chat.ask("last")

    assert len(set(askers(upstream))) == 3
    asked = [turns(body) for body in upstream.requests]
    for before, after in pairwise(asked):
        assert after[: len(before)] == before
        assert [turn["role"] for turn in after[len(before) :]] == ["assistant", "user"]
    assert [block["type"] for block in asked[2][3]["content"]] == ["text", "tool_use"]
    assert asked[2][4]["content"][0]["type"] == "tool_result"
