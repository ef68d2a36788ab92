"""What a run used: every call is entered once, and the report adds them up."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from claude_run.turn import Failure, JsonObject, Notice, PlanWindow, Usage


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it ended. Times are seconds: `waited` for a session, `first_token` from the
    call's arrival, `seconds` in all. `failure` None means that it was answered, or that the
    client went away."""

    model: str
    usage: Usage = Usage()
    cost_usd: float | None = None
    failure: Failure | None = None
    seconds: float = 0.0
    waited: float = 0.0
    first_token: float | None = None
    origin: str | None = None
    notices: tuple[Notice, ...] = ()
    windows: tuple[PlanWindow, ...] = ()


@dataclass(slots=True)
class _Model:
    calls: int = 0
    errors: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None


class Ledger:
    """Kept by the bridge for one run. Memory grows with models and notices, not with calls,
    but for one float each."""

    def __init__(self, paid_by: str) -> None:
        self._paid_by = paid_by
        self._began = time.monotonic()
        self._models: dict[str, _Model] = {}
        self._seconds = 0.0
        self._waited = 0.0
        self._first_tokens: list[float] = []
        self._open = 0
        self._most = 0
        self._origins: Counter[str] = Counter()
        self._notices: dict[str, Notice] = {}
        self._noticed: Counter[str] = Counter()
        self._windows: dict[str, PlanWindow] = {}

    def begin(self) -> None:
        self._open += 1
        self._most = max(self._most, self._open)

    def enter(self, call: Call) -> None:
        """End a call that `begin` began."""
        self._open -= 1
        row = self._models.setdefault(call.model, _Model())
        row.calls += 1
        row.errors += call.failure is not None
        row.usage += call.usage
        if call.cost_usd is not None:
            row.cost_usd = (row.cost_usd or 0.0) + call.cost_usd
        self._seconds += call.seconds
        self._waited += call.waited
        if call.first_token is not None:
            self._first_tokens.append(call.first_token)
        if call.origin is not None:
            self._origins[call.origin] += 1
        self._windows.update({window.name: window for window in call.windows})
        self.notice(call.notices)

    def notice(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self._notices.setdefault(notice.subject, notice)
            self._noticed[notice.subject] += 1

    def report(self) -> JsonObject:
        """The run as JSON: times in seconds, tokens as Anthropic counts them."""
        times = sorted(self._first_tokens)
        return {
            "models": [_row(model, row) for model, row in sorted(self._models.items())],
            "wall_seconds": time.monotonic() - self._began,
            "claude_seconds": self._seconds,
            "first_token_p50": _percentile(times, 50),
            "first_token_p95": _percentile(times, 95),
            "most_at_once": self._most,
            "waited_seconds": self._waited,
            "paid_by": self._paid_by,
            "windows": [_members(window) for window in self._windows.values()],
            "notices": [
                {**_members(notice), "count": self._noticed[subject]}
                for subject, notice in self._notices.items()
            ],
            "sessions": {name: self._origins[name] for name in ("continued", "spare", "cold")},
        }


def _members(value: Notice | PlanWindow | Usage) -> JsonObject:
    return {member.name: getattr(value, member.name) for member in fields(value)}


def _row(model: str, row: _Model) -> JsonObject:
    return {
        "model": model,
        "calls": row.calls,
        "errors": row.errors,
        **_members(row.usage),
        "cost_usd": row.cost_usd,
    }


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest rank; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
