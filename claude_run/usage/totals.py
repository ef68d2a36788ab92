"""The figures of a run, added up once: every output reads these, and none counts for itself."""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeAlias

from claude_run.turn import Notice, Overage, PlanWindow, Usage
from claude_run.usage.record import CallError, CallRecord
from claude_run.usage.windows import newer_of

_TOKENS: Final = tuple(member.name for member in fields(Usage))
_MOST_KEPT: Final = 10_000
"""Failures that are remembered until they are retried, and messages of a kind of error."""

_Attempt: TypeAlias = tuple[str, int]
"""A call's first request id, and which choice of it."""

NO_MODEL: Final = "(no model)"
"""Where calls are counted that were refused before a model was known."""

UNLABELLED: Final = ""
"""The label of calls that have none."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Some calls together. A call that is asked again after an error counts once in `calls`, its
    further attempts in `retries`, and it is among the `failed` unless one of them was answered.
    `cancelled` are those whose client went away. `cost_usd` adds up the calls whose cost is
    known, and is None where none is. Times are seconds."""

    calls: int = 0
    failed: int = 0
    cancelled: int = 0
    retries: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    seconds: float = 0.0
    queued: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            calls=self.calls + other.calls,
            failed=self.failed + other.failed,
            cancelled=self.cancelled + other.cancelled,
            retries=self.retries + other.retries,
            usage=self.usage + other.usage,
            cost_usd=_cost(self.cost_usd, other.cost_usd),
            seconds=self.seconds + other.seconds,
            queued=self.queued + other.queued,
        )


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Calls that failed in one way. `message` is the commonest, `models` were asked for."""

    status: int
    kind: str
    calls: int
    message: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WindowUse:
    """A window of the plan as last heard; `used_here` is by how much it filled from the first
    that was heard to the last, None where that is not known or the window began anew between."""

    last: PlanWindow
    used_here: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Nearest-rank percentiles of some times, in seconds."""

    p50: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Groups stand largest first. `answering` maps a name that calls went to, to the model that
    answered there last. `answered` maps (name asked for, model that answered) to calls;
    `notices` come with how often each was given; `overage` is what was last heard of paid extra
    usage, and `extra` adds up the calls that drew on it, each attempt a call."""

    together: Sums = field(default_factory=Sums)
    answering: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Sums] = field(default_factory=dict)
    labels: Mapping[str, Sums] = field(default_factory=dict)
    errors: tuple[ErrorSums, ...] = ()
    answered: Mapping[tuple[str, str], int] = field(default_factory=dict)
    sessions: Mapping[str, int] = field(default_factory=dict)
    cold_reasons: Mapping[str, int] = field(default_factory=dict)
    finishes: Mapping[str, int] = field(default_factory=dict)
    overage: Overage | None = None
    extra: Sums = field(default_factory=Sums)
    notices: tuple[tuple[Notice, int], ...] = ()
    windows: tuple[WindowUse, ...] = ()
    first_token: Spread | None = None
    duration: Spread | None = None
    most_at_once: int = 0


def totals(records: Iterable[CallRecord]) -> Totals:
    """What `records`, oldest first, come to, in one pass: memory grows by two numbers a call."""
    tally = Tally()
    for record in records:
        tally.add(record)
    return tally.totals()


def model_of(record: CallRecord, answering: Mapping[str, str]) -> str:
    """The model that a call is counted for: the one that answered; where none did, the one that
    `answering` says answers for that name, else the name itself. So a model's successes and
    failures stand in one row."""
    name = _asked(record)
    return answering.get(name, name) if record.model is None else record.model


def spread(times: Iterable[float]) -> Spread | None:
    ordered = sorted(times)
    if not ordered:
        return None
    return Spread(percentile(ordered, 50), percentile(ordered, 95), ordered[-1])


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank. Raises IndexError of nothing."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def repeated(records: Sequence[CallRecord]) -> set[int]:
    """Which of `records`, oldest first, failed and were asked again: their places. They are no
    failures of their own."""
    places: set[int] = set()
    again: set[_Attempt] = set()
    for place in range(len(records) - 1, -1, -1):
        record = records[place]
        attempt = record.first_id, record.choice
        if record.error is not None and attempt in again:
            places.add(place)
            again.remove(attempt)
        if record.retry_of is not None:
            again.add(attempt)
    return places


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
        self.cost = _cost(self.cost, record.cost_usd)
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
        self._unmended: dict[_Attempt, tuple[tuple[_Row, ...], _Errors]] = {}
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
            model = self._unanswered[_asked(record)]
        else:
            self._answering[_asked(record)] = record.model
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
            )
            for (status, kind), row in self._errors.items()
            if row.calls > 0
        ]
        return tuple(sorted(rows, key=lambda row: (-row.calls, row.status, row.kind)))


def _asked(record: CallRecord) -> str:
    return record.mapped_model or record.asked_model or NO_MODEL


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


def _cost(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other
