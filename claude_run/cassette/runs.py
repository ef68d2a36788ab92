"""Which recordings the last run used, kept in the cassette for `prune`."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_run.cassette.files import Files, replace_file

LAST_RUN: Final = ".last-run.json"


@dataclass(frozen=True, slots=True)
class Run:
    """Times are seconds of the epoch. Bridges that overlap, as those of several test workers
    do, are one run."""

    began: float
    ended: float
    used: frozenset[str]


def keep_run(directory: Path, began: float, used: Sequence[str]) -> None:
    """Note what was used, where that can be written; a cassette that is not there stays so."""
    if not directory.exists():
        return
    with suppress(OSError), Files(directory).lock():
        run = Run(began, time.time(), frozenset(used))
        if (last := last_run(directory)) is not None and last.ended >= began:
            run = Run(min(began, last.began), run.ended, run.used | last.used)
        told = {"began": run.began, "ended": run.ended, "used": sorted(run.used)}
        replace_file(directory / LAST_RUN, json.dumps(told).encode())


def last_run(directory: Path) -> Run | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((directory / LAST_RUN).read_bytes())
        return Run(float(told["began"]), float(told["ended"]), frozenset(told["used"]))
    return None
