"""Fields of blocks and tools that change nothing: each is noticed once, wherever it stands."""

from collections.abc import Iterator
from typing import Any, Final

from claude_run.dialects.fields import Treatment, ignored
from claude_run.dialects.messages.fields import MESSAGES_FIELDS
from claude_run.turn import JsonObject, Notice

MARK: Final = "cache_control"
"""It may stand everywhere, also in the body itself."""


def inner_notices(body: JsonObject, *, strict: bool) -> tuple[Notice, ...]:
    """For a request that was read before. Raises TurnError where `strict` makes it a refusal."""
    told = {MARK} if body.get(MARK) is not None else set()
    found = dict.fromkeys(name for name in _ignored(body) if name not in told)
    return tuple(ignored(MESSAGES_FIELDS[name], strict=strict) for name in found)


def _ignored(body: JsonObject) -> Iterator[str]:
    for owner, members in _owners(body):
        for member, value in members.items():
            name = member if member == MARK else f"{owner}.{member}"
            row = MESSAGES_FIELDS.get(name)
            if row is None or row.treatment is not Treatment.IGNORED:
                continue
            if value is not None and value not in row.harmless:
                yield name


def _owners(body: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Every tool and block, each after what it is called in the table."""
    for tool in body.get("tools") or ():
        yield "tools", tool
    yield from _blocks(body.get("system"))
    for message in body["messages"]:
        yield from _blocks(message["content"])


def _blocks(content: Any) -> Iterator[tuple[str, JsonObject]]:
    for block in content if isinstance(content, list) else ():
        yield block["type"], block
        if block["type"] == "tool_result":
            yield from _blocks(block.get("content"))
