"""One run or several as every output takes them: facts, totals, and the calls one by one."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from claude_run.turn import JsonObject
from claude_run.usage.record import CallRecord
from claude_run.usage.run import Run
from claude_run.usage.tally import totals
from claude_run.usage.totals import Totals

Calls: TypeAlias = Callable[[], Iterable[CallRecord]]
"""Gives the calls of a run anew each time it is called: there may be too many to keep."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run with its calls; `entries` are the requests in its log, where it has one."""

    run: Run
    calls: Calls
    entries: Sequence[JsonObject] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """`totals` are those of all `parts` together."""

    parts: tuple[Part, ...]
    totals: Totals

    @property
    def runs(self) -> tuple[Run, ...]:
        return tuple(part.run for part in self.parts)

    def calls(self) -> Iterator[tuple[int, CallRecord]]:
        """Every call, with the number of its run from 0."""
        for number, part in enumerate(self.parts):
            for record in part.calls():
                yield number, record


def report_of(parts: Sequence[Part]) -> Report:
    return Report(tuple(parts), totals(chain.from_iterable(part.calls() for part in parts)))


def part_of(entries: Sequence[JsonObject], title: str) -> Part:
    """The run that a log tells of, `entries` being what `claude_run.usage.log.entries_in` gives.
    A log knows neither the command nor how it ended: `title` stands for it."""
    head, *requests = entries
    told = [one["record"] for entry in requests for one in entry["calls"] if "record" in one]
    records = [CallRecord.from_json(json.dumps(record)) for record in told]
    ends = (entry["began"] + entry["seconds"] for entry in requests)
    seconds = max(ends, default=head["began"]) - head["began"]
    return Part(Run((title,), head["began"], seconds, head["paid_by"]), records.copy, requests)
