"""The tools that one live process offers the model, and how others take their place."""

from collections.abc import Sequence
from typing import Final

import anyio
from claude_agent_sdk import ClaudeSDKClient, McpSdkServerConfig

from claude_run.claude.session import control
from claude_run.claude.session.shape import Tool
from claude_run.claude.tools import OUTPUT, ToolNames, offered
from claude_run.turn import Failure, TurnError, bad_request

_SECONDS: Final = 10.0
_POLL: Final = 0.003
_MOST_NAMES: Final = 1024  # the CLI takes 2,048 denied names
_TAKEN: Final = (
    "It must be valid JSON schema (draft 2020-12), and the names of the properties at the top 1 to "
    "64 letters, digits or characters of '_.-'."
)


class Offering:
    """What a process offers, `tools` at first. The CLI keeps something of every tool that it was
    ever offered: it sends the description that it saw first with a name and a schema, whatever it
    is told later."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._server = control.ToolServer(tools)
        self._described = _described(tools)

    @property
    def config(self) -> McpSdkServerConfig:
        """The server that the process is started with."""
        return self._server.config

    def can_be(self, tools: Sequence[Tool]) -> bool:
        """Whether the process can come to offer `tools`, each with its own description."""
        told, known = _described(tools), self._described
        if any(known.get(tool, told[tool]) != told[tool] for tool in told):
            return False
        return len({name for name, _ in known} | {name for name, _ in told}) <= _MOST_NAMES

    def replaced(self, tools: Sequence[Tool]) -> tuple[control.Request, control.Request]:
        """Put `tools` in the place of those before; gives what the CLI has to be asked for that."""
        self._server.offer(tools)
        self._described.update(_described(tools))
        once = {name for name, _ in self._described}
        return control.tools(sorted(once - {tool.name for tool in tools}))


async def require(client: ClaudeSDKClient, tools: Sequence[Tool], names: ToolNames) -> None:
    """Wait until the CLI offers the model exactly `tools`. It leaves a tool out whose schema the
    Messages API would refuse, and tells only the model.

    Raises:
        TurnError: it does not take one of them.
        ControlRefusedError: it offers others as well.
    """
    asked = {tool.name for tool in tools}
    there = await _offered(client)
    if missing := [tool.name for tool in tools if tool.name not in there]:
        if OUTPUT in missing:
            raise bad_request(f"Claude does not take this JSON schema. {_TAKEN}", "output_schema")
        called = ", ".join(repr(names.caller_of_bare(name)) for name in missing)
        raise bad_request(f"Claude does not take the parameters of {called}. {_TAKEN}", "tools")
    if there - asked:
        raise control.ControlRefusedError(f"still offered: {', '.join(there - asked)}")


async def _offered(client: ClaudeSDKClient) -> set[str]:
    try:
        with anyio.fail_after(_SECONDS):
            while True:
                found = offered(await client.get_mcp_status())
                if found is not None:
                    return set(found)
                await anyio.sleep(_POLL)  # the CLI tells of it only when asked
    except Exception as error:
        text = f"Claude Code did not take up the tools: {error!r}"
        raise TurnError(Failure.CRASH, text) from error


def _described(tools: Sequence[Tool]) -> dict[tuple[str, str], str]:
    return {(tool.name, tool.schema): tool.description for tool in tools}
