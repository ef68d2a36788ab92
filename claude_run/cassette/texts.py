"""How JSON is laid out on the disk: stable, and such that a person reads and compares it."""

import json
from typing import Any


def lines(text: str) -> str | list[str]:
    """`text` as JSON; one of several lines as a list of them."""
    return text.split("\n") if "\n" in text else text


def joined(told: str | list[str]) -> str:
    """The inverse of `lines`."""
    return told if isinstance(told, str) else "\n".join(told)


def laid_out(value: Any, indent: str = "") -> str:
    """JSON `value`, a member or element a line; what is small and flat stays on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if _is_small(value, flat):
        return flat
    inner = indent + " "
    match value:
        case dict():
            members = (
                f"{inner}{json.dumps(name, ensure_ascii=False)}: {laid_out(member, inner)}"
                for name, member in value.items()
            )
            return "{\n" + ",\n".join(members) + f"\n{indent}}}"
        case list():
            elements = (f"{inner}{laid_out(element, inner)}" for element in value)
            return "[\n" + ",\n".join(elements) + f"\n{indent}]"
        case _:
            return flat


def canonical(value: Any) -> bytes:
    """JSON `value` in the one spelling that is hashed."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


_WIDTH = 80
_LINES_FROM = 2


def _is_small(value: Any, flat: str) -> bool:
    match value:
        case dict():
            return len(flat) <= _WIDTH
        case list() if len(value) >= _LINES_FROM and all(isinstance(v, str) for v in value):
            return False  # the lines of a text
        case list():
            return len(flat) <= _WIDTH
        case _:
            return True
