"""What a conversation is made of: turns of the user's and the assistant's, and their parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeAlias

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image, either inline (`data`, base64, with its `media_type`) or by `url`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A PDF (`data` is base64), a plain text (`data` is the text itself), or a `url`. `context`
    is what there is to know about it."""

    media_type: Literal["application/pdf", "text/plain"] | None = None
    data: str | None = None
    url: str | None = None
    title: str | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What somebody's search has found: where it stands, and the passages."""

    source: str
    title: str
    passages: tuple[str, ...]


Media: TypeAlias = Text | Image | Document | SearchResult


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model made. `arguments` is parsed, so that two spellings of one JSON
    object are the same call."""

    id: str
    name: str
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class ToolResult:
    call_id: str
    content: tuple[Media, ...]
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the model thought before it went on. `signature` is upstream's own, by which it takes
    the thinking back; `text` is a summary of it and may be empty."""

    text: str
    signature: str


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """What the model thought, readable to upstream alone."""

    data: str


UserPart: TypeAlias = Media | ToolResult
AssistantPart: TypeAlias = Text | ToolCall | Thinking | RedactedThinking


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What stands between two assistant turns. Tool results come before anything else,
    as the Messages API wants them; an empty tuple is an empty message."""

    parts: tuple[UserPart, ...]


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """An earlier answer. Never empty nor thinking alone, and no text in it is blank. What it
    thought is no part of what it says: two turns that differ in that are one conversation's."""

    parts: tuple[AssistantPart, ...]


Turn: TypeAlias = UserTurn | AssistantTurn


def alternate(messages: Sequence[Turn]) -> tuple[Turn, ...]:
    """`messages` with neighbours of one role made one turn each."""
    return tuple(
        kind(tuple(part for message in neighbours for part in message.parts))
        for kind, neighbours in groupby(messages, key=type)
    )
