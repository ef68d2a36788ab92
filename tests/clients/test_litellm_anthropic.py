"""litellm on the Messages API: a tool step, and errors as its own."""

import json
from typing import Any

import litellm
import pytest

from claude_run.rehearsal.answers import Refuse, say
from claude_run.turn import JsonObject
from tests.clients.test_litellm import WEATHER, ask
from tests.clients.upstream import calls, matched, offered, told
from tests.scripted import ScriptedUpstream, in_order, system_of

MODEL = "anthropic/sonnet"


def test_a_tool_step(upstream: ScriptedUpstream, stream: bool) -> None:
    upstream.answer = in_order(
        calls(("weather", {"city": "Paris"}), ("weather", {"city": "Rome"}), saying="Let me see."),
        say("Rome is warmer."),
    )
    question: list[JsonObject] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Which is warmer?"},
    ]
    asked: dict[str, Any] = {"stream": stream, "tools": [WEATHER], "model": MODEL}
    first = ask(*question, **asked).choices[0]
    results = [
        {
            "role": "tool",
            "tool_call_id": one.id,
            "content": f"{json.loads(one.function.arguments)['city']}: sunny",
        }
        for one in first.message.tool_calls
    ]
    last = ask(*question, first.message.model_dump(), *results, **asked)

    assert first.finish_reason == "tool_calls"
    assert last.choices[0].message.content == "Rome is warmer."
    before, after = upstream.requests
    assert system_of(before) == "Be brief."
    assert offered(before)["weather"]["required"] == ["city"]
    assert told(after) == [
        ("user", "Which is warmer?"),
        ("assistant", "Let me see.\nweather(city='Paris')\nweather(city='Rome')"),
        ("user", "= Paris: sunny\n= Rome: sunny"),
    ]
    assert matched(after)


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refuse(401, "authentication_error", "bad token"), litellm.AuthenticationError),
        (Refuse(403, "permission_error", "not yours"), litellm.PermissionDeniedError),
        (Refuse(404, "not_found_error", "model: nope"), litellm.NotFoundError),
        (Refuse(429, "rate_limit_error", "slow down"), litellm.RateLimitError),
        (Refuse(529, "overloaded_error", "Overloaded"), litellm.InternalServerError),
        (Refuse(500, "api_error", "a fault"), litellm.BadGatewayError),
        (Refuse(400, "invalid_request_error", "no such thing"), litellm.BadRequestError),
        (
            Refuse(400, "invalid_request_error", "prompt is too long: 2 tokens > 1 maximum"),
            litellm.ContextWindowExceededError,
        ),
    ],
    ids=lambda value: value.message[:12] if isinstance(value, Refuse) else "",
)
def test_an_error_is_what_litellm_calls_it(
    upstream: ScriptedUpstream, stream: bool, refusal: Refuse, expected: type[Exception]
) -> None:
    upstream.answer = refusal
    with pytest.raises(expected) as caught:
        ask("Hi", stream=stream, model=MODEL)
    assert refusal.message.partition(":")[0] in str(caught.value)
