"""What is known of a plan: its windows, whatever their names, and paid extra usage.

Only what the API said is kept, and when it said so. Nothing is guessed.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from claude_run.turn import Overage, PlanWindow

EXHAUSTED: Final = "rejected"
THRESHOLDS: Final = (0.9, 0.75)
FIVE_HOURS: Final = "five_hour"
EVERY_CALLS: Final = (FIVE_HOURS, "seven_day")
"""The windows that every call draws on."""

_NAMES: Final[Mapping[str, str]] = {
    FIVE_HOURS: "5-hour window",
    "seven_day": "7-day window",
    "seven_day_opus": "7-day window for Opus",
    "seven_day_sonnet": "7-day window for Sonnet",
}
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE


@dataclass(frozen=True, slots=True)
class Plan:
    """What was last heard of each window, by name, and of extra usage."""

    windows: Mapping[str, PlanWindow] = field(default_factory=dict)
    overage: Overage | None = None

    def heard(self, windows: Iterable[PlanWindow], overage: Overage | None) -> "Plan":
        """This plan with what is newer in what a call heard."""
        newer = {
            window.name: window
            for window in windows
            if (known := self.windows.get(window.name)) is None
            or (window.heard_at or 0.0) >= (known.heard_at or 0.0)
        }
        return Plan({**self.windows, **newer}, newer_of(self.overage, overage))

    def exhausted(self, now: float) -> PlanWindow | None:
        """The used-up window that no call gets past. One of a single model is not among them:
        which calls it concerns is the API's to say."""
        common = [self.windows[name] for name in EVERY_CALLS if name in self.windows]
        return last_to_reset(common, now)

    def draws_on_extra_usage(self, now: float) -> bool:
        """Whether calls cost money now. It ends when every window that was used up has reset."""
        if self.overage is None or not self.overage.in_use:
            return False
        resets = [w.resets_at for w in self.windows.values() if w.status == EXHAUSTED]
        return not resets or any(at is None or at > now for at in resets)

    def fuller_than(self, share: float, now: float) -> PlanWindow | None:
        """The five-hour window, where its use has reached `share` (from 0 to 1)."""
        window = self.windows.get(FIVE_HOURS)
        if window is None or window.utilization is None or window.utilization < share:
            return None
        return None if window.resets_at is not None and window.resets_at <= now else window


def last_to_reset(windows: Iterable[PlanWindow], now: float) -> PlanWindow | None:
    """The window that is used up longest; one without a reset time is not known to be still."""
    used_up = [w for w in windows if w.status == EXHAUSTED and (w.resets_at or 0.0) > now]
    return max(used_up, key=lambda window: window.resets_at or 0.0, default=None)


def has_reset(windows: Iterable[PlanWindow], now: float) -> bool:
    """Whether a window that is said to be used up should have reset by now: an answer takes its
    time, and clocks differ."""
    return any(w.status == EXHAUSTED and (w.resets_at or math.inf) <= now for w in windows)


def newer_of(known: Overage | None, heard: Overage | None) -> Overage | None:
    if known is None or heard is None:
        return heard or known
    return heard if (heard.heard_at or 0.0) >= (known.heard_at or 0.0) else known


def crossed(before: Plan, after: Plan) -> Iterator[tuple[PlanWindow, float]]:
    """The windows that have become fuller than a threshold, with the highest one crossed."""
    for name, window in after.windows.items():
        known = before.windows.get(name)
        was = (known.utilization or 0.0) if known is not None and _same(known, window) else 0.0
        for threshold in THRESHOLDS:
            if was < threshold <= (window.utilization or 0.0):
                yield window, threshold
                break


def _same(known: PlanWindow, window: PlanWindow) -> bool:
    """Whether it has not been reset between. Told again, a reset time may be some seconds off."""
    if known.resets_at is None or window.resets_at is None:
        return known.resets_at is window.resets_at
    return abs(known.resets_at - window.resets_at) < 5 * _MINUTE


def named(window: PlanWindow) -> str:
    """How a person calls it."""
    return _NAMES.get(window.name) or f"{window.name.replace('_', ' ')} window"


def when(at: float, now: float) -> str:
    """A time in words: the clock's, and how long it takes until then."""
    day = "" if at - now < 20 * _HOUR else "%a "
    return f"{time.strftime(f'{day}%H:%M', time.localtime(at))} (in {lasting(at - now)})"


def lasting(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def header_safe(name: str) -> str:
    """`name` as a part of a header, whatever the API called it."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())


def headers_of(plan: Plan, now: float) -> Iterator[tuple[str, str]]:
    """`x-ratelimit-*` for each window: the share used, the status, and seconds to its reset."""
    for name, window in plan.windows.items():
        label = header_safe(name)
        if window.utilization is not None:
            yield f"x-ratelimit-utilization-{label}", f"{window.utilization:g}"
        if window.status:
            status = "".join(c for c in window.status if c.isascii() and c.isprintable())
            yield f"x-ratelimit-status-{label}", status
        if window.resets_at is not None:
            yield f"x-ratelimit-reset-{label}", f"{max(0, round(window.resets_at - now))}s"
