"""`claude-run config`: what holds for each option here, and who says so."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from claude_run.cli.configuration import Setting, Source, settings
from claude_run.cli.files import personal_path, standing
from claude_run.cli.verbs import Call, configurable
from claude_run.usage.words import printable

DEFAULT: Final = "default"
NOTHING: Final = "-"
_WIDEST: Final = 40


def act(call: Call) -> int:
    known = configurable()
    sources = standing(known, os.environ)
    found = settings(list(known.values()), sources)
    told = _json(found, sources) if call.values["json"] else _table(found)
    sys.stdout.write(told)
    return 0


def _json(found: Sequence[Setting], sources: Sequence[Source]) -> str:
    """Values as the library has them: sizes in bytes, times in seconds."""
    options = {
        setting.option.name: {"value": setting.value, "from": setting.sources or [DEFAULT]}
        for setting in found
    }
    files = [source.name for source in sources if os.path.isabs(source.name)]
    document = {"options": options, "files": files, "own_file": personal_path(os.environ)}
    return json.dumps(document, indent=1) + "\n"


def _table(found: Sequence[Setting]) -> str:
    """A row for each option, what is set first."""
    rows = [
        (setting.option.name, printable(shown(setting)), printable(", ".join(setting.sources)))
        for setting in sorted(found, key=lambda setting: not setting.sources)
    ]
    names = max(len(name) for name, _, _ in rows)
    values = max(len(value) for _, value, _ in rows if len(value) <= _WIDEST)
    lines = [f"{n:{names}}  {v:{values}}  {s or DEFAULT}".rstrip() for n, v, s in rows]
    own = personal_path(os.environ)
    state = "" if os.path.exists(own) else " (not there yet)"
    return "\n".join([*lines, "", f"Your own file: {printable(own)}{state}"]) + "\n"


def shown(setting: Setting) -> str:
    """The value as it may be written."""
    kind, value = setting.option.kind, setting.value
    if value in (None, ()):
        return NOTHING
    return ", ".join(map(kind.show, value)) if kind.repeated else kind.show(value)
