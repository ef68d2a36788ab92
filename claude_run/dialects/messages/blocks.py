"""A conversation's messages as native turns: content blocks in the client's order."""

import base64
import binascii
from dataclasses import dataclass, replace
from typing import Final

from claude_run.dialects import pictures
from claude_run.dialects.calls import OpenCalls
from claude_run.dialects.reading import (
    at,
    boolean,
    choice,
    elements,
    few,
    object_,
    optional,
    required,
    text,
)
from claude_run.dialects.tools import function_name
from claude_run.turn import (
    AssistantPart,
    AssistantTurn,
    Document,
    Image,
    JsonObject,
    Media,
    RedactedThinking,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UserPart,
    UserTurn,
    alternate,
    bad_request,
)

MEDIA: Final = ("text", "image", "document", "search_result")
ROLES: Final = ("user", "assistant", "system")
SAID: Final = ("text", "tool_use", "thinking", "redacted_thinking")
SOURCES: Final = ("base64", "url", "text", "content")


def system_text(value: object, param: str) -> str:
    """A system prompt: a text, or text blocks."""
    if isinstance(value, str):
        return value
    blocks = ((path, object_(block, path)) for path, block in elements(value, param))
    return "\n\n".join(_text(block, path).text for path, block in blocks)


@dataclass(frozen=True, slots=True)
class Conversation:
    """`system` are the texts of the system's messages among those of the others."""

    system: tuple[str, ...]
    turns: tuple[Turn, ...]


def conversation(messages: object) -> Conversation:
    """
    Raises:
        TurnError: a message is malformed, the last one is the assistant's, or a tool call and
            its result do not meet.
    """
    if not few(messages, "messages"):
        raise bad_request("messages: at least one message is required", "messages")
    transcript = _Transcript()
    for path, message in elements(messages, "messages"):
        transcript.read(object_(message, path), path)
    return transcript.finished()


class _Transcript:
    def __init__(self) -> None:
        self._system: list[str] = []
        self._turns: list[Turn] = []
        self._calls = OpenCalls()

    def read(self, message: JsonObject, param: str) -> None:
        role = choice(required(message, "role", param), ROLES, at(param, "role"))
        path = at(param, "content")
        blocks = list(_blocks(required(message, "content", param), path))
        match role:
            case "user":
                self._user(blocks)
            case "system":
                self._system += [_text(block, path).text for path, block in blocks]
            case _:
                self._calls.settle()
                self._assistant(blocks)

    def finished(self) -> Conversation:
        self._calls.settle()
        if not self._turns or isinstance(self._turns[-1], AssistantTurn):
            raise bad_request(
                "This model does not support assistant message prefill. The conversation must "
                "end with a user message.",
                "messages",
            )
        return Conversation(tuple(filter(str.strip, self._system)), alternate(self._turns))

    def _user(self, blocks: list[tuple[str, JsonObject]]) -> None:
        """Results come first, as the Messages API wants them."""
        parts = [self._user_part(block, path) for path, block in blocks]
        results = [part for part in parts if isinstance(part, ToolResult)]
        others = [part for part in parts if not isinstance(part, ToolResult) and part != Text("")]
        self._turns.append(UserTurn((*results, *others)))

    def _user_part(self, block: JsonObject, param: str) -> UserPart:
        if block.get("type") == "tool_result":
            return self._result(block, param)
        return _media(block, param, (*MEDIA, "tool_result"))

    def _result(self, block: JsonObject, param: str) -> ToolResult:
        path = at(param, "tool_use_id")
        id_ = self._calls.answer(text(required(block, "tool_use_id", param), path), path)
        content = block.get("content")
        parts = () if content is None else _blocks(content, at(param, "content"))
        found = tuple(_media(part, where, MEDIA) for where, part in parts)
        is_error = optional(boolean, block, "is_error", param) or False
        return ToolResult(id_, tuple(part for part in found if part != Text("")), is_error)

    def _assistant(self, blocks: list[tuple[str, JsonObject]]) -> None:
        parts: list[AssistantPart] = []
        for path, block in blocks:
            match choice(required(block, "type", path), SAID, at(path, "type")):
                case "text":
                    said = _text(block, path)
                    parts += [said] if said.text.strip() else []
                case "tool_use":
                    parts.append(self._call(block, path))
                case "thinking":
                    parts += _thinking(block, path)
                case _:
                    data = text(required(block, "data", path), at(path, "data"))
                    parts.append(RedactedThinking(data))
        if any(isinstance(part, Text | ToolCall) for part in parts):
            self._turns.append(AssistantTurn(tuple(parts)))

    def _call(self, block: JsonObject, param: str) -> ToolCall:
        name = function_name(required(block, "name", param), at(param, "name"))
        given = object_(block.get("input") or {}, at(param, "input"))
        path = at(param, "id")
        return ToolCall(
            self._calls.open(text(required(block, "id", param), path), path), name, given
        )


