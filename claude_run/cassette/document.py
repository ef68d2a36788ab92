"""A neutral request as JSON: what it says, and nothing of how it was said.

Two requests make equal documents exactly if they say the same. Defaults are left out, call ids
are numbered in the order in which they appear, and what inline files hold stands by digest.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from typing_extensions import assert_never

from claude_run.turn import (
    AssistantTurn,
    Document,
    Image,
    JsonObject,
    Media,
    Sampling,
    SearchResult,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
    TurnRequest,
    UserTurn,
)

USER: Final = "user"
ASSISTANT: Final = "assistant"

_MEANINGLESS: Final = ToolChoice()
"""What every tool choice comes to where there are no tools."""


EXTENSIONS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """`document` says what a request asks; `blobs` holds by name what its inline files
    hold."""

    document: JsonObject
    blobs: Mapping[str, bytes] = field(default_factory=dict)


def asked(request: TurnRequest, model: str) -> Asked:
    """What `request` asks of `model`, as the name was resolved."""
    parts = _Parts()
    choice = request.tool_choice if request.tools else _MEANINGLESS
    document = {
        "model": model,
        "system": request.system,
        "turns": [parts.turn(turn) for turn in request.turns],
        "tools": [_tool(tool) for tool in request.tools],
        "tool_choice": _choice(choice),
        "sampling": _sampling(request.sampling),
        "thinking": request.thinking,
        "effort": None if request.effort is None else request.effort.value,
    }
    kept = {name: value for name, value in document.items() if not _is_default(value)}
    if request.output_schema is not None:  # an empty one asks for JSON as well
        kept["schema"] = _plain(request.output_schema)
    return Asked(kept, parts.blobs)


def blob_name(digest: str, media_type: str | None) -> str:
    return f"{digest}.{EXTENSIONS.get(media_type or '', 'bin')}"


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


class _Parts:
    """Turns on their way to JSON, with the ids and files that were met so far."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self._ids: dict[str, str] = {}

    def turn(self, turn: Turn) -> JsonObject:
        match turn:
            case UserTurn(parts):
                return {USER: [self._part(part) for part in parts]}
            case AssistantTurn(parts):
                # Some dialects keep the blocks of an answer apart, others its text and its calls.
                # Thinking comes back to whoever wrote it, and is another each time it is written.
                text = "".join(part.text for part in parts if isinstance(part, Text))
                calls = [self._part(part) for part in parts if isinstance(part, ToolCall)]
                return {ASSISTANT: [*([{"text": text}] if text else []), *calls]}
            case _:
                assert_never(turn)

    def _part(self, part: Media | ToolCall | ToolResult) -> JsonObject:
        match part:
            case Text(text):
                return {"text": text}
            case Image():
                return {"image": self._file(part)}
            case Document():
                return {"document": self._file(part)}
            case SearchResult(source, title, passages):
                told = {"source": source, "title": title, "content": list(passages)}
                return {"search_result": told}
            case ToolCall(id_, name, arguments):
                return {"call": self._number(id_), "name": name, "arguments": _plain(arguments)}
            case ToolResult(id_, content, is_error):
                result = {"result_of": self._number(id_), "content": [*map(self._part, content)]}
                return {**result, "is_error": True} if is_error else result
            case _:
                assert_never(part)

    def _number(self, id_: str) -> str:
        return self._ids.setdefault(id_, f"call-{len(self._ids) + 1}")

    def _file(self, part: Image | Document) -> JsonObject:
        told = {f.name: getattr(part, f.name) for f in fields(part)}
        if part.data is not None and part.media_type == "text/plain":
            told["text"] = told.pop("data")
        elif part.data is not None:
            told["data"] = self._digest(part.data, part.media_type)
        return {name: value for name, value in told.items() if value is not None}

    def _digest(self, data: str, media_type: str | None) -> str:
        content = _decoded(data)
        digest = digest_of(content)
        self.blobs[blob_name(digest, media_type)] = content
        return digest


def _decoded(data: str) -> bytes:
    """What base64 `data` stands for; what is no base64 stands for itself."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return data.encode()


def _tool(tool: ToolSpec) -> JsonObject:
    told = {"name": tool.name, "description": tool.description, "schema": _plain(tool.schema)}
    return {name: value for name, value in told.items() if value not in ("", {})}


def _choice(choice: ToolChoice) -> JsonObject:
    told: JsonObject = {} if choice.mode is _MEANINGLESS.mode else {"mode": choice.mode.value}
    if choice.name is not None:
        told["name"] = choice.name
    return told if choice.parallel else {**told, "parallel": False}


def _sampling(sampling: Sampling) -> JsonObject:
    told = {f.name: getattr(sampling, f.name) for f in fields(sampling)}
    told["stop"] = list(sampling.stop)
    return {name: _plain(value) for name, value in told.items() if not _is_default(value)}


def _is_default(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _plain(value: Any) -> Any:
    """JSON `value` with one spelling for each number."""
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def strings(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every string in JSON `value`, names of members as well, with the place where it stands."""
    match value:
        case str():
            yield place, value
        case dict():
            for name, inner in value.items():
                yield f"{place} (name)", name
                yield from strings(inner, f"{place}.{name}" if place else name)
        case list():
            for number, inner in enumerate(value):
                yield from strings(inner, f"{place}[{number}]")
        case _:
            pass
