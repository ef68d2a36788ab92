"""Budgets, plan windows and paid extra usage, as a client meets them on a real bridge."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Hold, Refuse, say
from claude_run.server.gate import until
from claude_run.settings import Settings
from claude_run.turn import JsonObject, Usage
from claude_run.usage.foresight import price_of
from claude_run.usage.record import CallRecord
from claude_run.usage.spool import records_in
from tests.scripted import PATIENCE, ScriptedUpstream
from tests.server.asking import ask, frames, request
from tests.server.tables import MESSAGES

UNIFIED = "anthropic-ratelimit-unified"


class Answered(NamedTuple):
    status: int
    body: JsonObject
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        return (self.body.get("error") or {}).get("code")

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


@contextmanager
def bridge_with(environment: dict[str, str], **settings: Any) -> Iterator[Bridge]:
    with Bridge(Settings(**settings), environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


def call(bridge: Bridge, text: str = "go", **headers: str) -> Answered:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": text}]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(*ask(bridge, "/chat/completions", body, headers=named))


def records(bridge: Bridge) -> list[CallRecord]:
    return list(records_in(bridge.spool))


def plan(
    share: float, status: str = "allowed", *, resets_in: float = 3600, **more: str
) -> dict[str, str]:
    """The headers of an upstream that has a five-hour window."""
    at = str(int(time.time() + resets_in))
    return {
        f"{UNIFIED}-status": status,
        f"{UNIFIED}-reset": at,
        f"{UNIFIED}-representative-claim": "five_hour",
        f"{UNIFIED}-5h-status": status,
        f"{UNIFIED}-5h-utilization": str(share),
        f"{UNIFIED}-5h-reset": at,
        **{f"{UNIFIED}-{name.replace('_', '-')}": value for name, value in more.items()},
    }


def refuse(headers: dict[str, str]) -> Refuse:
    return Refuse(429, "rate_limit_error", "limit reached", headers)


def heard(capfd: pytest.CaptureFixture[str], bridge: Bridge) -> list[str]:
    """What the person was told since the last time."""
    bridge.listen()
    lines = capfd.readouterr().err.splitlines()
    return [line for line in lines if "login is sent there" not in line]


# --- what every answer has -------------------------------------------------------------


@pytest.mark.usefixtures("upstream")
def test_answers_and_records_share_ids_and_labels(bridge: Bridge) -> None:
    before = len(records(bridge))
    first = call(bridge, x_claude_run_label="by header")
    body = {"model": "sonnet", "messages": [{"role": "user", "content": "go"}]}
    root = replace_path(bridge)
    second = Answered(*ask(root, "/label/by%2Fa%20path/v1/chat/completions", body))
    wrong = Answered(*ask(root, "/label/wrong/v1/chat/completions", {"model": 7}))

    made = records(bridge)[before:]
    assert [record.label for record in made] == ["by header", "by/a path", "wrong"]
    assert [record.request_id for record in made] == [
        answer.headers["x-request-id"] for answer in (first, second, wrong)
    ]
    assert wrong.message.endswith(f"(request id: {made[2].request_id})")
    assert first.headers["x-claude-run-session"] == made[0].session
    assert int(first.headers["openai-processing-ms"]) >= 0
    assert (made[2].error is not None, made[2].finish_reason) == (True, None)
    (told,) = [r for r in ask(bridge, "/usage", method="GET")[1]["labels"] if r["label"] == "wrong"]
    assert (told["calls"], told["errors"]) == (1, 1)


def replace_path(bridge: Bridge) -> Any:
    """The bridge for `ask`, without /v1 on its address."""

    class Root(NamedTuple):
        base_url: str
        api_key: str

    return Root(bridge.base_url.removesuffix("/v1"), bridge.api_key)


def test_the_same_request_after_an_error_is_one_call(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    before = len(records(bridge))
    text = "asked three times"
    upstream.answer = Refuse(529, "overloaded_error", "busy", {})
    assert [call(bridge, text).status for _ in range(2)] == [503, 503]
    upstream.answer = say("at last")
    assert call(bridge, text).status == 200
    assert call(bridge, text).status == 200

    first, *others = records(bridge)[before:]
    assert first.retry_of is None
    assert [one.retry_of for one in others] == [first.request_id, first.request_id, None]


def test_every_call_has_one_record_however_it_ends(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    before = len(records(bridge))
    message = {"role": "user", "content": "go"}
    several = {"model": "sonnet", "messages": [message], "n": 3}
    usages = [ask(bridge, "/chat/completions", several)[1]["usage"]]
    streamed = {"model": "gpt-x", "messages": [message]}
    assert [frame.data for frame in frames(bridge, "/chat/completions", streamed)][-1] == "[DONE]"
    assert ask(bridge, "/responses", {"model": "nobody", "input": "go"})[0] == 404
    upstream.answer = say("a", Hold(lambda: False))
    with request(bridge, "/chat/completions", {**streamed, "model": "sonnet"}):
        upstream.wait_until(lambda: upstream.active == 1)
    upstream.wait_until(lambda: upstream.aborted == 1)
    made = records_after(bridge, before + 6)[before:]

    three, one, unknown, left = made[:3], *made[3:]
    assert {record.request_id for record in three} == {three[0].request_id}
    assert sorted(record.choice for record in three) == [0, 1, 2]
    assert sum(record.tokens for record in three) == usages[0]["total_tokens"]
    assert {record.at_once for record in three} == {1, 2, 3}
    assert (one.stream, one.asked_model, one.mapped_model) == (True, "gpt-x", "sonnet")
    assert one.model
    assert one.model.startswith("claude-sonnet")
    assert unknown.error is not None
    assert (unknown.error.kind, unknown.endpoint) == ("model_not_found", "/responses")
    assert (left.client_gone, left.error, left.finish_reason) == (True, None, None)
    assert all(record.finish_reason == "end" and record.session for record in (*three, one))


def records_after(bridge: Bridge, n: int) -> list[CallRecord]:
    """The records, as soon as there are `n`."""
    deadline = time.monotonic() + PATIENCE
    while len(made := records(bridge)) < n and time.monotonic() < deadline:
        time.sleep(0.01)
    return made


# --- budgets ---------------------------------------------------------------------------


def test_thirty_two_at_once_do_not_run_past_a_number_of_calls(
    environment: dict[str, str], upstream: ScriptedUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    with bridge_with(environment, max_calls=5) as bridge, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: call(bridge, f"call {n}"), range(32)))
        told = heard(capfd, bridge)
        used = ask(bridge, "/usage", method="GET")[1]

    others = [answer.body for answer in answers if answer.status not in {200, 429}]
    assert others == []
    assert Counter(answer.status for answer in answers) == {200: 5, 429: 27}
    assert len(upstream.requests) == 5
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.code == "insufficient_quota"
    assert refused.headers["x-should-retry"] == "false"
    assert "--max-calls 5" in refused.message
    assert sum("80% of --max-calls 5 is used" in line for line in told) == 1
    assert sum("used up: --max-calls 5" in line for line in told) == 1
    assert [(one["kind"], one["count"]) for one in used["failures"]] == [("budget", 27)]


@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    ("budget", "used"),
    [
        ({"max_tokens": 150}, lambda record: record.tokens),
        ({"max_cost": 0.001}, lambda record: record.cost_usd or 0.0),
    ],
    ids=["tokens", "cost"],
)
def test_thirty_two_at_once_do_not_run_past_what_is_only_known_afterwards(
    environment: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    budget: dict[str, Any],
    used: Callable[[CallRecord], float],
) -> None:
    [(flag, most)] = budget.items()
    with bridge_with(environment, **budget) as bridge, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: call(bridge, f"call {n}"), range(32)))
        told = heard(capfd, bridge)
        made = records(bridge)

    assert {answer.status for answer in answers} == {200, 429}
    each = max(map(used, made))
    assert most <= sum(map(used, made)) < most + each
    named = f"--{flag.replace('_', '-')} {most}"
    assert {answer.code for answer in answers if answer.status == 429} == {"insufficient_quota"}
    assert [line.partition(": ")[2] for line in told] == [
        f"80% of {named} is used",
        f"The budget of this run is used up: {named}.",
    ]


def test_a_long_first_call_holds_no_others_back_where_a_budget_has_room(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    released = False
    upstream.script("slow", say("a", Hold(lambda: released), "b"))
    with bridge.scope("roomy", max_tokens=100_000) as scope, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(scope.complete, "slow")
        upstream.wait_for(1, marker="slow")
        assert [scope.complete(f"quick {n}") for n in range(3)] == ["Hello world"] * 3
        assert not slow.done()
        released = True
        assert slow.result() == "ab"


@pytest.mark.parametrize("name", ["haiku", "sonnet", "opus", "fable", "claude-opus-4-1"])
def test_what_is_reserved_is_no_less_than_what_the_cli_says_that_tokens_cost(
    bridge: Bridge, upstream: ScriptedUpstream, name: str
) -> None:
    upstream.answer = replace(say("hi"), usage=Usage(input_tokens=1_000, output_tokens=1_000))
    body = {"model": name, "messages": [{"role": "user", "content": "go"}]}
    assert ask(bridge, "/chat/completions", body)[0] == 200
    *_, record = records(bridge)
    price = price_of(name)
    assert record.cost_usd is not None
    assert record.cost_usd <= 1_000 * price.read + 1_000 * price.written


# --- the plan --------------------------------------------------------------------------


def test_windows_stand_in_headers_and_are_told_once_as_they_fill(
    environment: dict[str, str], upstream: ScriptedUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    with bridge_with(environment, max_window=95.0) as bridge:
        for share, line in ((0.5, None), (0.76, "76%"), (0.8, None), (0.91, "91%"), (0.96, None)):
            upstream.answer = replace(say("hi"), headers=plan(share))
            answer = call(bridge)
            assert answer.headers["x-ratelimit-utilization-five-hour"] == f"{share:g}"
            told = heard(capfd, bridge)
            assert [line in one for one in told] == [True] if line else told == []
        refused = call(bridge)
        status, _, as_anthropic_tells = ask(bridge, MESSAGES.path, MESSAGES.body())
    assert (refused.status, refused.code) == (429, "insufficient_quota")
    assert status == 429
    assert as_anthropic_tells[f"{UNIFIED}-5h-status"] == "allowed"
    assert as_anthropic_tells[f"{UNIFIED}-5h-utilization"] == "0.96"
    assert 3500 < int(as_anthropic_tells[f"{UNIFIED}-5h-reset"]) - time.time() <= 3601
    assert as_anthropic_tells["x-should-retry"] == "false"
    assert "--max-window is 95" in refused.message
    assert 3500 < int(refused.headers["retry-after"]) <= 3601


def test_a_throttle_is_no_window_and_may_be_tried_again(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    with bridge_with(environment) as bridge:
        upstream.answer = replace(say("hi"), headers=plan(0.5))
        assert call(bridge).status == 200
        upstream.answer = Refuse(429, "rate_limit_error", "slow down", plan(0.5))
        throttled = call(bridge)
        upstream.answer = say("hi")
        assert call(bridge).status == 200
    assert (throttled.status, throttled.code) == (429, "rate_limit_exceeded")
    assert not {"x-should-retry", "retry-after"} & throttled.headers.keys()


def test_a_window_that_is_used_up_fails_fast(
    environment: dict[str, str], upstream: ScriptedUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    with bridge_with(environment) as bridge:
        upstream.answer = refuse(plan(1.0, "rejected", overage_status="rejected"))
        first, second = call(bridge), call(bridge)
        told = heard(capfd, bridge)
    assert len(upstream.requests) == 1
    for answer in (first, second):
        assert (answer.status, answer.code) == (429, "insufficient_quota")
        assert answer.headers["x-should-retry"] == "false"
        assert int(answer.headers["retry-after"]) > 3500
        assert "It resets at" in answer.message
    assert sum("is used up" in line for line in told) == 1


def test_with_on_limit_wait_calls_go_on_by_themselves_after_the_reset(
    environment: dict[str, str], upstream: ScriptedUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    with bridge_with(environment, on_limit="wait") as bridge, ThreadPoolExecutor(4) as pool:
        call(bridge, "so that a session is warm")
        reset = plan(1.0, "rejected", resets_in=5, overage_status="rejected")
        until = float(reset[f"{UNIFIED}-reset"])
        late = until + 0.7  # clocks differ, and an answer takes its time
        upstream.answer = lambda _: refuse(reset) if time.time() < late else say("good morning")
        answers = list(pool.map(lambda n: call(bridge, f"night {n}"), range(4)))
        told = heard(capfd, bridge)
        made = records(bridge)[1:]
    assert [answer.status for answer in answers] == [200] * 4
    assert all(record.began + record.seconds >= late for record in made)
    assert all(record.error is None and record.queued > 0 for record in made)
    assert sum("Calls wait until then" in line for line in told) == 1


def test_a_clock_that_is_put_back_holds_nobody_longer_than_was_said() -> None:
    asyncio.run(asyncio.wait_for(until(time.time() + 86400, 0.05), PATIENCE))
    asyncio.run(asyncio.wait_for(until(time.time(), 86400), PATIENCE))  # nor one that goes on


def test_a_window_that_has_reset_by_the_time_it_is_heard_of_may_be_tried_again(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    past = plan(1.0, "rejected", resets_in=-2, overage_status="rejected")
    upstream.answer = refuse(past)
    with bridge_with(environment) as bridge:
        answer = call(bridge)
        upstream.answer = say("good morning")
        assert call(bridge).status == 200
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "1"


def test_what_would_wait_longer_than_max_wait_is_refused(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    upstream.answer = refuse(plan(1.0, "rejected", overage_status="rejected"))
    with bridge_with(environment, on_limit="wait", max_wait=60.0) as bridge:
        answer = call(bridge)
    assert (answer.status, answer.code) == (429, "insufficient_quota")
    assert "--max-wait" in answer.message


# --- money -----------------------------------------------------------------------------

DRAWING = [
    pytest.param(lambda: plan(0.5, overage_in_use="true", overage_status="allowed"), id="in use"),
    pytest.param(lambda: plan(1.0, "rejected", overage_status="allowed"), id="rejected"),
]


@pytest.mark.parametrize("headers", DRAWING)
def test_extra_usage_stops_new_calls_and_lets_those_in_flight_finish(
    environment: dict[str, str],
    upstream: ScriptedUpstream,
    capfd: pytest.CaptureFixture[str],
    headers: Any,
) -> None:
    released = False
    upstream.script("slow", replace(say("a", Hold(lambda: released), "b"), headers=headers()))
    upstream.script("quick", replace(say("hi"), headers=headers()))
    with bridge_with(environment) as bridge, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(call, bridge, "slow")
        upstream.wait_for(1, marker="slow")
        quick, refused = call(bridge, "quick"), call(bridge, "too late")
        released = True
        assert slow.result().status == 200
        told = heard(capfd, bridge)
        made = records(bridge)
    assert quick.status in {200, 429}  # the slow one may have told of it before
    assert (refused.status, refused.code) == (429, "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"
    assert "--extra-usage allow" in refused.message
    assert upstream.requests_with("too late") == []
    assert sum("paid extra usage" in line for line in told) == 1
    (finished,) = [record for record in made if record.seconds == max(r.seconds for r in made)]
    assert finished.overage is not None
    assert finished.overage.in_use


def test_extra_usage_that_is_allowed_is_told_once_and_goes_on(
    environment: dict[str, str], upstream: ScriptedUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    headers = plan(1.0, "rejected", overage_status="allowed")
    upstream.answer = replace(say("hi"), headers=headers)
    with bridge_with(environment, extra_usage="allow") as bridge:
        assert [call(bridge).status for _ in range(3)] == [200] * 3
        told = heard(capfd, bridge)
        used = ask(bridge, "/usage", method="GET")[1]
    assert sum("paid extra usage" in line for line in told) == 1
    assert used["extra_usage"]["calls"] == 3
    assert used["extra_usage"]["cost_usd"] == pytest.approx(used["models"][0]["cost_usd"])


def test_what_the_provider_says_of_extra_usage_is_passed_on_word_for_word(
    environment: dict[str, str], upstream: ScriptedUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    words = "Third-party apps now draw from your extra usage, not your plan limits."
    upstream.answer = Refuse(400, "invalid_request_error", words, {})
    with bridge_with(environment) as bridge:
        answers = [call(bridge), call(bridge)]
        told = heard(capfd, bridge)
    assert all(words in answer.message for answer in answers)
    assert sum(words in line for line in told) == 1
    assert json.dumps(words)[1:-1] in json.dumps(answers[0].body)
