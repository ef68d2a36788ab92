"""A chat's messages as native turns: roles, texts, calls and results in the client's order."""

from dataclasses import dataclass, replace

from claude_run.dialects.calls import OpenCalls, arguments
from claude_run.dialects.content import Media, media, texts
from claude_run.dialects.custom import arguments_of
from claude_run.dialects.reading import (
    array,
    at,
    choice,
    elements,
    few,
    object_,
    optional,
    required,
    text,
)
from claude_run.dialects.tools import TYPES, function_name
from claude_run.turn import (
    AssistantPart,
    AssistantTurn,
    JsonObject,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    UserTurn,
    alternate,
    bad_request,
)

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


@dataclass(frozen=True, slots=True)
class Conversation:
    """`turns` as TurnRequest wants them; `system` joins every system and developer text."""

    system: str
    turns: tuple[Turn, ...]


def conversation(messages: object) -> Conversation:
    """
    Raises:
        TurnError: a message is malformed, or a tool call and its result do not meet.
    """
    if not few(messages, "messages"):
        raise bad_request("messages must hold at least one message.", "messages")
    transcript = _Transcript()
    for path, message in elements(messages, "messages"):
        transcript.read(object_(message, path), path)
    return transcript.finished()


class _Transcript:
    def __init__(self) -> None:
        self._system: list[str] = []
        self._turns: list[Turn] = []
        self._calls = OpenCalls()
        self._function_calls = 0

    def read(self, message: JsonObject, param: str) -> None:
        role = choice(required(message, "role", param), ROLES, at(param, "role"))
        if role not in ("tool", "function"):
            self._calls.settle()
        match role:
            case "system" | "developer":
                parts = texts(message.get("content"), at(param, "content"))
                self._system += [part.text for part in parts if part.text.strip()]
            case "user":
                self._turns.append(_user(message, param))
            case "assistant":
                self._assistant(message, param)
            case _:
                self._turns.append(self._result(message, role, param))

    def finished(self) -> Conversation:
        self._calls.settle()
        if not self._turns or isinstance(self._turns[-1], AssistantTurn):
            self._turns.append(UserTurn(()))
        return Conversation("\n\n".join(self._system), alternate(self._turns))

    def _assistant(self, message: JsonObject, param: str) -> None:
        """An earlier answer; one without text and calls said nothing, and is left out."""
        said, calls = _said(message, param), self._called(message, param)
        parts: tuple[AssistantPart, ...] = (*said, *calls)
        if parts:
            self._turns.append(AssistantTurn(parts))

    def _called(self, message: JsonObject, param: str) -> list[ToolCall]:
        calls = optional(array, message, "tool_calls", param) or []
        found = [
            self._tool_call(object_(call, path), path)
            for path, call in elements(calls, at(param, "tool_calls"))
        ]
        function = optional(object_, message, "function_call", param)
        if function is not None:
            self._function_calls += 1
            path = at(param, "function_call")
            found.append(_call(self._calls.open(self._function_id(), path), function, path))
        return found

    def _tool_call(self, call: JsonObject, param: str) -> ToolCall:
        type_ = choice(call.get("type") or "function", TYPES, at(param, "type"))
        called = object_(required(call, type_, param), at(param, type_))
        path = at(param, "id")
        id_ = self._calls.open(text(required(call, "id", param), path), path)
        return _call(id_, called, at(param, type_), custom=type_ == "custom")

    def _result(self, message: JsonObject, role: str, param: str) -> UserTurn:
        if role == "function":
            id_ = self._calls.answer(self._function_id(), at(param, "role"))
        else:
            path = at(param, "tool_call_id")
            id_ = self._calls.answer(text(required(message, "tool_call_id", param), path), path)
        content = media(message.get("content"), at(param, "content"))
        return UserTurn((ToolResult(id_, content),))

    def _function_id(self) -> str:
        """The old form has no ids: a result belongs to the latest call."""
        return f"call_fn_{self._function_calls}"


def _user(message: JsonObject, param: str) -> UserTurn:
    parts = media(message.get("content"), at(param, "content"))
    name = optional(text, message, "name", param)
    if name and not name.isprintable():  # a line of its own would look like somebody else's turn
        path = at(param, "name")
        raise bad_request(f"{path} must not hold line breaks or control characters.", path)
    return UserTurn(_spoken_by(name, parts) if name else parts)


def _spoken_by(name: str, parts: tuple[Media, ...]) -> tuple[Media, ...]:
    """`parts` with the name before the first text: Claude's user turns have no names."""
    for place, part in enumerate(parts):
        if isinstance(part, Text):
            named = replace(part, text=f"{name}: {part.text}")
            return (*parts[:place], named, *parts[place + 1 :])
    return parts


def _said(message: JsonObject, param: str) -> tuple[Text, ...]:
    parts = texts(message.get("content"), at(param, "content"))
    said = tuple(part for part in parts if part.text.strip())
    refusal = message.get("refusal")
    if not said and isinstance(refusal, str) and refusal.strip():
        return (Text(refusal),)
    return said


def _call(id_: str, called: JsonObject, param: str, *, custom: bool = False) -> ToolCall:
    name = function_name(required(called, "name", param), at(param, "name"))
    if custom:
        return ToolCall(id_, name, arguments_of(called.get("input"), at(param, "input")))
    return ToolCall(id_, name, arguments(called.get("arguments"), at(param, "arguments")))
