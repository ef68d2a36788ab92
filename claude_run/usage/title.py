"""A run in one line, for a terminal's title."""

from claude_run.turn import PlanWindow
from claude_run.usage.totals import Sums
from claude_run.usage.windows import Plan
from claude_run.usage.words import FREE, cost, counted, window_name


def title(together: Sums, plan: Plan, paid_by: str, now: float) -> str:
    """Calls, cost where there is any, and the fullest window; `now` is in seconds of the epoch."""
    words = [counted(together.calls, "call")]
    if together.failed:
        words.append(f"{together.failed:,} failed")
    if together.cost_usd and paid_by not in FREE:
        words.append(cost(together.cost_usd))
    if (window := fullest(plan, now)) is not None:
        words.append(f"{window_name(window.name)} {window.utilization:.0%}")
    return f"claude-run: {', '.join(words)}"


def fullest(plan: Plan, now: float) -> PlanWindow | None:
    """The window of which most is used, as far as is known and it has not reset since."""
    known = [
        window
        for window in plan.windows.values()
        if window.utilization is not None and not (window.resets_at or now) < now
    ]
    return max(known, key=lambda window: window.utilization or 0.0, default=None)
