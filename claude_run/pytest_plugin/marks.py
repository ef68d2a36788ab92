"""What the marks of a test say: its options, its cassette, and the label of its calls."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from claude_run.settings import LONGEST_LABEL

_LONGEST_NAME: Final = 60
_DIGITS: Final = 8
_UNSAFE: Final = re.compile(r"[^\w.=+-]+")


def options_of(item: pytest.Item) -> dict[str, Any]:
    """The options of a scope for `item`; the nearest mark says the last word.

    Raises:
        TypeError: a mark has arguments without a name.
    """
    options: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers("claude"))):
        if mark.args:
            raise TypeError("it takes arguments by name, as in max_calls=3")
        options |= mark.kwargs
    record = item.config.getoption("--claude-record")
    cassette = options.pop("cassette", record is not None)
    if cassette is None or cassette is False:
        return options
    place = default_place(item) if cassette is True else item.path.parent / os.fspath(cassette)
    again = f"pytest --claude-record=new {item.nodeid!r}"
    mode = {"record": record} if record is not None else {}
    return {**options, "cassette": place, "recorded_by": again, **mode}


def default_place(item: pytest.Item) -> Path:
    """`cassettes/MODULE/TEST` beside the test file."""
    _file, _, name = item.nodeid.partition("::")
    return item.path.parent / "cassettes" / item.path.stem / file_name(name.replace("::", "."))


def file_name(name: str) -> str:
    """`name` as a directory may be called. Where that loses something, a hash tells it apart."""
    plain = _UNSAFE.sub("-", name).strip("-.")[:_LONGEST_NAME]
    return plain if plain == name else f"{plain}-{_hash(name)}"


def label_of(nodeid: str) -> str:
    """The label of a test's calls. A long id keeps its end, where tests differ."""
    label = "".join(filter(str.isprintable, nodeid))
    if label == nodeid and len(label) <= LONGEST_LABEL:
        return label
    return f"{_hash(nodeid)} {label[-(LONGEST_LABEL - _DIGITS - 1) :]}"


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
