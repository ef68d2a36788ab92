"""`claude-run usage`: what the runs came to that were kept with --history."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from platformdirs import user_state_path

from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.usage.history import FILE, entries_in, grouped
from claude_run.usage.table import figures
from claude_run.usage.totals import Sums
from claude_run.usage.words import printable

FAILED = 1
WIDTH = 100  # columns


def act(call: Call) -> int:
    by, ago = call.values["by"], call.values["since"]
    since = 0.0 if ago is None else time.time() - ago
    try:
        groups = grouped(entries_in(history_file(), since), by)
    except FileNotFoundError:
        say("there is no history yet: run with --history, or set CLAUDE_RUN_HISTORY=1")
        return FAILED
    except OSError as error:
        say(f"{history_file()} cannot be read: {error.strerror}")
        return FAILED
    if call.values["json"]:
        told = [{by: name, **asdict(sums)} for name, sums in groups.items()]
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _table(by, groups))
    return 0


def history_file() -> Path:
    return user_state_path("claude-run") / FILE


def _table(by: str, groups: Mapping[str, Sums]) -> list[str]:
    rows = [(printable(name), sums) for name, sums in groups.items()]
    rows.append(("total", sum(groups.values(), Sums())))
    return figures(by, rows, WIDTH)
