"""`claude-run models`: what a client may ask for, and who answers it under the present map."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from claude_run.claude.names import listed, resolve
from claude_run.cli.showing import show
from claude_run.cli.verbs import Call
from claude_run.settings import Settings
from claude_run.turn import TurnError

OTHERS = ("gpt-4.1", "claude-3-5-sonnet-latest")
"""Names of other kinds, so that what becomes of them is seen: another provider's, a retired one."""


def act(call: Call) -> int:
    settings = call.settings
    names = call.words or (*listed(settings), "claude-opus-4-7", *OTHERS)
    rows = [_row(name, settings) for name in names]
    if call.values["json"]:
        sys.stdout.write(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    else:
        show(("asked for", "answered by", "why"), [_told(row) for row in rows])
    return 0 if all(row["model"] for row in rows) or not call.words else 1


def _row(asked: str, settings: Settings) -> dict[str, Any]:
    """As the server decides it."""
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
    return row["asked"], row["model"] or "404", row["notice"] or ""
