"""What the CLI's control protocol offers and the SDK has no public method for yet.

Everything that needs the SDK's insides is in this one file. Each request may be refused by
another version, and then the session is retired and a new process started. A version may also
acknowledge a request without doing it: what is relied on is found out by `verified`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import anyio
import psutil
from claude_agent_sdk import (
    ClaudeSDKClient,
    McpSdkServerConfig,
    SdkMcpTool,
    create_sdk_mcp_server,
)
from mcp.types import Tool as McpTool

from claude_run.claude.session.shape import Tool
from claude_run.claude.tools import PREFIX, SERVER

_SECONDS: Final = 5.0

Request = dict[str, Any]


class ControlRefusedError(Exception):
    """The CLI did not do what it was asked; the session is to be retired."""


async def rewind(client: ClaudeSDKClient, first: str, last: str) -> str | None:
    """Take everything from the user message with uuid `first` on out of the conversation.

    `last` is the uuid of the conversation's newest user message: the CLI rewinds only for
    someone who has seen it. What the model is sent next holds nothing of what was taken out.
    Gives the uuid of the assistant message before it, if there is one. Takes about 2 ms.
    """
    answer = await _send(
        client,
        {
            "subtype": "rewind_conversation",
            "target_message_uuid": first,
            "last_seen_user_message_uuid": last,
        },
    )
    if not answer.get("rewound"):
        raise ControlRefusedError(str(answer.get("reason", "the conversation was not rewound")))
    before = answer.get("precedingAssistantUuid")
    return None if before is None else str(before)


def settings(changed: Mapping[str, Any]) -> Request:
    """Change settings for later requests: `env`, variables; `effortLevel`; `agent`, whose system
    prompt is sent, and without whom it is always empty. Takes 10 ms."""
    return {"subtype": "apply_flag_settings", "settings": dict(changed)}


def model(name: str, system: str) -> Request:
    """Set the model, which must be an alias, and the system prompt unless it is empty. The
    conversation must be empty for that. Takes 3 ms."""
    return {"subtype": "set_model", "model": name, **({"system_prompt": system} if system else {})}


def thinking(*, shown: bool) -> Request:
    return {"subtype": "set_max_thinking_tokens", "max_thinking_tokens": None if shown else 0}


def tools(denied: Sequence[str]) -> tuple[Request, Request]:
    """Have the CLI ask our server for its tools anew. `denied` names those it once had and no
    longer has: otherwise the model would go on being offered them."""
    return (
        {"subtype": "mcp_set_servers", "servers": {}},
        {
            "subtype": "mcp_set_servers",
            "servers": {SERVER: {"type": "sdk", "name": SERVER}},
            "denied_tools": [PREFIX + name for name in denied],
        },
    )


async def change(client: ClaudeSDKClient, requests: Sequence[Request]) -> None:
    """Send `requests` in order, without waiting for one before the next is sent.

    Raises:
        ControlRefusedError: one of them was refused; the others may have been carried out.
    """
    refused: list[ControlRefusedError] = []

    async def send(request: Request) -> None:
        try:
            answer = await _send(client, request)
        except ControlRefusedError as error:
            refused.append(error)
            return
        if not _is_done(request, answer):
            refused.append(ControlRefusedError(f"{request['subtype']}: answered {answer}"))

    async with anyio.create_task_group() as group:
        for request in requests:
            group.start_soon(send, request)
    if refused:
        raise refused[0]


def _is_done(request: Request, answer: Request) -> bool:
    """Whether the answer says more than that the request was heard, where it ought to."""
    match request["subtype"]:
        case "mcp_set_servers":
            told = answer.get("added" if request["servers"] else "removed")
            return told == [SERVER] and not answer.get("errors")
        case "set_model":
            return "model" in answer
        case _:
            return True


async def _send(client: ClaudeSDKClient, request: Request) -> Request:
    try:
        send: Callable[[Request], Awaitable[Request]]
        send = client._query._send_control_request  # type: ignore[union-attr]  # noqa: SLF001
        with anyio.fail_after(_SECONDS):
            return await send(request)
    except Exception as error:
        raise ControlRefusedError(f"{request['subtype']}: {error!r}") from error


def process_of(client: ClaudeSDKClient) -> psutil.Process | None:
    """The CLI's process, while there is one; None also where another version hides it."""
    process = getattr(getattr(client, "_transport", None), "_process", None)
    with suppress(psutil.Error, AttributeError):
        return psutil.Process(process.pid) if process is not None else None
    return None


class ToolServer:
    """Offers tools from this process. None of them can be called: the hook defers every call."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._offered: list[Any] | None = []
        try:
            from claude_agent_sdk._internal._mcp_compat import (  # noqa: PLC0415 - may be gone
                build_tool_server,
            )

            server = build_tool_server(SERVER, "1.0.0", self._offered, _never)
            self.config = McpSdkServerConfig(type="sdk", name=SERVER, instance=server)
            self.offer(tools)
        except ImportError:  # another version: what is offered first is offered always
            self._offered = None
            self.config = create_sdk_mcp_server(SERVER, tools=[_documented(t) for t in tools])

    def offer(self, tools: Sequence[Tool]) -> None:
        """Offer `tools`, and nothing else, from the next time on that the CLI asks.

        Raises:
            ControlRefusedError: this version of the SDK has no way to.
        """
        if self._offered is None:
            raise ControlRefusedError("what a server offers cannot be replaced")
        self._offered[:] = [
            McpTool.model_validate(
                {
                    "name": tool.name,
                    "description": tool.description,
                    "inputSchema": json.loads(tool.schema),
                }
            )
            for tool in tools
        ]


def _documented(tool: Tool) -> SdkMcpTool[Any]:
    return SdkMcpTool(tool.name, tool.description, json.loads(tool.schema), _never)


async def _never(*_: object) -> Any:
    raise RuntimeError("a tool of the caller's was about to run on our side")
