"""The real Claude Code CLI takes the rehearsal for the Messages API."""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ContentBlock,
    HookMatcher,
    Message,
    ResultMessage,
    SdkMcpTool,
    StreamEvent,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
    create_sdk_mcp_server,
)
from claude_agent_sdk.types import HookContext, HookInput, HookJSONOutput

from claude_run.rehearsal import rehearse, seal, unsealed
from claude_run.rehearsal.answers import STATUS_OF, Cut, Fail, Refuse, Reply, say
from claude_run.rehearsal.upstream import Answerer, Upstream
from claude_run.turn import JsonObject, Usage
from tests.scripted import in_order, system_of, turns

WEATHER: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 1}},
    "required": ["city"],
}


@dataclass(frozen=True)
class Asked:
    requests: list[JsonObject]
    messages: list[Message]

    @property
    def blocks(self) -> list[ContentBlock]:
        said = (m for m in self.messages if isinstance(m, AssistantMessage))
        return [block for message in said for block in message.content]

    @property
    def result(self) -> ResultMessage:
        last = self.messages[-1]
        assert isinstance(last, ResultMessage)
        return last


class Claude:
    """Asks the CLI one question at a time, in a home of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def ask(self, answer: Answerer, extra: JsonObject | None = None, **options: Any) -> Asked:
        """`extra` is merged into the request's body, `options` are the SDK's."""
        return asyncio.run(self._ask(answer, extra or {}, options))

    async def _ask(self, answer: Answerer, extra: JsonObject, options: JsonObject) -> Asked:
        requests: list[JsonObject] = []

        def recorded(request: JsonObject) -> Any:
            requests.append(request)
            return answer(request)

        async with (
            Upstream(recorded) as upstream,
            ClaudeSDKClient(self._options(upstream.url, extra, options)) as client,
        ):
            await client.query("What is Python?")
            messages = [message async for message in client.receive_response()]
        return Asked(requests, messages)

    def _options(self, url: str, extra: JsonObject, more: JsonObject) -> ClaudeAgentOptions:
        plain = {
            "model": "sonnet",
            "tools": [],
            "system_prompt": "Be brief.",
            "setting_sources": [],
            "strict_mcp_config": True,
            "skills": [],
            "verbatim_prompts": True,
            "include_partial_messages": True,
            "extra_args": {"no-session-persistence": None},
            "thinking": {"type": "disabled"},
            "cwd": self._home,
            "env": {
                **seal(self._home, url),
                "CLAUDE_CODE_MAX_RETRIES": "0",
                "CLAUDE_CODE_EXTRA_BODY": json.dumps(extra),
            },
        }
        return ClaudeAgentOptions(**{**plain, **more})


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Claude:
    for name in unsealed(os.environ):
        monkeypatch.delenv(name)
    return Claude(tmp_path)


async def _defer(
    _input: HookInput, _tool_use_id: str | None, _context: HookContext
) -> HookJSONOutput:
    decision: Any = {"hookEventName": "PreToolUse", "permissionDecision": "defer"}
    return {"hookSpecificOutput": decision}


async def _never(_arguments: Any) -> dict[str, Any]:
    raise AssertionError("a deferred tool was run")


def offering(*names: str) -> JsonObject:
    """Options that offer these tools and leave their calls to the caller."""
    tools = [SdkMcpTool(name, f"Tells the {name}", WEATHER, _never) for name in names]
    return {
        "mcp_servers": {"c": create_sdk_mcp_server("c", tools=tools)},
        "hooks": {"PreToolUse": [HookMatcher(hooks=[_defer])]},
    }


def test_a_question_is_answered_in_one_request(claude: Claude) -> None:
    asked = claude.ask(rehearse)

    (block,) = asked.blocks
    assert isinstance(block, TextBlock)
    assert block.text.startswith("This is a rehearsal. It stands in for claude-sonnet-")
    assert asked.result.result == block.text
    assert (asked.result.is_error, asked.result.stop_reason) == (False, "end_turn")
    (request,) = asked.requests
    assert turns(request) == [
        {"role": "user", "content": [{"type": "text", "text": "What is Python?"}]}
    ]
    assert system_of(request) == "Be brief."


def test_the_answer_arrives_word_by_word(claude: Claude) -> None:
    asked = claude.ask(rehearse)

    deltas = [
        message.event["delta"]["text"]
        for message in asked.messages
        if isinstance(message, StreamEvent) and message.event["type"] == "content_block_delta"
    ]
    assert len(deltas) > 10
    assert "".join(deltas) == asked.result.result


def test_a_forced_tool_is_called(claude: Claude) -> None:
    asked = claude.ask(
        rehearse,
        {"tool_choice": {"type": "tool", "name": "mcp__c__time"}},
        **offering("weather", "time"),
    )

    (call,) = asked.blocks
    assert isinstance(call, ToolUseBlock)
    assert (call.name, call.input) == ("mcp__c__time", {"city": "a"})
    assert asked.result.terminal_reason == "tool_deferred"


def test_a_tool_that_is_not_forced_is_not_called(claude: Claude) -> None:
    asked = claude.ask(rehearse, **offering("weather"))

    assert [type(block) for block in asked.blocks] == [TextBlock]


def test_structured_output_is_accepted_at_the_first_attempt(claude: Claude) -> None:
    asked = claude.ask(rehearse, output_format={"type": "json_schema", "schema": PERSON})

    assert asked.result.structured_output == {
        "name": "aa",
        "email": "someone@example.com",
        "age": 1,
        "likes": ["tea"],
        "parent": None,
    }
    assert len(asked.requests) == 1


PERSON: JsonObject = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "email": {"type": "string", "format": "email"},
        "age": {"type": "integer", "exclusiveMinimum": 0},
        "likes": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/like"}},
        "parent": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        "nickname": {"type": "string"},
    },
    "required": ["name", "email", "age", "likes", "parent"],
    "additionalProperties": False,
    "$defs": {"like": {"enum": ["tea", "coffee"]}},
}


def test_thinking_is_shown_to_who_asked_to_see_it(claude: Claude) -> None:
    asked = claude.ask(rehearse, thinking={"type": "adaptive", "display": "summarized"})

    assert [type(block) for block in asked.blocks] == [ThinkingBlock, TextBlock]


def test_a_stop_sequence_ends_the_answer(claude: Claude) -> None:
    asked = claude.ask(rehearse, {"stop_sequences": [" rehearsal"]})

    assert (asked.result.result, asked.result.stop_reason) == ("This is a", "stop_sequence")


def test_the_usage_of_an_answer_is_what_the_cli_reports(claude: Claude) -> None:
    spent = Usage(11, 5, 3, 40, 12)

    usage = claude.ask(lambda _: Reply(say("hello").blocks, usage=spent)).result.usage

    assert usage is not None
    assert (
        usage.items()
        >= {
            "input_tokens": 11,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 3,
            "output_tokens": 40,
        }.items()
    )
    assert usage["output_tokens_details"] == {"thinking_tokens": 12}


@pytest.mark.parametrize(("error_type", "status"), STATUS_OF.items())
def test_a_refusal_reaches_the_caller_with_its_status(
    claude: Claude, error_type: str, status: int
) -> None:
    asked = claude.ask(lambda _: Refuse(status, error_type, "Not today"))

    assert (asked.result.is_error, asked.result.api_error_status) == (True, status)


@pytest.mark.parametrize("end", [Cut(), Fail("overloaded_error", "Overloaded")])
def test_a_stream_that_breaks_is_an_error(claude: Claude, end: Cut | Fail) -> None:
    asked = claude.ask(lambda _: say("Hello", end))

    assert (asked.result.is_error, asked.result.terminal_reason) == (True, "api_error")


def test_a_broken_stream_is_asked_for_again_as_a_whole_message(claude: Claude) -> None:
    asked = claude.ask(in_order(say("Hel", Cut()), say("Hello", " again")))

    assert [request.get("stream") for request in asked.requests] == [True, False]
    assert (asked.result.is_error, asked.result.result) == (False, "Hello again")
