"""A document as its file holds it: what is long and stands in many is put beside it, once.

Where a text stands, the file has a string, or a list of its lines. In place of lines there may be
a reference to what stands beside, and in place of one line its pieces. The turns before the last
are a chain of references: two conversations with one beginning share it.
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

_LONG_QUESTION: Final = 400
"""Characters. A text of the last turn that has so many is put beside as well, as the same question
is asked of many a prompt. How it begins is the file's name, and how it ends stays to be read."""

_LONG_TEXT: Final = 2000
_CHUNK: Final = 1000
"""Characters. What is put beside of a text that is longer, or of a line, are chunks of it, of whole
paragraphs where there are some."""

_EXCERPT: Final = 40
_PIECES: Final = "pieces"

Fetch = Callable[[str], bytes]
"""What stands beside a recording under a name."""


_MOST: Final = 256 * 1024 * 1024
"""Bytes that a document may unfold to: ten references to ten, ten levels deep, fill any memory."""
_FETCHED: Final = 4000  # and what a reference costs beside them


@dataclass(slots=True)
class _Bounded:
    of: Fetch
    left: int = _MOST

    def fetch(self, name: str) -> bytes:
        content = self.of(name)
        self.left -= len(content) + _FETCHED
        if self.left < 0:
            raise ValueError(f"it unfolds to more than {_MOST} bytes")
        return content


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
    bounded = _Bounded(fetch).fetch
    return {name: _unpacked(name, value, bounded) for name, value in document.items()}


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
    last = [_over_texts(turn, lambda text: _packed_question(text, beside)) for turn in turns[-1:]]
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
        case {"search_result": {"content": passages} as found}:
            return {"search_result": {**found, "content": [*map(change, passages)]}}
        case {"text": text}:
            return {"text": change(text)}
        case _:
            return part


def _packed_whole(text: str, beside: dict[str, bytes]) -> Any:
    if len(text) < LONG:
        return lines(text)
    if len(text) < _LONG_TEXT:
        return _reference(text.encode(), "txt", beside)
    return _reference(laid_out(_chunked(text, beside)).encode(), "json", beside)


def _packed_question(text: str, beside: dict[str, bytes]) -> Any:
    if len(text) < _LONG_QUESTION:
        return lines(text)
    return {**_packed_whole(text, beside), "ends": " ".join(text[-_EXCERPT:].split())}


def _chunked(text: str, beside: dict[str, bytes]) -> list[Any]:
    """The lines of `text`, most of them in chunks. Where these end is decided from the beginning:
    two texts that begin alike have the same ones."""
    told: list[Any] = []
    waiting: list[str] = []
    size = 0
    *before, last = text.split("\n")
    for line in before:
        if len(line) >= _LONG_TEXT:
            told += [*waiting, _line(line, beside)]
            waiting, size = [], 0
            continue
        waiting.append(line)
        size += len(line) + 1
        if size >= 2 * _CHUNK or (size >= _CHUNK and not line):
            told.append(_reference("\n".join(waiting).encode(), "txt", beside))
            waiting, size = [], 0
    return [*told, *waiting, _line(last, beside)]


def _line(line: str, beside: dict[str, bytes]) -> Any:
    if len(line) < _LONG_TEXT:
        return line
    end = len(line) - _CHUNK
    starts = range(0, end, _CHUNK)
    pieces = [_reference(line[at : at + _CHUNK].encode(), "txt", beside) for at in starts]
    return {_PIECES: [*pieces, line[starts[-1] + _CHUNK :]]}


def _text(told: Any, fetch: Fetch) -> str:
    match told:
        case {"beside": str(name)}:
            content = fetch(name)
            return _text(json_of(content), fetch) if name.endswith(".json") else content.decode()
        case {"pieces": [*pieces]}:
            return "".join(_text(piece, fetch) for piece in pieces)
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
