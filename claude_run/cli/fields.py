"""`claude-run fields [DIALECT]`: every request field, and what becomes of it."""

import json
import sys
from collections.abc import Mapping
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.nearest import did_you_mean
from claude_run.cli.showing import show
from claude_run.cli.verbs import Call
from claude_run.dialects.chat import CHAT_FIELDS
from claude_run.dialects.completions import COMPLETION_FIELDS
from claude_run.dialects.fields import Field
from claude_run.dialects.messages import MESSAGES_FIELDS
from claude_run.dialects.responses import RESPONSES_FIELDS

TABLES: Final[Mapping[str, Mapping[str, Field]]] = {
    "chat": CHAT_FIELDS,
    "responses": RESPONSES_FIELDS,
    "completions": COMPLETION_FIELDS,
    "messages": MESSAGES_FIELDS,
}
"""The dialects, as the README names them too."""


def act(call: Call) -> int:
    names = [*call.words] or [*TABLES]
    if (name := names[0]) not in TABLES:
        raise UsageError(
            f"{name!r} is none of {', '.join(TABLES)}{did_you_mean(name, list(TABLES))}"
        )
    if call.values["json"]:
        told = {name: [_json(row) for row in TABLES[name].values()] for name in names}
        sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        return 0
    for name in names:
        rows = [(row.name, row.treatment.value, row.note) for row in TABLES[name].values()]
        show((f"{name} field", "treatment", "what happens"), rows)
    return 0


def _json(row: Field) -> Mapping[str, str]:
    return {"name": row.name, "treatment": row.treatment.value, "note": row.note}
