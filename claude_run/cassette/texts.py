"""How JSON is laid out on the disk: stable, and such that a person reads and compares it."""

import json
from typing import Any, Final


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
        case dict() if len(value) == 1:
            [(name, member)] = value.items()
            return f"{{{json.dumps(name, ensure_ascii=False)}: {laid_out(member, indent)}}}"
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


_WIDTH: Final = 140


def _is_small(value: Any, flat: str) -> bool:
    return not isinstance(value, dict | list) or (len(flat) <= _WIDTH and not _has_lines(value))


def _has_lines(value: Any) -> bool:
    """Whether there is a text of several lines in `value`."""
    match value:
        case dict():
            return any(map(_has_lines, value.values()))
        case [_, _, *_] if all(isinstance(line, str) for line in value):
            return True
        case list():
            return any(map(_has_lines, value))
        case _:
            return False
