"""`claude-run models`: what a client may ask for, and who answers it under the present map."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from claude_run.claude.names import ALIASES, did_you_mean, is_alias, listed, normalised, resolve
from claude_run.cli.showing import show
from claude_run.cli.verbs import Call
from claude_run.settings import Settings
from claude_run.turn import TurnError
from claude_run.turn.names import mapped as advice

OTHERS: Final = (
    "claude-opus-4-7",
    "anthropic/claude-sonnet-4.5",
    "claude-3-5-sonnet-latest",
    "gpt-4.1",
)
"""One of each other kind, so that what becomes of it is seen: a full id, one with a provider's
prefix, a retired one, another provider's."""


def act(call: Call) -> int:
    settings = call.settings.with_model(call.values["model"])
    rows = [_row(name, settings) for name in call.words or dict.fromkeys(_accepted(settings))]
    if call.values["json"]:
        sys.stdout.write(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    else:
        show(("asked for", "answered by", "why"), [_told(row) for row in rows])
    return 0 if all(row["model"] for row in rows) or not call.words else 1


def _accepted(settings: Settings) -> Iterator[str]:
    """What is mapped, in the order in which it is looked at; what Claude Code knows; the rest."""
    yield from (source for source, _ in settings.model_map)
    yield from (*listed(settings), *ALIASES, *OTHERS)


def _row(asked: str, settings: Settings) -> dict[str, Any]:
    """As the server decides it. A glob matches itself, so that it is told by the same rules."""
    try:
        found = resolve(asked, settings)
    except TurnError as error:
        return {"asked": asked, "model": None, "notice": error.message}
    return {
        "asked": asked,
        "model": found.name,
        "notice": " ".join(notice.text for notice in found.notices) or None,
    }


def _told(row: Mapping[str, Any]) -> Sequence[str]:
    return row["asked"], row["model"] or "404", _why(row["asked"], row["model"], row["notice"])


def _why(asked: str, model: str | None, notice: str | None) -> str:
    """In a cell's length; the 404 itself says more."""
    if model is None:
        meant = did_you_mean(normalised(asked), Settings())
        return f"no model of Claude's.{meant} {advice([asked])} answers it"
    if notice is not None:
        return notice.removeprefix(f"{asked} was answered by {model} ").strip("()")
    return "the newest that Claude Code has" if is_alias(model) else "a full name is passed on"
