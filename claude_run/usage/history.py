"""What earlier runs came to: numbers and the command's name of each, never a prompt."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path, PurePath
from typing import Any, Final

from claude_run.turn import JsonObject, Usage
from claude_run.usage.document import totals_json
from claude_run.usage.run import Run
from claude_run.usage.totals import Sums, Totals
from claude_run.usage.words import FREE

VERSION: Final = 1
FILE: Final = "history.jsonl"

Rows = Iterable[tuple[str, JsonObject]]


def entry_of(run: Run, totals: Totals) -> JsonObject:
    told = totals_json(totals)
    return {
        "history": VERSION,
        "began": run.began,
        "seconds": run.seconds,
        "command": PurePath(run.command[0]).name if run.command else "",
        "status": run.status,
        "paid_by": run.paid_by,
        "extra_usage": told["extra_usage"],
        "by_model": told["by_model"],
        "by_label": told["by_label"],
    }


def append(path: Path, entry: JsonObject) -> None:
    """Add a line to `path`, which only its owner can read.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")
    finally:
        os.close(file)


def entries_in(path: Path, since: float) -> Iterator[JsonObject]:
    """The runs that began at `since` (seconds of the epoch) or later. What is damaged is left out.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            is_ours = isinstance(entry, dict) and entry.get("history") == VERSION
            if is_ours and entry["began"] >= since:
                yield entry


def grouped(entries: Iterable[JsonObject], by: str) -> dict[str, Sums]:
    """The sums of `entries` by day, week, model, command or label, in the order of the names."""
    groups: dict[str, Sums] = {}
    for entry in entries:
        is_free = entry["paid_by"] in FREE
        for name, row in GROUPS[by](entry):
            sums = _sums({**row, "cost_usd": None} if is_free else row)
            groups[name] = groups.get(name, Sums()) + sums
    return dict(sorted(groups.items()))


def _by_time(form: str) -> Callable[[JsonObject], Rows]:
    def rows(entry: JsonObject) -> Rows:
        name = time.strftime(form, time.localtime(entry["began"]))
        return ((name, row) for row in entry["by_model"])

    return rows


GROUPS: Final[Mapping[str, Callable[[JsonObject], Rows]]] = {
    "day": _by_time("%Y-%m-%d"),
    "week": _by_time("%G week %V"),
    "model": lambda entry: ((row["model"], row) for row in entry["by_model"]),
    "command": lambda entry: ((entry["command"], row) for row in entry["by_model"]),
    "label": lambda entry: ((row["label"] or "(no label)", row) for row in entry["by_label"]),
}


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(
        calls=row["calls"],
        failed=row["failed"],
        cancelled=row["cancelled"],
        retries=row["retries"],
        usage=Usage(**{member.name: row[member.name] for member in fields(Usage)}),
        cost_usd=row["cost_usd"],
        seconds=row["busy_seconds"],
        queued=row["queued_seconds"],
    )
