"""A conversation as the CLI takes it: messages on its stdin, or a transcript to resume."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from claude_run.claude.numbers import as_text
from claude_run.claude.tools import ToolNames
from claude_run.turn import (
    AssistantTurn,
    Document,
    Image,
    JsonObject,
    RedactedThinking,
    SearchResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    UserPart,
    UserTurn,
)

Content = str | list[JsonObject]


def user_message(turn: UserTurn, uuid: str, *, asks: bool) -> JsonObject:
    """A user message for the CLI's stdin. One that does not ask is only remembered."""
    message: JsonObject = {
        "type": "user",
        "message": {"role": "user", "content": user_content(turn)},
        "parent_tool_use_id": None,
        "uuid": uuid,
    }
    return message if asks else {**message, "shouldQuery": False}


def assistant_message(turn: AssistantTurn, names: ToolNames, model: str | None) -> JsonObject:
    """An answer for the CLI's stdin, as if `model` had given it."""
    return {
        "type": "assistant",
        "message": _said(turn, names, model),
        "parent_tool_use_id": None,
    }


def _said(turn: AssistantTurn, names: ToolNames, model: str | None) -> JsonObject:
    """The CLI keeps thinking from a model that did not think it: where there is some, `model`
    must be the id of the one that is asked. Upstream looks at the signature itself."""
    message: JsonObject = {"role": "assistant", "content": assistant_content(turn, names)}
    return {**message, "model": model} if model is not None and thinks(turn) else message


def thinks(turn: Turn) -> bool:
    """Whether there is thinking in it that a client has kept."""
    return any(isinstance(part, Thinking | RedactedThinking) for part in turn.parts)


def user_content(turn: UserTurn) -> Content:
    return _content([part for part in turn.parts if not _is_blank(part)])


def assistant_content(turn: AssistantTurn, names: ToolNames) -> list[JsonObject]:
    blocks: list[JsonObject] = []
    for part in turn.parts:
        match part:
            case Text(text):
                blocks.append({"type": "text", "text": text})
            case Thinking(text, signature):
                blocks.append({"type": "thinking", "thinking": text, "signature": signature})
            case RedactedThinking(data):
                blocks.append({"type": "redacted_thinking", "data": data})
            case ToolCall(id_, name, arguments):
                blocks.append(
                    {
                        "type": "tool_use",
                        "id": id_,
                        "name": names.upstream(name),
                        "input": as_text(arguments),
                    }
                )
    return blocks


def _user_block(part: UserPart) -> JsonObject:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(url=str(url)):
            return {"type": "image", "source": {"type": "url", "url": url}}
        case Image(media_type, data):
            return {"type": "image", "source": _base64(media_type, data)}
        case Document():
            return _document(part)
        case SearchResult(source, title, passages):
            content = [{"type": "text", "text": passage} for passage in passages]
            return {"type": "search_result", "source": source, "title": title, "content": content}
        case ToolResult(call_id, result, is_error):
            block: JsonObject = {
                "type": "tool_result",
                "tool_use_id": call_id,
                "content": _content(result),
            }
            return {**block, "is_error": True} if is_error else block


def _content(parts: Sequence[UserPart]) -> Content:
    match parts:
        case [Text(text)]:
            return text
        case _:
            return [_user_block(part) for part in parts if not _is_blank(part)] or ""


def _is_blank(part: UserPart) -> bool:
    """The Messages API refuses blocks of white space only, and the CLI a whole prompt of it."""
    return isinstance(part, Text) and not part.text.strip()


def _document(document: Document) -> JsonObject:
    match document:
        case Document(url=str(url)):
            source: JsonObject = {"type": "url", "url": url}
        case Document(media_type="text/plain", data=data):
            source = {"type": "text", "media_type": "text/plain", "data": data}
        case Document(media_type, data):
            source = _base64(media_type, data)
    told = {"title": document.title, "context": document.context}
    known = {name: text for name, text in told.items() if text}
    return {"type": "document", "source": source, **known}


def _base64(media_type: str | None, data: str | None) -> JsonObject:
    return {"type": "base64", "media_type": media_type, "data": data}


@dataclass(frozen=True, slots=True)
class History:
    """What a new process begins with. `notes` are entries of the CLI's own, which stand in the
    conversation after turn `noted_after`; None is a conversation that was never live."""

    turns: tuple[Turn, ...] = ()
    noted_after: int | None = None
    notes: tuple[JsonObject, ...] = ()


_TRANSCRIPT_TIME: Final = "2026-01-01T00:00:00.000Z"


def transcript(
    history: History,
    names: ToolNames,
    model: str | None,
    session_id: str,
    new_uuid: Callable[[], str],
) -> tuple[str, tuple[str, ...]]:
    """A transcript of `history` that the CLI can resume, as if `model` had given its answers, and
    the uuids of its user messages."""
    lines: list[str] = []
    users: list[str] = []
    parent: str | None = None
    for entry in _entries(history, names, model):
        uuid = new_uuid()
        frame = {
            "parentUuid": parent,
            "uuid": uuid,
            "sessionId": session_id,
            "timestamp": _TRANSCRIPT_TIME,
            "isSidechain": False,
            "userType": "external",
        }
        lines.append(json.dumps({**frame, **entry}))
        parent = uuid
        if entry["type"] == "user":
            users.append(uuid)
    return "\n".join(lines) + "\n", tuple(users)


def _entries(history: History, names: ToolNames, model: str | None) -> Iterator[JsonObject]:
    for number, turn in enumerate(history.turns):
        yield _entry(number, turn, names, model)
        if number == history.noted_after:
            yield from history.notes


def _entry(number: int, turn: Turn, names: ToolNames, model: str | None) -> JsonObject:
    match turn:
        case UserTurn():
            message: JsonObject = {"role": "user", "content": user_content(turn)}
            return {"type": "user", "message": message}
        case AssistantTurn():
            said = _said(turn, names, model)
            return {
                "type": "assistant",
                "message": {"id": f"msg_{number}", "type": "message", **said},
            }
