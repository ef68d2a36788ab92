"""A stream of chat completion chunks, as it comes on a line."""

from __future__ import annotations

import json
from typing import Any, Final

from claude_run.turn import JsonObject

DONE: Final[JsonObject] = {"object": "[DONE]"}
"""Stands for the line that says that the answer is whole."""


def chunk_in(line: bytes) -> JsonObject | None:
    """The chunk in a line of a stream, or an error's envelope, or DONE; None in lines that hold
    none.

    Raises:
        ValueError: it is no JSON.
    """
    name, _, data = line.decode("utf-8", "replace").partition(":")
    if name != "data":
        return None
    said = data.strip()
    if said == "[DONE]":
        return DONE
    chunk: dict[str, Any] = json.loads(said)
    return chunk