def _thinking(block: JsonObject, param: str) -> tuple[Thinking, ...]:
    """What nobody has signed, upstream does not take back."""
    thought = optional(text, block, "thinking", param) or ""
    signature = optional(text, block, "signature", param)
    return (Thinking(thought, signature),) if signature else ()


def _blocks(content: object, param: str) -> list[tuple[str, JsonObject]]:
    if isinstance(content, str):
        return [(param, {"type": "text", "text": content})]
    return [(path, object_(block, path)) for path, block in elements(content, param)]


def _media(block: JsonObject, param: str, kinds: tuple[str, ...]) -> Media:
    match choice(required(block, "type", param), kinds, at(param, "type")):
        case "image":
            return _image(block, param)
        case "document":
            return _document(block, param)
        case "search_result":
            return _search_result(block, param)
        case _:
            return _text(block, param)


def _text(block: JsonObject, param: str) -> Text:
    choice(required(block, "type", param), ("text",), at(param, "type"))
    return Text(text(block.get("text"), at(param, "text")))


def _image(block: JsonObject, param: str) -> Image:
    source, path, kind = _source(block, param)
    if kind == "url":
        return Image(url=_url(source, path))
    if kind != "base64":
        raise bad_request(f"{path}.type must be 'base64' or 'url'.", at(path, "type"))
    choice(required(source, "media_type", path), pictures.TYPES, at(path, "media_type"))
    data = _base64(source, path)
    return Image(pictures.media_type(data, at(path, "data")), base64.b64encode(data).decode())


def _document(block: JsonObject, param: str) -> Document:
    title = optional(text, block, "title", param) or None
    context = optional(text, block, "context", param) or None
    return replace(_source_document(block, param), title=title, context=context)


def _source_document(block: JsonObject, param: str) -> Document:
    source, path, kind = _source(block, param)
    match kind:
        case "url":
            return Document(url=_url(source, path))
        case "text":
            data = text(required(source, "data", path), at(path, "data"))
            return Document("text/plain", data)
        case "base64":
            data = base64.b64encode(_base64(source, path)).decode()
            return Document("application/pdf", data)
        case _:
            inner = _blocks(required(source, "content", path), at(path, "content"))
            joined = "\n\n".join(_text(part, where).text for where, part in inner)
            return Document("text/plain", joined)


def _search_result(block: JsonObject, param: str) -> SearchResult:
    passages = elements(required(block, "content", param), at(param, "content"))
    return SearchResult(
        text(required(block, "source", param), at(param, "source")),
        text(required(block, "title", param), at(param, "title")),
        tuple(_text(object_(passage, path), path).text for path, passage in passages),
    )


def _source(block: JsonObject, param: str) -> tuple[JsonObject, str, str]:
    path = at(param, "source")
    source = object_(required(block, "source", param), path)
    kind = required(source, "type", path)
    if kind == "file":
        message = f"There is no file store behind {path}: send the data instead."
        raise bad_request(message, at(path, "type"))
    return source, path, choice(kind, SOURCES, at(path, "type"))


def _url(source: JsonObject, param: str) -> str:
    url = text(required(source, "url", param), at(param, "url"))
    if not url.lower().startswith(("http://", "https://")):
        raise bad_request(f"{param}.url must be an http(s) URL.", at(param, "url"))
    return url


def _base64(source: JsonObject, param: str) -> bytes:
    path = at(param, "data")
    data = text(required(source, "data", param), path)
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(f"{path} does not hold valid base64.", path) from None
