"""A chat completions body, understood or refused."""

from collections.abc import Iterator
from typing import Any, Final

from claude_run.dialects import steering
from claude_run.dialects.chat.call import ChatCall
from claude_run.dialects.chat.fields import CHAT_FIELDS
from claude_run.dialects.chat.messages import conversation
from claude_run.dialects.custom import as_function
from claude_run.dialects.fields import sift
from claude_run.dialects.reading import (
    at,
    boolean,
    choice,
    elements,
    integer,
    model_name,
    object_,
    optional,
    required,
)
from claude_run.dialects.sampling import sampling
from claude_run.dialects.tools import TYPES, called, choose, function_name, functions
from claude_run.turn import (
    JsonObject,
    Sampling,
    ToolChoice,
    ToolMode,
    ToolSpec,
    Turn,
    TurnRequest,
    bad_request,
)

MOST_CHOICES: Final = 128


def parse_chat(body: object, *, strict: bool) -> ChatCall:
    """What a request body asks. `strict` refuses what would be done otherwise than asked.

    Raises:
        TurnError: BAD_REQUEST, naming the field at fault in `param`.
    """
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.", None)
    asked, notices = sift(body, CHAT_FIELDS, strict=strict)
    steered, clamped = sampling(asked, "max_completion_tokens", "max_tokens", strict=strict)
    stream = optional(boolean, asked, "stream") or False
    return ChatCall(
        request=_turn_request(asked, steered),
        n=optional(integer, asked, "n", low=1, high=MOST_CHOICES) or 1,
        stream=stream,
        include_usage=stream and _include_usage(asked),
        legacy_functions=bool(asked.get("functions")),
        custom=_custom(asked),
        notices=notices + clamped,
    )


def _turn_request(asked: JsonObject, steered: Sampling) -> TurnRequest:
    model = model_name(asked)
    talk = conversation(required(asked, "messages"))
    tools, tool_choice = _tools(asked, talk.turns)
    thinking, effort = optional(steering.effort, asked, "reasoning_effort") or (False, None)
    return TurnRequest(
        model=model,
        turns=talk.turns,
        system=talk.system,
        tools=tools,
        tool_choice=tool_choice,
        output_schema=optional(steering.output_schema, asked, "response_format"),
        sampling=steered,
        thinking=thinking,
        effort=effort,
    )


def _include_usage(asked: JsonObject) -> bool:
    options = optional(object_, asked, "stream_options") or {}
    return optional(boolean, options, "include_usage", "stream_options") or False


def _tools(asked: JsonObject, turns: tuple[Turn, ...]) -> tuple[tuple[ToolSpec, ...], ToolChoice]:
    _not_both(asked, "tools", "functions")
    _not_both(asked, "tool_choice", "function_call")
    choice_field = "function_call" if "function_call" in asked else "tool_choice"
    parallel = optional(boolean, asked, "parallel_tool_calls") is not False
    tools, tool_choice = choose(
        _modern(asked.get(choice_field)),
        functions((*_tool_functions(asked), *_legacy_functions(asked))),
        parallel=parallel and not asked.get("functions"),
        param=choice_field,
    )
    if tools:
        return tools, tool_choice
    # The Messages API wants tools declared wherever a conversation holds calls.
    history = called(turns)
    return history, ToolChoice(ToolMode.NONE) if history else ToolChoice()


def _not_both(asked: JsonObject, new: str, old: str) -> None:
    if asked.get(new) and asked.get(old):
        raise bad_request(f"{old} is the old form of {new}: send only one of them.", old)


def _tool_functions(asked: JsonObject) -> Iterator[tuple[str, Any]]:
    for path, tool in elements(asked.get("tools", []), "tools"):
        type_ = choice(object_(tool, path).get("type"), TYPES, at(path, "type"))
        described, where = required(tool, type_, path), at(path, type_)
        yield where, _as_function(described, where) if type_ == "custom" else described


def _as_function(tool: object, param: str) -> JsonObject:
    read = object_(tool, param)
    return as_function(read, function_name(required(read, "name", param), at(param, "name")), param)


def _custom(asked: JsonObject) -> frozenset[str]:
    """The names of the custom tools, all of which have been read."""
    tools = asked.get("tools", [])
    return frozenset(tool["custom"]["name"] for tool in tools if tool["type"] == "custom")


def _legacy_functions(asked: JsonObject) -> Iterator[tuple[str, Any]]:
    return elements(asked.get("functions", []), "functions")


def _modern(chosen: object) -> object:
    """`{"name"}`, as `function_call` has it, in the form of `tool_choice`."""
    if isinstance(chosen, dict) and "name" in chosen:
        return {"type": "function", **chosen}
    return chosen
