"""How the figures of a run are added up: once, record by record, in memory that stays small."""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from claude_run.turn import Notice, Overage, PlanWindow, Usage
from claude_run.usage.record import CallError, CallRecord
from claude_run.usage.totals import (
    Attempt,
    ErrorSums,
    Sums,
    Totals,
    WindowUse,
    added_cost,
    asked_of,
    spread,
)
from claude_run.usage.windows import newer_of

_TOKENS: Final = tuple(member.name for member in fields(Usage))
_MOST_KEPT: Final = 10_000
"""Failures that are remembered until they are retried, and messages of a kind of error."""

UNLABELLED: Final = ""
"""The label of calls that have none."""


def totals(records: Iterable[CallRecord]) -> Totals:
    """What `records`, oldest first, come to, in one pass: memory grows by two numbers a call."""
    tally = Tally()
    for record in records:
        tally.add(record)
    return tally.totals()


class _Row:
    """Sums that grow: to make new ones for each call would cost more than all the rest."""

    __slots__ = ("cancelled", "cost", "failed", "first", "queued", "retries", "seconds", "tokens")

    def __init__(self) -> None:
        self.first = self.failed = self.cancelled = self.retries = 0
        self.tokens = [0] * len(_TOKENS)
        self.cost: float | None = None
        self.seconds = self.queued = 0.0

    def add(self, record: CallRecord) -> None:
        self.first += record.retry_of is None
        self.retries += record.retry_of is not None
        self.failed += record.error is not None
        self.cancelled += record.client_gone
        for number, name in enumerate(_TOKENS):
            self.tokens[number] += getattr(record, name)
        self.cost = added_cost(self.cost, record.cost_usd)
        self.seconds += record.seconds
        self.queued += record.queued

    def sums(self) -> Sums:
        counts = (self.first, self.failed, self.cancelled, self.retries)
        return Sums(*counts, Usage(*self.tokens), self.cost, self.seconds, self.queued)


class _Errors:
    __slots__ = ("calls", "messages", "models")

    def __init__(self) -> None:
        self.calls = 0
        self.messages: Counter[str] = Counter()
        self.models: set[str] = set()

    def add(self, message: str, model: str) -> None:
        self.calls += 1
        if message in self.messages or len(self.messages) < _MOST_KEPT:
            self.messages[message] += 1
        if len(self.models) < _MOST_KEPT:
            self.models.add(model)


