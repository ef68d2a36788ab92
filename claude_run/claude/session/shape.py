"""What of a request a session is made to be: values that two requests can share."""

import json
from collections.abc import Collection
from dataclasses import dataclass, fields

from claude_run.claude.answer.structured import output_tool
from claude_run.claude.nesting import require_shallow
from claude_run.claude.schemas import modern, require_valid
from claude_run.claude.session.aspects import Aspect
from claude_run.claude.tools import MOST, OUTPUT, ToolNames, input_schema
from claude_run.turn import Effort, JsonObject, ToolChoice, ToolMode, TurnRequest, bad_request


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the process offers it: its name on our server, and its schema as JSON text."""

    name: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that one request wants of a session but its conversation.

    The members are named after their `Aspect`. `model` is the name that the CLI is given,
    `fields` the request fields that are not the CLI's own, as JSON text.
    """

    model: str
    system: str = ""
    tools: tuple[Tool, ...] = ()
    thinking: bool = False
    effort: Effort | None = None
    fields: str = "{}"

    @property
    def kind(self) -> int:
        """Equal for equal system prompts and tools: a hint at what conversations are like."""
        return hash((self.system, self.tools))

    def differs(self, other: "Shape") -> frozenset[Aspect]:
        """In which aspects two shapes are not the same."""
        if self == other:  # nearly always, and told much faster
            return frozenset()
        return frozenset(
            Aspect(field.name)
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        )


def shape_of(
    request: TurnRequest, names: ToolNames, model: str, rejected: Collection[str] = ()
) -> Shape:
    """The shape for `request`, without the sampling fields that `model` is known to reject.

    Raises:
        TurnError: BAD_REQUEST, a schema that cannot be offered to the model.
    """
    return Shape(
        model,
        request.system,
        _tools(request, names),
        request.thinking,
        request.effort,
        json.dumps(request_fields(request, names, rejected), sort_keys=True),
    )


def _tools(request: TurnRequest, names: ToolNames) -> tuple[Tool, ...]:
    offered = () if _answers_without_tools(request) else request.tools
    if len(offered) > MOST:
        raise bad_request(f"{len(offered)} tools are too many: at most {MOST} are taken.", "tools")
    tools = tuple(
        Tool(names.bare(tool.name), tool.description, json.dumps(input_schema(tool)))
        for tool in offered
    )
    if request.output_schema is None:
        return tools
    require_shallow(request.output_schema, "output_schema")
    require_valid(modern(request.output_schema), "output_schema")
    description, schema = output_tool(request.output_schema)
    return (*tools, Tool(OUTPUT, description, json.dumps(schema)))


def _answers_without_tools(request: TurnRequest) -> bool:
    # "none" would also forbid the tool through which structured output is given.
    return request.output_schema is not None and request.tool_choice.mode is ToolMode.NONE


def request_fields(
    request: TurnRequest, names: ToolNames, rejected: Collection[str] = ()
) -> JsonObject:
    """The request fields of a shape as the Messages API spells them, without `rejected`."""
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
