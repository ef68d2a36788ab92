"""A Messages body, understood or refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from claude_run.dialects.fields import sift
from claude_run.dialects.messages.blocks import conversation, system_text
from claude_run.dialects.messages.fields import MESSAGES_FIELDS
from claude_run.dialects.messages.inner import inner_notices
from claude_run.dialects.reading import (
    at,
    boolean,
    choice,
    elements,
    integer,
    model_name,
    number,
    object_,
    optional,
    required,
    text,
)
from claude_run.dialects.tools import called, function_name
from claude_run.turn import (
    Effort,
    JsonObject,
    Notice,
    Sampling,
    ToolChoice,
    ToolMode,
    ToolSpec,
    Turn,
    TurnRequest,
    bad_request,
)

MODES: Final[Mapping[str, ToolMode]] = {mode.value: mode for mode in ToolMode}
THINKING: Final = ("enabled", "adaptive", "between_tools", "disabled")
DISPLAYS: Final = ("summarized", "omitted")


@dataclass(frozen=True, slots=True)
class MessagesCall:
    """One understood request. `omits_thinking` says that of what was thought only the signatures
    are wanted."""

    request: TurnRequest
    stream: bool = False
    omits_thinking: bool = False
    notices: tuple[Notice, ...] = ()

    @property
    def requests(self) -> tuple[TurnRequest]:
        return (self.request,)


def parse_messages(body: object, *, strict: bool) -> MessagesCall:
    """What a request body asks. `strict` refuses what would be done otherwise than asked.

    Raises:
        TurnError: BAD_REQUEST, naming the field at fault in `param`.
    """
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.", None)
    asked, notices = sift(_spread(body), MESSAGES_FIELDS, strict=strict)
    said = conversation(required(asked, "messages"))
    system = optional(system_text, asked, "system")
    kind, display = optional(_thinking, asked, "thinking") or (None, None)
    request = TurnRequest(
        model=model_name(asked),
        turns=said.turns,
        system="\n\n".join([*([system] if system else []), *said.system]),
        **_tools(asked, said.turns),
        output_schema=_format(asked),
        sampling=_sampling(asked),
        thinking=kind not in (None, "disabled"),
        effort=optional(_effort, asked, "output_config.effort"),
    )
    stream = optional(boolean, asked, "stream") or False
    told = (*notices, *inner_notices(body, strict=strict))
    return MessagesCall(request, stream, display == "omitted", told)


def _spread(body: JsonObject) -> JsonObject:
    config = optional(object_, body, "output_config") or {}
    spread = {name: value for name, value in body.items() if name != "output_config"}
    return {**spread, **{at("output_config", key): value for key, value in config.items()}}


def _format(asked: JsonObject) -> JsonObject | None:
    older = optional(_schema, asked, "output_format")
    return optional(_schema, asked, "output_config.format") or older


def _sampling(asked: JsonObject) -> Sampling:
    given = elements(asked.get("stop_sequences", []), "stop_sequences")
    stops = [text(stop, path) for path, stop in given]
    return Sampling(
        temperature=optional(number, asked, "temperature", low=0, high=1),
        top_p=optional(number, asked, "top_p", low=0, high=1),
        top_k=optional(integer, asked, "top_k", low=0) or None,
        stop=tuple(stop for stop in stops if stop),
        max_tokens=integer(required(asked, "max_tokens"), "max_tokens", low=1),
    )


def _thinking(value: object, param: str) -> tuple[str, str | None]:
    """Of which kind it is, and how it is displayed."""
    asked = object_(value, param)
    kind = choice(required(asked, "type", param), THINKING, at(param, "type"))
    return kind, optional(_display, asked, "display", param)


def _display(value: object, param: str) -> str:
    return choice(value, DISPLAYS, param)


def _effort(value: object, param: str) -> Effort:
    return Effort(choice(value, [effort.value for effort in Effort], param))


def _schema(value: object, param: str) -> JsonObject:
    asked = object_(value, param)
    choice(required(asked, "type", param), ("json_schema",), at(param, "type"))
    return object_(required(asked, "schema", param), at(param, "schema"))


def _tools(asked: JsonObject, turns: tuple[Turn, ...]) -> dict[str, Any]:
    specs: dict[str, ToolSpec] = {}
    for path, value in elements(asked.get("tools", []), "tools"):
        spec = _tool(object_(value, path), path)
        if spec.name in specs:
            raise bad_request(f"Two tools are called {spec.name!r}.", at(path, "name"))
        specs[spec.name] = spec
    chosen = optional(_choice, asked, "tool_choice") or ToolChoice()
    if chosen.mode is ToolMode.NAMED and chosen.name not in specs:
        message = "tool_choice names a tool that is not among the tools."
        raise bad_request(message, "tool_choice.name")
    if chosen.mode is ToolMode.REQUIRED and not specs:
        message = "tool_choice requires a tool call, and there are no tools."
        raise bad_request(message, "tool_choice")
    if specs:
        return {"tools": tuple(specs.values()), "tool_choice": chosen}
    # The Messages API wants tools declared wherever a conversation holds calls.
    tools = called(turns)
    return {"tools": tools, "tool_choice": ToolChoice(ToolMode.NONE) if tools else ToolChoice()}


def _tool(tool: JsonObject, param: str) -> ToolSpec:
    kind = tool.get("type") or "custom"
    if kind != "custom":
        path = at(param, "type")
        message = f"{path} is {str(kind)[:80]!r}: Anthropic's own tools and MCP connectors are not "
        raise bad_request(message + "offered here. Send tools with an input_schema.", path)
    return ToolSpec(
        name=function_name(required(tool, "name", param), at(param, "name")),
        description=optional(text, tool, "description", param) or "",
        schema=object_(required(tool, "input_schema", param), at(param, "input_schema")),
    )


def _choice(value: object, param: str) -> ToolChoice:
    chosen = object_(value, param)
    mode = MODES[choice(required(chosen, "type", param), MODES, at(param, "type"))]
    named = mode is ToolMode.NAMED
    name = text(required(chosen, "name", param), at(param, "name")) if named else None
    single = optional(boolean, chosen, "disable_parallel_tool_use", param) or False
    return ToolChoice(mode, name, parallel=not single)
