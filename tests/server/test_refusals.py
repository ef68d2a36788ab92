"""Requests that are refused, and upstream failures: the exact status, type and code of each."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import openai
import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Cut, Fail, Pause, Refuse, Reply, TextBlock, say
from claude_run.settings import Settings
from tests.described.watching import WatchedConnection
from tests.scripted import ScriptedUpstream
from tests.server.asking import ask, request
from tests.server.tables import (
    BAD_REQUESTS,
    CHAT,
    ENDPOINTS,
    EVERY_ENDPOINT,
    FAILURES,
    RESPONSES,
    Endpoint,
)

on_every_dialect = pytest.mark.parametrize("endpoint", EVERY_ENDPOINT, ids=str)
on_every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(scope="module")
def small(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge that takes a kilobyte and does not wait long."""
    settings = Settings(max_body=1024, timeout=1.5, strict_params=True)
    with Bridge(settings, environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


@pytest.mark.parametrize(("endpoint", "body", "param"), BAD_REQUESTS, ids=str)
def test_a_bad_request_names_the_field(
    bridge: Bridge, endpoint: Endpoint, body: object, param: str | None
) -> None:
    status, answer, _ = ask(bridge, endpoint.path, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert answer["error"]["param"] == param


@on_every_endpoint
def test_a_body_that_is_not_json(bridge: Bridge, endpoint: Endpoint) -> None:
    status, answer, _ = ask(bridge, endpoint.path, raw=b"{")
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", CHAT.path, {"Authorization": ""}, 401, "invalid_api_key"),
        ("POST", CHAT.path, {"Authorization": "Bearer sk-wrong"}, 401, "invalid_api_key"),
        ("POST", CHAT.path, {"Authorization": "", "x-api-key": "no"}, 401, "invalid_api_key"),
        ("POST", RESPONSES.path, {"Authorization": ""}, 401, "invalid_api_key"),
        ("GET", f"{RESPONSES.path}/resp_1", {"Authorization": ""}, 401, "invalid_api_key"),
        ("GET", "/v1/models", {"Host": "example.com"}, 403, "host_not_allowed"),
        ("GET", "/v1/models", {"Host": "127.0.0.1.example.com"}, 403, "host_not_allowed"),
        ("GET", "/v1/nothing", {}, 404, "not_found"),
        ("GET", f"{RESPONSES.path}/resp_1", {}, 404, "not_found"),
        ("GET", "/v1/models/gpt-none", {}, 404, "model_not_found"),
        ("GET", CHAT.path, {}, 405, "method_not_allowed"),
        ("GET", RESPONSES.path, {}, 405, "method_not_allowed"),
        ("POST", f"{RESPONSES.path}/resp_1", {}, 405, "method_not_allowed"),
        ("POST", f"{RESPONSES.path}/input_tokens", {}, 404, "not_supported"),
    ],
)
def test_whatever_goes_wrong_has_the_envelope(
    small: Bridge, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answered, answer, _ = ask(small, path, method=method, headers=headers)
    assert (answered, answer["error"]["code"]) == (status, code)
    assert set(answer["error"]) == {"message", "type", "param", "code"}


def test_an_api_key_may_come_as_anthropic_sends_it(bridge: Bridge) -> None:
    headers = {"Authorization": "", "x-api-key": bridge.api_key}
    status, _, _ = ask(bridge, "/v1/models", method="GET", headers=headers)
    assert status == 200


def test_health_needs_no_key_and_tells_nothing(bridge: Bridge) -> None:
    status, answer, _ = ask(bridge, "/health", method="GET", headers={"Authorization": ""})
    assert (status, answer) == (200, {"status": "ok"})


@on_every_dialect
def test_v1_may_be_left_out(bridge: Bridge, upstream: ScriptedUpstream, endpoint: Endpoint) -> None:
    status, answer, _ = ask(bridge, endpoint.path.removeprefix("/v1"), endpoint.body())
    assert (status, endpoint.text_of(answer)) == (200, "Hello world")
    assert len(upstream.requests) == 1


@on_every_endpoint
def test_a_body_that_is_too_large(small: Bridge, endpoint: Endpoint) -> None:
    status, answer, _ = ask(small, endpoint.path, raw=b" " * 2_000_000)
    assert (status, answer["error"]["code"]) == (413, "request_too_large")


def test_a_body_that_turns_out_to_be_too_large(small: Bridge) -> None:
    connection = WatchedConnection(urlsplit(small.base_url).netloc, timeout=30)
    chunks = (b" " * 700 for _ in range(3))
    headers = {"Authorization": f"Bearer {small.api_key}"}
    connection.request("POST", CHAT.path, chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 413


@on_every_endpoint
def test_an_unknown_model_is_told_what_maps_it(small: Bridge, endpoint: Endpoint) -> None:
    status, answer, _ = ask(small, endpoint.path, endpoint.body(model="gpt-9"))
    assert (status, answer["error"]["code"]) == (404, "model_not_found")
    assert "model_map=" in answer["error"]["message"]


@whole_and_streamed
@pytest.mark.parametrize("endpoint", [CHAT, RESPONSES], ids=str)
@pytest.mark.parametrize(
    ("refusal", "status", "kind", "code"), FAILURES, ids=[row[0].message[:20] for row in FAILURES]
)
def test_an_upstream_failure_is_a_true_http_error(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    endpoint: Endpoint,
    refusal: Refuse,
    status: int,
    kind: str,
    code: str | None,
    stream: bool,
) -> None:
    upstream.answer = refusal
    with pytest.raises(openai.APIStatusError) as caught:
        endpoint.create(client, stream)
    error = caught.value
    assert (error.status_code, error.type, error.code) == (status, kind, code)


@on_every_endpoint
def test_an_exhausted_plan_says_until_when_and_not_to_retry(
    client: openai.OpenAI, upstream: ScriptedUpstream, endpoint: Endpoint
) -> None:
    # A window of one model: after one that every call draws on, nothing would be sent any more.
    upstream.answer = Refuse(
        429,
        "rate_limit_error",
        "limit",
        {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-reset": "4102444800",
            "anthropic-ratelimit-unified-representative-claim": "seven_day_opus",
        },
    )
    with pytest.raises(openai.RateLimitError) as caught:
        endpoint.create(client, False)
    error = caught.value
    assert error.code == "insufficient_quota"
    assert error.response.headers["x-should-retry"] == "false"
    assert int(error.response.headers["retry-after"]) > 1_000_000


@on_every_endpoint
@pytest.mark.parametrize("broken", [Cut(), Fail("overloaded_error", "Overloaded")], ids=repr)
def test_an_answer_that_breaks_off_is_an_error_in_both_forms(
    client: openai.OpenAI, upstream: ScriptedUpstream, endpoint: Endpoint, broken: Cut | Fail
) -> None:
    # The pause lets the first half through; a connection cut at once takes it along.
    upstream.answer = Reply((TextBlock(("half an ans", Pause(0.3), broken)),))
    with pytest.raises(openai.APIStatusError) as caught:
        endpoint.create(client, False)
    assert caught.value.status_code in {502, 503}

    with pytest.raises(openai.APIError) as heard:
        endpoint.create(client, True)
    assert heard.value.type == "server_error"


@on_every_dialect
def test_a_session_that_failed_answers_the_next_one_cleanly(
    bridge: Bridge, upstream: ScriptedUpstream, endpoint: Endpoint
) -> None:
    upstream.answer = Refuse(500, "api_error", "boom")
    status, _, _ = ask(bridge, endpoint.path, endpoint.body())
    assert status == 502
    upstream.answer = say("fine")
    status, answer, _ = ask(bridge, endpoint.path, endpoint.body())
    assert (status, endpoint.text_of(answer)) == (200, "fine")
    refused, answered = upstream.requests
    assert len(answered["messages"]) == len(refused["messages"])


@on_every_dialect
def test_a_client_that_leaves_before_the_answer_stops_the_model(
    bridge: Bridge, upstream: ScriptedUpstream, endpoint: Endpoint
) -> None:
    upstream.answer = say(Pause(60.0))
    with request(bridge, endpoint.path, endpoint.body()):
        upstream.wait_for(1)
    upstream.wait_until(lambda: upstream.aborted == 1)


@on_every_endpoint
def test_a_model_that_never_ends_is_stopped(
    small: Bridge, upstream: ScriptedUpstream, endpoint: Endpoint
) -> None:
    upstream.answer = say(Pause(60.0))
    status, answer, _ = ask(small, endpoint.path, endpoint.body())
    assert (status, answer["error"]["code"]) == (504, "timeout")
    upstream.wait_until(lambda: upstream.active == 0)
    assert upstream.aborted == len(upstream.requests)