class Tally:
    """Totals in the making: the bridge keeps one while it serves, and whoever reads records makes
    one of them. The same records come to the same totals."""

    def __init__(self) -> None:
        self._together = _Row()
        self._models: defaultdict[str, _Row] = defaultdict(_Row)
        self._unanswered: defaultdict[str, _Row] = defaultdict(_Row)
        self._answering: dict[str, str] = {}
        self._labels: defaultdict[str, _Row] = defaultdict(_Row)
        self._errors: defaultdict[tuple[int, str], _Errors] = defaultdict(_Errors)
        self._unmended: dict[Attempt, tuple[tuple[_Row, ...], _Errors]] = {}
        self._counted: defaultdict[str, Counter[Any]] = defaultdict(Counter)
        self._overage: Overage | None = None
        self._extra = _Row()
        self._notices: dict[str, tuple[Notice, int]] = {}
        self._windows: dict[str, WindowUse] = {}
        self._first_tokens = array("d")
        self._durations = array("d")
        self._most_at_once = 0

    def add(self, record: CallRecord) -> None:
        self._mend(record)
        rows = self._rows(record)
        for row in rows:
            row.add(record)
        if record.error is not None:
            self._add_error(record, record.error, rows)
        self._add_ways(record)
        self._add_plan(record)
        self._durations.append(record.seconds)
        if record.first_token is not None:
            self._first_tokens.append(record.first_token)
        self._most_at_once = max(self._most_at_once, record.at_once)

    def _rows(self, record: CallRecord) -> tuple[_Row, ...]:
        if record.model is None:
            model = self._unanswered[asked_of(record)]
        else:
            self._answering[asked_of(record)] = record.model
            model = self._models[record.model]
        return self._together, model, self._labels[record.label or UNLABELLED]

    def _mend(self, record: CallRecord) -> None:
        """An attempt that failed no longer counts as a failure once there is another."""
        if record.retry_of is None:
            return
        rows, errors = self._unmended.pop((record.first_id, record.choice), ((), None))
        for row in rows:
            row.failed -= 1
        if errors is not None:
            errors.calls -= 1

    def _add_error(self, record: CallRecord, error: CallError, rows: tuple[_Row, ...]) -> None:
        errors = self._errors[error.status, error.kind]
        errors.add(error.message, record.asked_model)
        self._unmended[record.first_id, record.choice] = rows, errors
        if len(self._unmended) > _MOST_KEPT:
            del self._unmended[next(iter(self._unmended))]

    def _add_ways(self, record: CallRecord) -> None:
        if record.model is not None:
            self._counted["answered"][record.asked_model, record.model] += 1
        for member in ("session", "cold_reason", "finish_reason"):
            if (way := getattr(record, member)) is not None:
                self._counted[member][way] += 1

    def _add_plan(self, record: CallRecord) -> None:
        self._overage = newer_of(self._overage, record.overage)
        if record.overage is not None and record.overage.in_use and record.tokens:
            self._extra.add(replace(record, retry_of=None))
        for notice in record.notices:
            first, count = self._notices.get(notice.subject, (notice, 0))
            self._notices[notice.subject] = first, count + 1
        for window in record.windows:
            self._windows[window.name] = _heard(self._windows.get(window.name), window)

    def together(self) -> Sums:
        """All of them together, which costs nothing to ask for."""
        return self._together.sums()

    def totals(self) -> Totals:
        return Totals(
            together=self._together.sums(),
            answering=dict(self._answering),
            models=self._by_model(),
            labels=_largest_first({name: row.sums() for name, row in self._labels.items()}),
            errors=self._error_sums(),
            answered=dict(self._counted["answered"].most_common()),
            sessions=dict(self._counted["session"].most_common()),
            cold_reasons=dict(self._counted["cold_reason"].most_common()),
            finishes=dict(self._counted["finish_reason"].most_common()),
            overage=self._overage,
            extra=self._extra.sums(),
            notices=tuple(self._notices.values()),
            windows=tuple(self._windows.values()),
            first_token=spread(self._first_tokens),
            duration=spread(self._durations),
            most_at_once=self._most_at_once,
        )

    def _by_model(self) -> dict[str, Sums]:
        models = {name: row.sums() for name, row in self._models.items()}
        for name, row in self._unanswered.items():
            model = self._answering.get(name, name)
            models[model] = models.get(model, Sums()) + row.sums()
        return _largest_first(models)

    def _error_sums(self) -> tuple[ErrorSums, ...]:
        rows = [
            ErrorSums(
                status,
                kind,
                row.calls,
                row.messages.most_common(1)[0][0],
                tuple(sorted(row.models)),
                min(row.calls, len(row.messages)),  # what was tried again is not counted
            )
            for (status, kind), row in self._errors.items()
            if row.calls > 0
        ]
        return tuple(sorted(rows, key=lambda row: (-row.calls, row.status, row.kind)))


def _heard(before: WindowUse | None, now: PlanWindow) -> WindowUse:
    if before is None:
        return WindowUse(now, 0.0 if now.utilization is not None else None)
    if (now.heard_at or math.inf) < (before.last.heard_at or 0.0):  # a long call ended late
        return before
    old, new = before.last.utilization, now.utilization
    if new is None:  # a message that does not say how full it is does not make that unknown
        return replace(before, last=replace(now, utilization=old))
    if old is None:
        return WindowUse(now, before.used_here or 0.0)
    if new < old or before.used_here is None:
        return WindowUse(now, None)
    return WindowUse(now, before.used_here + new - old)


def _largest_first(groups: Mapping[str, Sums]) -> dict[str, Sums]:
    return dict(sorted(groups.items(), key=lambda group: (-group[1].calls, group[0])))
