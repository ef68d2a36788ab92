"""The conversations of a run that was logged, packed into one block that a call's row opens."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from claude_run.turn import JsonObject

MOST_CHARACTERS: Final = 20_000_000
"""Of all conversations together."""

MOST_TEXT: Final = 20_000
"""Characters of one message."""

Message: TypeAlias = tuple[str, str]
"""Who, and what they said."""


@dataclass(frozen=True, slots=True)
class Packed:
    """`block` is gzip in base64: by the name of its call, each conversation's messages, its answer,
    and how many messages an earlier call had as well. `cut` had no room any more."""

    block: str
    cut: int


def packed(entries: Iterable[JsonObject]) -> Packed | None:
    """The conversations in a log's entries; None where there are none."""
    kept: dict[str, JsonObject] = {}
    seen: set[int] = set()
    room, cut = MOST_CHARACTERS, 0
    for name, call in _calls(entries):
        messages, answer = list(_messages(call["sent"])), list(_answer(call))
        same = _same(messages, seen)
        seen |= {_digest(messages), _digest([*messages, *answer])}
        room -= sum(len(text) for _, text in [*messages, *answer])
        if room < 0:
            cut += 1
        else:
            kept[name] = {"messages": messages, "answer": answer, "same": same}
    if not kept:
        return None
    text = json.dumps(kept, separators=(",", ":")).encode()
    return Packed(base64.b64encode(gzip.compress(text, 6, mtime=0)).decode(), cut)


def _calls(entries: Iterable[JsonObject]) -> Iterator[tuple[str, JsonObject]]:
    """Each call that was sent, under its name in the page's table."""
    for entry in entries:
        sent = (call for call in entry["calls"] if "sent" in call)
        for choice, call in enumerate(sent):
            name = str(entry["request_id"])
            yield f"{name}.{choice}" if choice else name, call


def _messages(sent: JsonObject) -> Iterator[Message]:
    if sent["system"]:
        yield "system", _cut(sent["system"])
    for turn in sent["turns"]:
        who = turn["type"].removesuffix("Turn").lower()
        yield who, _cut("\n\n".join(_part(part) for part in turn["parts"]))


def _answer(call: JsonObject) -> Iterator[Message]:
    for event in call["events"]:
        match event["type"]:
            case "TextDelta" | "RefusalDelta":
                yield "assistant", _cut(event["text"])
            case "ThinkingDelta":
                yield "thinking", _cut(event["text"])
            case "ToolCallStarted":
                yield "tool call", event["name"]
            case "ToolCallDelta":
                yield "arguments", _cut(event["fragment"])
            case _:
                pass
    if (error := call.get("error")) is not None:
        yield "error", _cut(error["message"])


def _part(part: JsonObject) -> str:
    told = {name: value for name, value in part.items() if value not in (None, [], "")}
    return str(part["text"]) if part.get("text") else json.dumps(told, ensure_ascii=False)


def _same(messages: list[Message], seen: set[int]) -> int:
    """How many messages at the beginning are those of an earlier call, with its answer or not."""
    digest, most = hash(()), 0
    for count, message in enumerate(messages, 1):
        digest = hash((digest, message))
        if digest in seen:
            most = count
    return most


def _digest(messages: list[Message]) -> int:
    digest = hash(())
    for message in messages:
        digest = hash((digest, message))
    return digest


def _cut(text: str) -> str:
    more = len(text) - MOST_TEXT
    return text if more <= 0 else f"{text[:MOST_TEXT]}... ({more} more characters)"
