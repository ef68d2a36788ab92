"""The SDK without a bridge: what everything else is measured against."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    HookMatcher,
    SdkMcpTool,
    StreamEvent,
    create_sdk_mcp_server,
)

from claude_run.claude.session.control import process_of
from claude_run.turn import JsonObject

MODEL = "sonnet"
SYSTEM = "Answer as briefly as you can."
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds to the first piece of the answer and to its end, and the call that was made."""

    first: float
    whole: float
    call: str = ""


@asynccontextmanager
async def process(**options: Any) -> AsyncIterator[ClaudeSDKClient]:
    """A live CLI process, with nothing in it but the model. Ended as fast as it can be."""
    client = ClaudeSDKClient(_options(**options))
    await client.connect()
    try:
        yield client
    finally:
        if (cli := process_of(client)) is not None:
            cli.terminate()
        await client.disconnect()


async def ask(client: ClaudeSDKClient, content: str | list[JsonObject]) -> Turn:
    """One turn, to its result."""
    began = time.perf_counter()
    first, call = 0.0, ""
    await client.query(_only({"role": "user", "content": content}))
    async for message in client.receive_response():
        match message:
            case StreamEvent(event={"type": "content_block_start", "content_block": block}):
                call = block.get("id", "")
            case StreamEvent(event={"type": "content_block_delta"}):
                first = first or time.perf_counter() - began
    return Turn(first, time.perf_counter() - began, call)


def with_a_tool() -> dict[str, Any]:
    """Options that offer a tool and end the turn where it is called."""
    tool = SdkMcpTool("weather", "The weather in a city.", SCHEMA, _never)
    return {
        "mcp_servers": {"c": create_sdk_mcp_server("c", tools=[tool])},
        "hooks": {"PreToolUse": [HookMatcher(hooks=[_defer])]},
        "env": {"ENABLE_TOOL_SEARCH": "false"},  # or the first tool is one to look for tools
    }


def _options(**options: Any) -> ClaudeAgentOptions:
    return ClaudeAgentOptions(
        model=MODEL,
        tools=[],
        system_prompt=SYSTEM,
        setting_sources=[],
        strict_mcp_config=True,
        skills=[],
        verbatim_prompts=True,
        include_partial_messages=True,
        thinking={"type": "disabled"},
        extra_args={"no-session-persistence": None},
        cwd=os.environ["HOME"],
        **options,
    )


async def _only(message: JsonObject) -> AsyncIterator[JsonObject]:
    yield {"type": "user", "message": message, "parent_tool_use_id": None}


async def _never(_arguments: Any) -> dict[str, Any]:
    raise RuntimeError("the tool was run")


async def _defer(_input: Any, _id: str | None, _context: Any) -> Any:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "defer"}}
