"""The figures of a run: every output reads these, and none counts for itself."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from claude_run.turn import Notice, Overage, PlanWindow, Usage
from claude_run.usage.record import CallRecord

Attempt: TypeAlias = tuple[str, int]
"""A call's first request id, and which choice of it."""

NO_MODEL: Final = "(no model)"
"""Where calls are counted that were refused before a model was known."""


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
            cost_usd=added_cost(self.cost_usd, other.cost_usd),
            seconds=self.seconds + other.seconds,
            queued=self.queued + other.queued,
        )


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Calls that failed in one way. `message` is the commonest of so many `messages`, `models`
    were asked for."""

    status: int
    kind: str
    calls: int
    message: str
    models: tuple[str, ...]
    messages: int = 1


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


def model_of(record: CallRecord, answering: Mapping[str, str]) -> str:
    """The model that a call is counted for: the one that answered; where none did, the one that
    `answering` says answers for that name, else the name itself. So a model's successes and
    failures stand in one row."""
    name = asked_of(record)
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
    again: set[Attempt] = set()
    for place in range(len(records) - 1, -1, -1):
        record = records[place]
        attempt = record.first_id, record.choice
        if record.error is not None and attempt in again:
            places.add(place)
            again.remove(attempt)
        if record.retry_of is not None:
            again.add(attempt)
    return places


def asked_of(record: CallRecord) -> str:
    """The name that a call went to, whoever answered there."""
    return record.mapped_model or record.asked_model or NO_MODEL


def added_cost(one: float | None, other: float | None) -> float | None:
    """None only where neither is known."""
    if one is None or other is None:
        return other if one is None else one
    return one + other
