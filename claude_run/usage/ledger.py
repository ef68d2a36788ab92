"""What a run used so far: every record is entered once, and the report adds them up."""

import time
from typing import Final

from claude_run.turn import JsonObject
from claude_run.usage.record import CallRecord, members
from claude_run.usage.tally import Tally
from claude_run.usage.totals import Sums, Totals

PATHS: Final = ("continued", "spare", "cold", "replayed")


class Ledger:
    """The sums of one run as they grow. Memory grows with models, labels and notices, not with
    calls, but for sixteen bytes each."""

    def __init__(self, paid_by: str) -> None:
        self.paid_by = paid_by
        self._began = time.monotonic()
        self._tally = Tally()

    def enter(self, record: CallRecord) -> None:
        self._tally.add(record)

    def together(self) -> Sums:
        return self._tally.together()

    def report(self) -> JsonObject:
        """The run as JSON: times in seconds, tokens as Anthropic counts them."""
        totals = self._tally.totals()
        first, together = totals.first_token, totals.together
        return {
            "models": [{"model": name, **_told(sums)} for name, sums in totals.models.items()],
            "labels": [
                {"label": name, **_told(sums)} for name, sums in totals.labels.items() if name
            ],
            "failures": _failures(totals),
            "clients_gone": together.cancelled,
            "wall_seconds": time.monotonic() - self._began,
            "claude_seconds": together.seconds - together.queued,
            "first_token_p50": first.p50 if first is not None else None,
            "first_token_p95": first.p95 if first is not None else None,
            "most_at_once": totals.most_at_once,
            "waited_seconds": together.queued,
            "paid_by": self.paid_by,
            "windows": [members(use.last) for use in totals.windows],
            "overage": members(totals.overage) if totals.overage is not None else None,
            "extra_usage": _told(totals.extra),
            "notices": [{**members(notice), "count": n} for notice, n in totals.notices],
            "sessions": {path: totals.sessions.get(path, 0) for path in PATHS},
        }


def _failures(totals: Totals) -> list[JsonObject]:
    """The errors that no retry has mended, commonest first, each kind with its commonest
    message."""
    return [
        {"kind": row.kind, "status": row.status, "count": row.calls, "message": row.message}
        for row in totals.errors
    ]


def _told(sums: Sums) -> JsonObject:
    return {
        "calls": sums.calls,
        "errors": sums.failed,
        "retries": sums.retries,
        **members(sums.usage),
        "cost_usd": sums.cost_usd,
    }
