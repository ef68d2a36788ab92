"""What a run is doing now: the last minute and the last errors, in memory that does not grow."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from claude_run.turn import JsonObject
from claude_run.usage.record import CallRecord

SECONDS: Final = 60
MOST_ERRORS: Final = 5


@dataclass(slots=True)
class _Second:
    """The calls that ended in one second of the monotonic clock."""

    at: int
    calls: int = 0
    failed: int = 0
    tokens: int = 0
    output_tokens: int = 0


class Live:
    """`now` is of the monotonic clock."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._seconds: deque[_Second] = deque(maxlen=SECONDS + 1)
        self._errors: deque[CallRecord] = deque(maxlen=MOST_ERRORS)

    def ended(self, record: CallRecord, now: float) -> None:
        at = int(now)
        if not self._seconds or self._seconds[-1].at != at:
            self._seconds.append(_Second(at))
        second = self._seconds[-1]
        second.calls += 1
        second.failed += record.error is not None
        second.tokens += record.tokens
        second.output_tokens += record.output_tokens
        if record.error is not None:
            self._errors.append(record)

    def told(self, now: float) -> JsonObject:
        """Rates are those of the last minute, or of as much as there was of it."""
        minute = [second for second in self._seconds if second.at > now - SECONDS]
        share = SECONDS / max(1.0, min(SECONDS, now - self._began))
        rates = {
            name: round(share * sum(getattr(second, name) for second in minute), 1)
            for name in ("calls", "failed", "tokens", "output_tokens")
        }
        return {"per_minute": rates, "last_errors": [_told(record) for record in self._errors]}


def _told(record: CallRecord) -> JsonObject:
    assert record.error is not None  # noqa: S101 - no others are kept
    return {
        "at": record.began + record.seconds,
        "request_id": record.request_id,
        "status": record.error.status,
        "kind": record.error.kind,
        "message": record.error.message,
        "model": record.name,
        "label": record.label,
    }
