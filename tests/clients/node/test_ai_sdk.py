"""Vercel's AI SDK: a tool step, text and objects, over both of OpenAI's APIs and Anthropic's."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from claude_run.rehearsal.answers import Refuse, say
from claude_run.turn import JsonObject
from tests.clients.upstream import call, calls, matched, offered, schema, structure, told
from tests.scripted import ScriptedUpstream, in_order, system_of

pytestmark = pytest.mark.timeout(600)  # the first test waits for npm

Sdk: TypeAlias = Callable[[str], Any]
"""Runs a scenario of ai_sdk.mjs, and gives what it printed."""

SOUP: JsonObject = {"title": "Soup", "steps": ["boil", "eat"]}


@pytest.fixture(params=["responses", "chat", "messages"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sdk(api: str, packages: Path, wrapped: dict[str, str]) -> Sdk:
    def run(scenario: str) -> Any:
        finished = subprocess.run(
            ["node", packages / "ai_sdk.mjs", scenario, api],
            env=wrapped,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)

    return run


@pytest.mark.parametrize("scenario", ["generateText", "streamText"])
def test_a_tool_step(upstream: ScriptedUpstream, sdk: Sdk, scenario: str) -> None:
    upstream.answer = in_order(
        calls(("weather", {"city": "Paris"}), ("weather", {"city": "Rome"}), saying="Let me see."),
        say("Both", " are", " sunny."),
    )
    result = sdk(scenario)

    assert (result["text"], result["finishReason"]) == ("Both are sunny.", "stop")
    assert result["steps"] == 2
    assert result.get("pieces", ["Let me see.", "Both", " are", " sunny."])[1:] == [
        "Both",
        " are",
        " sunny.",
    ]
    before, after = upstream.requests
    assert system_of(before) == "Be brief."
    assert offered(before)["weather"]["required"] == ["city"]
    assert told(after) == [
        ("user", "Where is it sunny?"),
        ("assistant", "Let me see.\nweather(city='Paris')\nweather(city='Rome')"),
        ("user", "= Paris is sunny.\n= Rome is sunny."),
    ]
    assert matched(after)


@pytest.mark.parametrize("scenario", ["generateObject", "streamObject"])
def test_an_object(upstream: ScriptedUpstream, sdk: Sdk, api: str, scenario: str) -> None:
    # Of a model of Anthropic's that it does not know it wants objects by a tool.
    by_tool = api == "messages"
    upstream.answer = call("json", **SOUP) if by_tool else structure(SOUP)
    assert sdk(scenario) == SOUP
    (request,) = upstream.requests
    wanted = offered(request)["json"] if by_tool else schema(request)
    assert wanted["properties"].keys() == {"title", "steps"}


@pytest.mark.parametrize(
    ("refusal", "statuses", "retryable"),
    [
        (Refuse(429, "rate_limit_error", "slow down"), {429}, True),
        (Refuse(529, "overloaded_error", "Overloaded"), {503, 529}, True),
        (Refuse(401, "authentication_error", "bad token"), {401}, False),
        (Refuse(400, "invalid_request_error", "no such thing"), {400}, False),
    ],
    ids=lambda value: value.message if isinstance(value, Refuse) else "",
)
def test_an_error_is_thrown_in_our_words(
    upstream: ScriptedUpstream, sdk: Sdk, refusal: Refuse, statuses: set[int], retryable: bool
) -> None:
    upstream.answer = refusal
    error = sdk("error")
    assert (error["name"], error["retryable"]) == ("AI_APICallError", retryable)
    assert error["status"] in statuses
    assert refusal.message in error["message"]
