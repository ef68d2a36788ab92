"""The items of an input as they are listed again: every one with an id, a type and a status."""

from collections.abc import Mapping, Sequence
from typing import Final

from claude_run.dialects.reading import choice, integer
from claude_run.dialects.responses.items import kind_of
from claude_run.turn import JsonObject, bad_request

PREFIXES: Final[Mapping[str, str]] = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "reasoning": "rs",
    "compaction": "cmp",
    "additional_tools": "at",
}
"""What the id of each kind of input item begins with."""

IMPLIED: Final[Mapping[str, JsonObject]] = {
    "output_text": {"annotations": [], "logprobs": []},
    "input_image": {"detail": "auto"},
}
"""What a content part of each type says where it says nothing else."""

ORDERS: Final = ("asc", "desc")
LONGEST_PAGE: Final = 100


def listed(item: JsonObject, number: str) -> JsonObject:
    """An input item in full. It keeps the id it came with, and else gets one with `number`."""
    kind = str(kind_of(item))
    return {
        **item,
        "id": item.get("id") or f"{PREFIXES[kind]}_{number}",
        "type": kind,
        "status": item.get("status") or "completed",
        **_filled(kind, item),
    }


def _filled(kind: str, item: JsonObject) -> JsonObject:
    """The fields of an item that may be written shorter, or not at all."""
    match kind:
        case "message":
            text_type = "output_text" if item["role"] == "assistant" else "input_text"
            return {"content": _parts(item.get("content"), text_type)}
        case "function_call":
            return {"arguments": item.get("arguments") or "{}"}
        case "function_call_output" | "custom_tool_call_output":
            output = item.get("output") or ""
            return {"output": output if isinstance(output, str) else _parts(output, "input_text")}
        case "reasoning":
            return {"summary": item.get("summary") or []}
        case _:
            return {}


def _parts(content: str | list[JsonObject] | None, text_type: str) -> list[JsonObject]:
    if isinstance(content, str):
        content = [{"type": text_type, "text": content}]
    return [{**IMPLIED.get(part["type"], {}), **part} for part in content or ()]


def page(
    items: Sequence[JsonObject], *, order: str = "desc", after: str | None = None, limit: int = 20
) -> JsonObject:
    """A part of a list of items: at most `limit` of them, beginning behind the one called `after`.

    Raises:
        TurnError: BAD_REQUEST, naming the query parameter at fault.
    """
    choice(order, ORDERS, "order")
    integer(limit, "limit", low=1, high=LONGEST_PAGE)
    ordered = [*items] if order == "asc" else [*reversed(items)]
    rest = ordered if after is None else ordered[_place(ordered, after) + 1 :]
    shown = rest[:limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else "",
        "last_id": shown[-1]["id"] if shown else "",
        "has_more": len(rest) > limit,
    }


def _place(items: Sequence[JsonObject], item_id: str) -> int:
    for place, item in enumerate(items):
        if item["id"] == item_id:
            return place
    raise bad_request(f"after: the list holds no item {item_id!r}.", "after")
