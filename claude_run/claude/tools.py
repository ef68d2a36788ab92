"""The caller's tools, offered natively and never executed.

They reach the model through an MCP server in this process. A PreToolUse hook defers every
call, which ends the turn there; the call goes to the client, and its result comes with the next
turn.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

from claude_agent_sdk import HookMatcher
from claude_agent_sdk.types import HookContext, HookInput, HookJSONOutput, McpStatusResponse

from claude_run.claude.nesting import require_shallow
from claude_run.claude.numbers import told
from claude_run.claude.schemas import modern
from claude_run.turn import AssistantTurn, JsonObject, ToolCall, ToolSpec, Turn, bad_request

SERVER: Final = "c"
PREFIX: Final = f"mcp__{SERVER}__"
OUTPUT: Final = "StructuredOutput"
"""The name of our own tool for structured output, which none of the caller's gets."""
MOST: Final = 1000
"""Tools that one request may offer: a process keeps something of each that it was ever offered, and
has room for as many names as `Offering` says."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")


class ToolNames:
    """The caller's names and the model's, one to one.

    The model only sees letters, digits, `_` and `-`; where two names become the same, the
    later ones are numbered. The same names in the same order give the same pairs.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._upstream: dict[str, str] = {}
        taken: set[str] = {OUTPUT}
        for name in dict.fromkeys(names):
            safe = _UNSAFE.sub("_", name)
            candidate, number = safe, 1
            while candidate in taken:
                number += 1
                candidate = f"{safe}_{number}"
            taken.add(candidate)
            self._upstream[name] = candidate
        self._caller = {PREFIX + safe: name for name, safe in self._upstream.items()}

    def bare(self, name: str) -> str:
        """The name under which the server registers the caller's `name`."""
        return self._upstream[name]

    def upstream(self, name: str) -> str:
        """The model's name for the caller's `name`."""
        return PREFIX + self._upstream[name]

    def caller(self, upstream: str) -> str:
        """The caller's name for what the model called; one it invented keeps its spelling."""
        return self._caller.get(upstream, upstream.removeprefix(PREFIX))

    def caller_of_bare(self, name: str) -> str:
        """The caller's name for what the server registers as `name`."""
        return self.caller(PREFIX + name)

    def offers(self, upstream: str) -> bool:
        return upstream in self._caller


def names_of(tools: Iterable[ToolSpec], turns: Iterable[Turn] = ()) -> ToolNames:
    """Names for `tools` first, then for whatever else `turns` once called."""
    called = (
        part.name
        for turn in turns
        if isinstance(turn, AssistantTurn)
        for part in turn.parts
        if isinstance(part, ToolCall)
    )
    return ToolNames([*(tool.name for tool in tools), *called])


def input_schema(tool: ToolSpec) -> JsonObject:
    """The schema of a tool's arguments, of type object as the Messages API wants it, and in its
    draft unless it names another. The SDK takes one without properties for something else.

    Raises:
        TurnError: the arguments are to be something else than an object, or too deep a one.
    """
    require_shallow(tool.schema, "tools")
    schema = told(tool.schema if "$schema" in tool.schema else modern(tool.schema))
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise bad_request(
            f"The parameters of {tool.name!r} must be of type object, not {kind!r}.", "tools"
        )
    return {"properties": {}, **schema, "type": "object"}


def offered(status: McpStatusResponse) -> Collection[str] | None:
    """The names on our server that the CLI offers to the model; None while it is connecting."""
    for server in status["mcpServers"]:
        if server["name"] == SERVER and server["status"] == "connected":
            return {tool["name"] for tool in server.get("tools", ())}
    return None


def deferral() -> HookMatcher:
    return HookMatcher(matcher=f"{PREFIX}.*", hooks=[_defer])


async def _defer(
    _input: HookInput, _tool_use_id: str | None, _context: HookContext
) -> HookJSONOutput:
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "defer"}}
