"""Requests that are refused, and upstream failures: the exact status, type and code of each."""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Cut, Fail, Pause, Refuse, Reply, TextBlock, say
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
CHAT = "/v1/chat/completions"


def ask(
    bridge: Bridge,
    path: str = CHAT,
    body: object = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    raw: bytes | None = None,
) -> tuple[int, JsonObject, Mapping[str, str]]:
    """Status, JSON and headers of one request; `headers` replace the right ones."""
    connection = HTTPConnection(urlsplit(bridge.base_url).netloc, timeout=30)
    sent = {"Authorization": f"Bearer {bridge.api_key}", **(headers or {})}
    data = json.dumps(body).encode() if raw is None and body is not None else raw
    connection.request(method, path, data, sent)
    response = connection.getresponse()
    answer: JsonObject = json.loads(response.read())
    connection.close()
    return response.status, answer, dict(response.headers)


@pytest.fixture(scope="module")
def small(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge that takes a kilobyte and does not wait long."""
    settings = Settings(max_body=1024, timeout=1.5, strict_params=True)
    with Bridge(settings, environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], None),
        ("hello", None),
        ({"messages": HELLO}, "model"),
        ({"model": "sonnet"}, "messages"),
        ({"model": "sonnet", "messages": []}, "messages"),
        ({"model": "sonnet", "messages": "hello"}, "messages"),
        ({"model": "sonnet", "messages": [1]}, "messages[0]"),
        ({"model": "sonnet", "messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"model": "sonnet", "messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"model": "sonnet", "messages": HELLO, "temperature": "hot"}, "temperature"),
        ({"model": "sonnet", "messages": HELLO, "n": 0}, "n"),
        ({"model": "sonnet", "messages": HELLO, "stream": "yes"}, "stream"),
        ({"model": 5, "messages": HELLO}, "model"),
    ],
)
def test_a_bad_request_names_the_field(bridge: Bridge, body: object, param: str | None) -> None:
    status, answer, _ = ask(bridge, body=body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert answer["error"]["param"] == param


def test_a_body_that_is_not_json(bridge: Bridge) -> None:
    status, answer, _ = ask(bridge, raw=b"{")
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", CHAT, {"Authorization": ""}, 401, "invalid_api_key"),
        ("POST", CHAT, {"Authorization": "Bearer sk-wrong"}, 401, "invalid_api_key"),
        ("POST", CHAT, {"Authorization": "", "x-api-key": "no"}, 401, "invalid_api_key"),
        ("GET", "/v1/models", {"Host": "example.com"}, 403, "host_not_allowed"),
        ("GET", "/v1/models", {"Host": "127.0.0.1.example.com"}, 403, "host_not_allowed"),
        ("GET", "/v1/nothing", {}, 404, "not_found"),
        ("POST", "/v1/embeddings", {}, 404, "not_supported"),
        ("GET", "/v1/models/gpt-none", {}, 404, "model_not_found"),
        ("GET", CHAT, {}, 405, "method_not_allowed"),
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


def test_v1_may_be_left_out(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    status, answer, _ = ask(bridge, "/chat/completions", {"model": "sonnet", "messages": HELLO})
    assert status == 200
    assert len(upstream.requests) == 1
    assert answer["choices"][0]["message"]["content"] == "Hello world"


def test_a_body_that_is_too_large(small: Bridge) -> None:
    status, answer, _ = ask(small, raw=b" " * 2_000_000)
    assert (status, answer["error"]["code"]) == (413, "request_too_large")


def test_a_body_that_turns_out_to_be_too_large(small: Bridge) -> None:
    connection = HTTPConnection(urlsplit(small.base_url).netloc, timeout=30)
    chunks = (b" " * 700 for _ in range(3))
    headers = {"Authorization": f"Bearer {small.api_key}"}
    connection.request("POST", CHAT, chunks, headers, encode_chunked=True)
    assert connection.getresponse().status == 413


def test_an_unknown_model_is_told_which_option_maps_it(small: Bridge) -> None:
    status, answer, _ = ask(small, body={"model": "gpt-9", "messages": HELLO})
    assert (status, answer["error"]["code"]) == (404, "model_not_found")
    assert "--model-map" in answer["error"]["message"]


FAILURES: list[tuple[Refuse, int, str, str | None]] = [
    (
        Refuse(401, "authentication_error", "bad token"),
        401,
        "authentication_error",
        "claude_login_required",
    ),
    (
        Refuse(403, "permission_error", "not yours"),
        403,
        "permission_error",
        "permission_denied",
    ),
    (
        Refuse(404, "not_found_error", "model: nope"),
        404,
        "invalid_request_error",
        "model_not_found",
    ),
    (
        Refuse(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        400,
        "invalid_request_error",
        "context_length_exceeded",
    ),
    (
        Refuse(400, "invalid_request_error", "messages.0: image is broken"),
        400,
        "invalid_request_error",
        None,
    ),
    (
        Refuse(
            400,
            "invalid_request_error",
            "Third-party apps now draw from your extra usage, not your plan limits.",
        ),
        403,
        "billing_error",
        "billing_not_active",
    ),
    (
        Refuse(429, "rate_limit_error", "slow down"),
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
    ),
    (Refuse(529, "overloaded_error", "Overloaded"), 503, "server_error", "overloaded"),
    (Refuse(500, "api_error", "boom"), 502, "server_error", "upstream_error"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("refusal", "status", "kind", "code"), FAILURES, ids=[f[0].message[:20] for f in FAILURES]
)
def test_an_upstream_failure_is_a_true_http_error(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    refusal: Refuse,
    status: int,
    kind: str,
    code: str | None,
    stream: bool,
) -> None:
    upstream.answer = refusal
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="sonnet", messages=HELLO, stream=stream)
    error = caught.value
    assert (error.status_code, error.type, error.code) == (status, kind, code)


def test_an_exhausted_plan_says_until_when_and_not_to_retry(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Refuse(
        429,
        "rate_limit_error",
        "limit",
        {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-reset": "4102444800",
            "anthropic-ratelimit-unified-representative-claim": "five_hour",
            "anthropic-ratelimit-unified-5h-utilization": "1.0",
            "anthropic-ratelimit-unified-5h-reset": "4102444800",
        },
    )
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="sonnet", messages=HELLO)
    error = caught.value
    assert error.code == "insufficient_quota"
    assert error.response.headers["x-should-retry"] == "false"
    assert int(error.response.headers["retry-after"]) > 1_000_000


@pytest.mark.parametrize("broken", [Cut(), Fail("overloaded_error", "Overloaded")])
def test_an_answer_that_breaks_off_is_an_error_in_both_forms(
    client: openai.OpenAI, upstream: ScriptedUpstream, broken: Any
) -> None:
    # The pause lets the first half through; a connection cut at once takes it along.
    upstream.answer = Reply((TextBlock(("half an ans", Pause(0.3), broken)),))
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="sonnet", messages=HELLO)
    assert caught.value.status_code in {502, 503}

    stream = client.chat.completions.create(model="sonnet", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError) as heard:
        list(stream)
    assert heard.value.type == "server_error"


def test_a_session_that_failed_answers_the_next_one_cleanly(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = Refuse(500, "api_error", "boom")
    with pytest.raises(openai.APIStatusError):
        client.chat.completions.create(model="sonnet", messages=HELLO)
    upstream.answer = say("fine")
    completion = client.chat.completions.create(model="sonnet", messages=HELLO)
    assert completion.choices[0].message.content == "fine"
    assert len(upstream.requests[-1]["messages"]) == len(upstream.requests[0]["messages"])


def test_a_model_that_never_ends_is_stopped(small: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = say(Pause(60.0))
    status, answer, _ = ask(small, body={"model": "sonnet", "messages": HELLO})
    assert (status, answer["error"]["code"]) == (504, "timeout")
    upstream.wait_until(lambda: upstream.aborted == 1)
