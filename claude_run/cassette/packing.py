"""A document as its file holds it: what is long and stands in many is put beside it, once.

Where a text stands, the file has a string, a list of its lines, or references. The turns before
the last are a chain of references: two conversations with one beginning share it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from claude_run.cassette.document import blob_name, digest_of
from claude_run.cassette.texts import joined, laid_out, lines
from claude_run.turn import JsonObject

ORDER: Final = (
    "model", "system", "tools", "tool_choice", "schema", "sampling", "thinking", "effort", "turns",
)  # fmt: skip
"""A file's members, in the order in which a reader wants them."""

LONG: Final = 200
"""Characters. A system prompt, tools, a schema or a text of an earlier turn that has so many is
put beside."""

_LONG_TEXT: Final = 2000
_CHUNK: Final = 1000
"""Characters. Of a text in a turn that is longer, the beginning is put beside in chunks of
whole paragraphs; its end, which is usually what differs, stays to be read."""

Fetch = Callable[[str], bytes]
"""What stands beside a recording under a name."""


@dataclass(slots=True)
class Packed:
    """`document` is what the file holds, `beside` by name what stands beside it."""

    document: JsonObject
    beside: dict[str, bytes] = field(default_factory=dict)


def packed(document: JsonObject, blobs: Mapping[str, bytes]) -> Packed:
    made = Packed({}, dict(blobs))
    for name in ORDER:
        if name in document:
            made.document[name] = _packed(name, document[name], made.beside)
    return made


def unpacked(document: JsonObject, fetch: Fetch) -> JsonObject:
    """The inverse of `packed`. Raises KeyError, TypeError or ValueError on what is none."""
    return {name: _unpacked(name, value, fetch) for name, value in document.items()}


def references(document: JsonObject, fetch: Fetch) -> set[str]:
    """The names of everything that stands beside packed `document`."""
    seen: set[str] = set()

    def noting(name: str) -> bytes:
        seen.add(name)
        return fetch(name)

    for turn in unpacked(document, noting)["turns"]:
        for parts in turn.values():
            seen.update(_blob_names(parts))
    return seen


def _packed(name: str, value: Any, beside: dict[str, bytes]) -> Any:
    match name:
        case "system":
            return _packed_whole(value, beside)
        case "tools" | "schema":
            text = laid_out(value)
            is_apart = len(text) >= LONG or "beside" in value  # else it would be taken for one
            return _reference(text.encode(), "json", beside) if is_apart else value
        case "turns":
            return _packed_turns(value, beside)
        case _:
            return value


def _unpacked(name: str, value: Any, fetch: Fetch) -> Any:
    match name, value:
        case "system", _:
            return _text(value, fetch)
        case (("tools" | "schema"), {"beside": str(place)}) if len(value) == 1:
            return json_of(fetch(place))
        case "turns", _:
            return _unpacked_turns(value, fetch)
        case _:
            return value


def json_of(content: bytes) -> Any:
    return json.loads(content)


def _packed_turns(turns: list[JsonObject], beside: dict[str, bytes]) -> list[JsonObject]:
    before: list[JsonObject] = []
    for turn in turns[:-1]:
        node = [*before, _over_texts(turn, lambda text: _packed_whole(text, beside))]
        before = [_reference(laid_out(node).encode(), "json", beside)]
    last = [_over_texts(turn, lambda text: _packed_text(text, beside)) for turn in turns[-1:]]
    return [*before, *last]


def _unpacked_turns(told: list[JsonObject], fetch: Fetch) -> list[JsonObject]:
    turns: list[JsonObject] = []
    waiting = told
    while waiting:  # a loop: a long conversation is a long chain
        *first, last = waiting
        if "beside" in last:
            waiting = json_of(fetch(last["beside"]))
            continue
        turns.append(_over_texts(last, lambda text: _text(text, fetch)))
        waiting = first
    return turns[::-1]


def _over_texts(turn: JsonObject, change: Callable[[Any], Any]) -> JsonObject:
    return {role: [_over(part, change) for part in parts] for role, parts in turn.items()}


def _over(part: JsonObject, change: Callable[[Any], Any]) -> JsonObject:
    match part:
        case {"result_of": _, "content": content}:
            return {**part, "content": [_over(inner, change) for inner in content]}
        case {"document": {"text": text} as document}:
            return {"document": {**document, "text": change(text)}}
        case {"text": text}:
            return {"text": change(text)}
        case _:
            return part


def _packed_whole(text: str, beside: dict[str, bytes]) -> Any:
    return _reference(text.encode(), "txt", beside) if len(text) >= LONG else lines(text)


def _packed_text(text: str, beside: dict[str, bytes]) -> Any:
    if len(text) < _LONG_TEXT:
        return lines(text)
    *chunks, rest = _chunks(text)
    told: list[Any] = []
    for chunk in chunks:
        told += [_reference(chunk.encode(), "txt", beside), ""]
    return [*told, *rest.split("\n")]


def _chunks(text: str) -> list[str]:
    """`text` between some of its blank lines; what follows the last of them is the end."""
    chunks: list[str] = []
    waiting: list[str] = []
    paragraphs = text.split("\n\n")
    for paragraph in paragraphs[:-1]:
        waiting.append(paragraph)
        if sum(map(len, waiting)) >= _CHUNK:
            chunks.append("\n\n".join(waiting))
            waiting = []
    return [*chunks, "\n\n".join([*waiting, paragraphs[-1]])]


def _text(told: Any, fetch: Fetch) -> str:
    match told:
        case {"beside": str(name)}:
            return fetch(name).decode()
        case list():
            return "\n".join(_text(line, fetch) for line in told)
        case _:
            return joined(told)


def _reference(content: bytes, kind: str, beside: dict[str, bytes]) -> JsonObject:
    name = f"{digest_of(content)}.{kind}"
    beside[name] = content
    return {"beside": name}


def _blob_names(parts: list[JsonObject]) -> set[str]:
    names = set()
    for part in parts:
        for file in (part.get("image"), part.get("document")):
            if file and "data" in file:
                names.add(blob_name(file["data"], file.get("media_type")))
        names |= _blob_names(part.get("content", []))
    return names
