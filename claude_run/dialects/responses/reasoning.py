"""Reasoning that a client keeps: what Claude thought, in an item's `encrypted_content`.

It is packed, not encrypted: whoever holds the item has read the reasoning, and the signature in it
is upstream's, by which upstream alone takes it back. What another server wrote is left out.
"""

import json
from collections.abc import Mapping
from typing import Final

from claude_run.dialects.responses.spelling import read, spelt
from claude_run.turn import JsonObject, RedactedThinking, Thinking

INCLUDED: Final = "reasoning.encrypted_content"
"""What a client asks to have included."""

_PREFIX: Final = "claude-run.thinking.1."


def sealed(thought: Thinking | RedactedThinking) -> str:
    match thought:
        case Thinking(text, signature):
            told = {"thinking": text, "signature": signature}
        case RedactedThinking(data):
            told = {"data": data}
    return _PREFIX + spelt(json.dumps(told).encode())


def unsealed(item: Mapping[str, object]) -> Thinking | RedactedThinking | None:
    """What Claude thought in a reasoning `item`, if it holds that."""
    content = item.get("encrypted_content")
    if not isinstance(content, str) or not content.startswith(_PREFIX):
        return None
    try:
        told: JsonObject = json.loads(read(content.removeprefix(_PREFIX)))
    except ValueError:
        return None
    match told:
        case {"thinking": str(text), "signature": str(signature)}:
            return Thinking(text, signature)
        case {"data": str(data)}:
            return RedactedThinking(data)
        case _:
            return None
