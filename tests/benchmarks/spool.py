"""What the record of a call costs the bridge: begun, filled in, added up and spooled."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from claude_run.server.caller import Caller
from claude_run.server.lines import Lines
from claude_run.server.records import Records
from claude_run.turn import (
    Failure,
    PlanWindow,
    StopReason,
    Text,
    TextDelta,
    TurnError,
    TurnFinished,
    TurnRequest,
    TurnStarted,
    Usage,
    UserTurn,
)
from claude_run.usage.ledger import Ledger
from claude_run.usage.spool import Spool, records_in
from tests.benchmarks import Row

CALLS: Final = 20_000
MIB: Final = 1024 * 1024
MODELS: Final = ("claude-sonnet-5-5", "claude-opus-5-5")


def rows() -> list[Row]:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "spool"
        with Spool(path) as spool:
            records = Records(Ledger("subscription"), spool, Lines(lambda _: None))
            _calls(records, CALLS // 10)  # what is made once, is made
            before = _memory()
            ours = _seconds_a_call(records)
            after = _memory()
        bare = _bare(path, Path(directory) / "bare")
    note = f"{ours * 1e6:.0f} us a call to {bare * 1e6:.0f} us, {CALLS:,} calls"
    memory = f"{before / MIB:.1f} MiB, {CALLS:,} calls later {after / MIB:.1f} MiB"
    return [
        Row("record and spool to a bare JSON append", ours / bare, note, at_most=12.0),
        Row("memory of the process that records", after / before, memory, at_most=1.05),
    ]


def _seconds_a_call(records: Records) -> float:
    began = time.perf_counter()
    _calls(records, CALLS)
    return (time.perf_counter() - began) / CALLS


def _calls(records: Records, count: int) -> None:
    """Calls of two models and three labels, every tenth of which fails and is asked again."""
    for number in range(count):
        caller = Caller(endpoint="/chat/completions", label=(None, "train", "eval")[number % 3])
        asked = (UserTurn((Text(f"call {number - (number % 10 == 9)}"),)),)
        draft = records.begin(TurnRequest("sonnet", asked), 0, caller, stream=True)
        draft.trace.session = "continued"
        draft.trace.windows = (PlanWindow("five_hour", "allowed", 0.5, 1.8e9, 1.7e9),)
        if number % 10 == 8:
            draft.error = TurnError(Failure.OVERLOADED, "Claude is overloaded.")
        else:
            model = MODELS[number % 2]
            draft.see(TurnStarted(model))
            draft.see(TextDelta("hello"))
            draft.see(TurnFinished(StopReason.END, Usage(100, 1000, 10, 20), model, 0.01))
        records.end(draft)


def _bare(spooled: Path, path: Path) -> float:
    """Seconds to append what was spooled, all members of it, a line each."""
    with spooled.open("rb") as file:
        told = [asdict(record) for record in records_in(file.fileno())][:CALLS]
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    began = time.perf_counter()
    for one in told:
        os.write(fd, json.dumps(one).encode() + b"\n")
    took = time.perf_counter() - began
    os.close(fd)
    return took / len(told)


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)
