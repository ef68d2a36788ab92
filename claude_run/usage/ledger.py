"""What a run used: every record is entered once, and the report adds them up."""

import time
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from claude_run.turn import JsonObject, Notice, Overage, PlanWindow, Usage
from claude_run.usage.record import CallError, CallRecord, members

PATHS: Final = ("continued", "spare", "cold", "replayed")
_KEPT: Final = 10_000
"""How many failures are remembered until they are retried, and how many messages by kind."""


class _Kind(NamedTuple):
    kind: str
    status: int
    code: str | None


@dataclass(slots=True)
class _Sum:
    """A call that is asked again after an error counts once: `errors` are calls without an answer
    in the end, `retries` the further attempts."""

    calls: int = 0
    errors: int = 0
    retries: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None

    def add(self, record: CallRecord, *, mended: bool) -> None:
        self.calls += record.retry_of is None
        self.retries += record.retry_of is not None
        self.errors += (record.error is not None) - mended
        self.usage += record.usage
        if record.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + record.cost_usd

    def join(self, other: "_Sum") -> None:
        self.calls += other.calls
        self.errors += other.errors
        self.retries += other.retries
        self.usage += other.usage
        if other.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + other.cost_usd

    def told(self) -> JsonObject:
        return {
            "calls": self.calls,
            "errors": self.errors,
            "retries": self.retries,
            **members(self.usage),
            "cost_usd": self.cost_usd,
        }


class Ledger:
    """The sums of one run. Memory grows with models, labels and notices, not with calls, but for
    eight bytes each. The same records make the same report, live or read from a spool."""

    def __init__(self, paid_by: str) -> None:
        self._paid_by = paid_by
        self._began = time.monotonic()
        self._models: dict[str, _Sum] = {}
        self._unanswered: dict[str, _Sum] = {}
        self._answered_by: dict[str, str] = {}
        self._labels: dict[str, _Sum] = {}
        self._seconds = 0.0
        self._waited = 0.0
        self._first_tokens = array("d")
        self._most = 0
        self._gone = 0
        self._paths: Counter[str] = Counter()
        self._kinds: Counter[_Kind] = Counter()
        self._messages: dict[_Kind, Counter[str]] = {}
        self._unmended: dict[tuple[str, int], _Kind] = {}
        self._notices: dict[str, Notice] = {}
        self._noticed: Counter[str] = Counter()
        self._windows: dict[str, PlanWindow] = {}
        self._overage: Overage | None = None

    def enter(self, record: CallRecord) -> None:
        self._enter_sums(record, mended=self._mends(record))
        self._enter_times(record)
        self._enter_plan(record)
        self._gone += record.client_gone
        if record.error is not None:
            self._enter_error(record, record.error)
        for notice in record.notices:
            self._notices.setdefault(notice.subject, notice)
            self._noticed[notice.subject] += 1

    def _enter_sums(self, record: CallRecord, *, mended: bool) -> None:
        if record.model is not None:
            self._answered_by[record.mapped_model] = record.model
        rows = self._unanswered if record.model is None else self._models
        rows.setdefault(record.name, _Sum()).add(record, mended=mended)
        if record.label is not None:
            self._labels.setdefault(record.label, _Sum()).add(record, mended=mended)

    def _enter_times(self, record: CallRecord) -> None:
        self._most = max(self._most, record.at_once)
        self._seconds += record.seconds - record.queued
        self._waited += record.queued
        if record.first_token is not None:
            self._first_tokens.append(record.first_token)
        if record.session is not None:
            self._paths[record.session] += 1

    def _enter_plan(self, record: CallRecord) -> None:
        for window in record.windows:
            known = self._windows.get(window.name)
            if known is None or (window.heard_at or 0.0) >= (known.heard_at or 0.0):
                self._windows[window.name] = window
        if record.overage is not None:
            self._overage = record.overage

    def _mends(self, record: CallRecord) -> bool:
        """Whether an earlier attempt of `record`'s call was counted as an error."""
        if record.retry_of is None:
            return False
        kind = self._unmended.pop((record.retry_of, record.choice), None)
        if kind is not None:
            self._kinds[kind] -= 1
        return kind is not None

    def _enter_error(self, record: CallRecord, error: CallError) -> None:
        kind = _Kind(error.kind, error.status, error.code)
        self._kinds[kind] += 1
        messages = self._messages.setdefault(kind, Counter())
        if error.message in messages or len(messages) < _KEPT:
            messages[error.message] += 1
        self._unmended[record.retry_of or record.request_id, record.choice] = kind
        if len(self._unmended) > _KEPT:
            del self._unmended[next(iter(self._unmended))]

    def report(self) -> JsonObject:
        """The run as JSON: times in seconds, tokens as Anthropic counts them."""
        times = sorted(self._first_tokens)
        return {
            "models": [{"model": name, **row.told()} for name, row in sorted(self._rows().items())],
            "labels": [{"label": name, **row.told()} for name, row in sorted(self._labels.items())],
            "failures": self._failures(),
            "clients_gone": self._gone,
            "wall_seconds": time.monotonic() - self._began,
            "claude_seconds": self._seconds,
            "first_token_p50": _percentile(times, 50),
            "first_token_p95": _percentile(times, 95),
            "most_at_once": self._most,
            "waited_seconds": self._waited,
            "paid_by": self._paid_by,
            "windows": [members(window) for window in self._windows.values()],
            "overage": members(self._overage) if self._overage is not None else None,
            "notices": [
                {**members(notice), "count": self._noticed[subject]}
                for subject, notice in self._notices.items()
            ],
            "sessions": {path: self._paths[path] for path in PATHS},
        }

    def _rows(self) -> dict[str, _Sum]:
        """The sums by the model that answers, those of calls without an answer among them."""
        rows: dict[str, _Sum] = {}
        for name, row in self._models.items():
            rows.setdefault(name, _Sum()).join(row)
        for name, row in self._unanswered.items():
            rows.setdefault(self._answered_by.get(name, name), _Sum()).join(row)
        return rows

    def _failures(self) -> list[JsonObject]:
        """The errors that no retry has mended, commonest first, each kind with its commonest
        message."""
        return [
            {**kind._asdict(), "count": n, "message": self._messages[kind].most_common(1)[0][0]}
            for kind, n in self._kinds.most_common()
            if n > 0
        ]


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest rank; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
