"""The items of an input as native turns: messages, calls and results in the client's order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from claude_run.dialects.calls import MALFORMED, OpenCalls, arguments
from claude_run.dialects.content import media, texts
from claude_run.dialects.custom import arguments_of
from claude_run.dialects.reading import at, choice, elements, object_, optional, required, text
from claude_run.dialects.responses.forms import SEARCH, flat, found
from claude_run.dialects.responses.reasoning import unsealed
from claude_run.dialects.tools import function_name
from claude_run.turn import (
    AssistantTurn,
    JsonObject,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    UserTurn,
    alternate,
)

KINDS: Final = (
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "tool_search_call",
    "tool_search_output",
    "reasoning",
    "item_reference",
    "additional_tools",
)
ROLES: Final = ("user", "assistant", "system", "developer")


@dataclass(frozen=True, slots=True)
class Conversation:
    """`turns` as TurnRequest wants them. `system` holds what belongs to the system prompt,
    and `tools` what was added to the tools on the way, each after its path."""

    turns: tuple[Turn, ...]
    system: tuple[str, ...]
    tools: tuple[tuple[str, Any], ...]


def kind_of(item: JsonObject) -> object:
    """An item's type, which messages and references may leave out."""
    if item.get("type") is not None:
        return item["type"]
    return "item_reference" if item.keys() - {"type"} == {"id"} else "message"


def conversation(items: Iterable[tuple[str, JsonObject]]) -> Conversation:
    """What items amount to, each of which comes after its path. References are resolved before.

    Raises:
        TurnError: an item is malformed, or a call and its result do not meet.
    """
    transcript = _Transcript()
    for path, item in items:
        transcript.read(item, path)
    return transcript.conversation()


class _Transcript:
    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._system: list[str] = []
        self._tools: list[tuple[str, Any]] = []
        self._calls = OpenCalls()

    def read(self, item: JsonObject, param: str) -> None:
        match choice(kind_of(item), KINDS, at(param, "type")):
            case "message":
                self._message(item, param)
            case "function_call":
                self._call(item, param)
            case "custom_tool_call":
                self._custom_call(item, param)
            case "function_call_output" if item.get("call_id") is None:
                # A client's own doing, which nobody called for: Codex tells its goals so.
                self._turns.append(UserTurn(media(item.get("output"), at(param, "output"))))
            case "function_call_output" | "custom_tool_call_output":
                self._result(item, param)
            case "reasoning" if (thought := unsealed(item)) is not None:
                self._turns.append(AssistantTurn((thought,)))
            case "tool_search_call":
                given = object_(item.get("arguments") or {}, at(param, "arguments"))
                self._begin_call(item, SEARCH, given, param)
            case "tool_search_output":
                self._tools += elements(required(item, "tools", param), at(param, "tools"))
                told = found(item["tools"], at(param, "tools"))
                self._answer_call(item, (Text(told),), param)
            case "additional_tools":
                self._tools += elements(required(item, "tools", param), at(param, "tools"))

    def conversation(self) -> Conversation:
        self._calls.settle()
        said = [turn for turn in alternate(self._turns) if _says(turn)]
        if not said or isinstance(said[-1], AssistantTurn):
            said.append(UserTurn(()))
        turns = tuple(_results_first(turn) for turn in alternate(said))
        return Conversation(turns, tuple(self._system), tuple(self._tools))

    def _message(self, item: JsonObject, param: str) -> None:
        content, path = item.get("content"), at(param, "content")
        match choice(required(item, "role", param), ROLES, at(param, "role")):
            case "user":
                self._turns.append(UserTurn(media(content, path)))
            case "assistant":
                self._answer(_not_blank(texts(content, path)))
            case _:
                self._system += [part.text for part in _not_blank(texts(content, path))]

    def _answer(self, said: tuple[Text, ...]) -> None:
        """An earlier answer, or a part of one; one that says nothing is left out."""
        if said:
            self._begin_answer()
            self._turns.append(AssistantTurn(said))

    def _call(self, item: JsonObject, param: str) -> None:
        given = arguments(item.get("arguments"), at(param, "arguments"))
        # An answer that reached its limit may end inside a call, which nobody can have made.
        if not (MALFORMED in given and item.get("status") == "incomplete"):
            self._begin_call(item, _name(item, param), given, param)

    def _custom_call(self, item: JsonObject, param: str) -> None:
        if item.get("status") != "incomplete":
            given = arguments_of(item.get("input"), at(param, "input"))
            self._begin_call(item, _name(item, param), given, param)

    def _begin_call(self, item: JsonObject, name: str, given: JsonObject, param: str) -> None:
        call_id = text(required(item, "call_id", param), at(param, "call_id"))
        self._begin_answer()
        call = ToolCall(self._calls.open(call_id, param), name, given)
        self._turns.append(AssistantTurn((call,)))

    def _result(self, item: JsonObject, param: str) -> None:
        self._answer_call(item, media(item.get("output"), at(param, "output")), param)

    def _answer_call(self, item: JsonObject, content: tuple[Any, ...], param: str) -> None:
        path = at(param, "call_id")
        id_ = self._calls.answer(text(required(item, "call_id", param), path), path)
        self._turns.append(UserTurn((ToolResult(id_, content),)))

    def _begin_answer(self) -> None:
        """Results may come after a user's words, but not after the next answer has begun."""
        if self._turns and isinstance(self._turns[-1], UserTurn):
            self._calls.settle()


def _name(item: JsonObject, param: str) -> str:
    """The function that a call is of, by the name that Claude knows it by."""
    name = function_name(required(item, "name", param), at(param, "name"))
    return flat(name, optional(text, item, "namespace", param))


def _not_blank(parts: tuple[Text, ...]) -> tuple[Text, ...]:
    return tuple(part for part in parts if part.text.strip())


def _says(turn: Turn) -> bool:
    """Whether there is more in it than thinking."""
    return isinstance(turn, UserTurn) or any(isinstance(p, Text | ToolCall) for p in turn.parts)


def _results_first(turn: Turn) -> Turn:
    if isinstance(turn, AssistantTurn):
        return turn
    return UserTurn(tuple(sorted(turn.parts, key=lambda part: not isinstance(part, ToolResult))))
