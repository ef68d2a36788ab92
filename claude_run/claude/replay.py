"""A conversation as the CLI takes it: messages on its stdin, or a transcript to resume."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from claude_run.claude.tools import ToolNames
from claude_run.turn import (
    AssistantTurn,
    Document,
    Image,
    JsonObject,
    Text,
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


def assistant_message(turn: AssistantTurn, names: ToolNames) -> JsonObject:
    return {
        "type": "assistant",
        "message": {"role": "assistant", "content": assistant_content(turn, names)},
        "parent_tool_use_id": None,
    }


def user_content(turn: UserTurn) -> Content:
    match turn.parts:
        case ():
            return ""
        case (Text(text),):
            return text
        case parts:
            return [_user_block(part) for part in parts]


def assistant_content(turn: AssistantTurn, names: ToolNames) -> list[JsonObject]:
    blocks: list[JsonObject] = []
    for part in turn.parts:
        match part:
            case Text(text):
                blocks.append({"type": "text", "text": text})
            case ToolCall(id_, name, arguments):
                blocks.append(
                    {
                        "type": "tool_use",
                        "id": id_,
                        "name": names.upstream(name),
                        "input": arguments,
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
        case ToolResult(call_id, content, is_error):
            block: JsonObject = {
                "type": "tool_result",
                "tool_use_id": call_id,
                "content": _result_content(content),
            }
            return {**block, "is_error": True} if is_error else block


def _result_content(content: Sequence[Text | Image | Document]) -> Content:
    match content:
        case ():
            return ""
        case (Text(text),):
            return text
        case _:
            return [_user_block(part) for part in content]


def _document(document: Document) -> JsonObject:
    match document:
        case Document(url=str(url)):
            source: JsonObject = {"type": "url", "url": url}
        case Document(media_type="text/plain", data=data):
            source = {"type": "text", "media_type": "text/plain", "data": data}
        case Document(media_type, data):
            source = _base64(media_type, data)
    block: JsonObject = {"type": "document", "source": source}
    return {**block, "title": document.title} if document.title else block


def _base64(media_type: str | None, data: str | None) -> JsonObject:
    return {"type": "base64", "media_type": media_type, "data": data}


_TRANSCRIPT_TIME: Final = "2026-01-01T00:00:00.000Z"


def transcript(
    turns: Sequence[Turn], names: ToolNames, session_id: str, new_uuid: Callable[[], str]
) -> tuple[str, tuple[str, ...]]:
    """A transcript of `turns` that the CLI can resume, and the uuids of its user messages."""
    lines: list[str] = []
    users: list[str] = []
    parent: str | None = None
    for number, turn in enumerate(turns):
        uuid = new_uuid()
        entry: dict[str, Any] = {
            "parentUuid": parent,
            "uuid": uuid,
            "sessionId": session_id,
            "timestamp": _TRANSCRIPT_TIME,
            "isSidechain": False,
            "userType": "external",
        }
        match turn:
            case UserTurn():
                users.append(uuid)
                message: JsonObject = {"role": "user", "content": user_content(turn)}
                entry |= {"type": "user", "message": message}
            case AssistantTurn():
                message = {
                    "id": f"msg_{number}",
                    "type": "message",
                    "role": "assistant",
                    "content": assistant_content(turn, names),
                }
                entry |= {"type": "assistant", "message": message}
        lines.append(json.dumps(entry))
        parent = uuid
    return "\n".join(lines) + "\n", tuple(users)
