"""What of a request a CLI process is born with, and what can be set on a live one."""

import json
from collections.abc import Collection
from dataclasses import dataclass

from claude_run.claude.nesting import require_shallow
from claude_run.claude.tools import ToolNames, input_schema
from claude_run.turn import Effort, JsonObject, ToolChoice, ToolMode, TurnRequest


@dataclass(frozen=True, slots=True)
class Shape:
    """What is fixed at spawn. Equal shapes can be served by one another's sessions.

    `tools` and `output` are JSON texts, so that a shape can be a key.
    """

    system: str
    tools: str
    output: str | None
    thinking: bool
    effort: Effort | None


@dataclass(frozen=True, slots=True)
class Tuning:
    """What can be set on a live process: the CLI's name for the model, and the request fields
    that are not its own, as JSON text."""

    model: str
    body: str


def shape_of(request: TurnRequest, names: ToolNames) -> Shape:
    return Shape(
        request.system,
        _tools(request, names),
        _output(request),
        request.thinking,
        request.effort,
    )


def _output(request: TurnRequest) -> str | None:
    if request.output_schema is None:
        return None
    require_shallow(request.output_schema, "output_schema")
    return json.dumps(request.output_schema)


def _tools(request: TurnRequest, names: ToolNames) -> str:
    if _answers_without_tools(request):
        return "[]"
    return json.dumps(
        [
            {
                "name": names.bare(tool.name),
                "description": tool.description,
                "schema": input_schema(tool),
            }
            for tool in request.tools
        ]
    )


def _answers_without_tools(request: TurnRequest) -> bool:
    # "none" would also forbid the tool through which structured output is given.
    return request.output_schema is not None and request.tool_choice.mode is ToolMode.NONE


def extra_body(
    request: TurnRequest, names: ToolNames, rejected: Collection[str] = ()
) -> JsonObject:
    """The request fields for a Tuning, as the Messages API spells them, without those that
    the model is known to reject."""
    sampling = request.sampling
    body: JsonObject = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop_sequences": [stop for stop in sampling.stop if stop.strip()] or None,
        "max_tokens": sampling.max_tokens,
        "tool_choice": _tool_choice(request, names),
    }
    return {k: v for k, v in body.items() if v is not None and k not in rejected}


def _tool_choice(request: TurnRequest, names: ToolNames) -> JsonObject | None:
    if not request.tools or _answers_without_tools(request):
        return None
    choice = request.tool_choice
    match choice:
        case ToolChoice(mode=ToolMode.AUTO, parallel=True):
            return None
        case ToolChoice(mode=ToolMode.NONE):
            return {"type": "none"}
        case ToolChoice(mode=ToolMode.NAMED, name=str(name)):
            native: JsonObject = {"type": "tool", "name": names.upstream(name)}
        case _:
            native = {"type": choice.mode.value}
    return native if choice.parallel else {**native, "disable_parallel_tool_use": True}


def blank_stops(request: TurnRequest) -> tuple[str, ...]:
    """The stops that the Messages API does not take: those made of white space only."""
    return tuple(stop for stop in request.sampling.stop if stop and not stop.strip())
