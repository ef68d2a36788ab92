"""Figures as a person reads them: durations, costs, counts, windows and payers in words."""

import time
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from claude_run.turn import PlanWindow, Usage
from claude_run.usage.totals import Sums, WindowUse

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_BLANK: Final = frozenset("\t\n\r")
_ROUNDED: Final = 9.95
"""Seconds from which a tenth no longer matters."""

PAYERS: Final[Mapping[str, str]] = {
    "subscription": "your Claude subscription",
    "api-key": "your API key (metered)",
    "rehearsal": "nobody: it was a rehearsal",
    "replay": "nobody: it was replayed",
    "cloud": "your cloud account (metered)",
    "other": "the account behind ANTHROPIC_BASE_URL",
}
FREE: Final = frozenset({"rehearsal", "replay"})
"""Payers for whom a call has no cost."""

WINDOWS: Final[Mapping[str, str]] = {
    "five_hour": "5 hours",
    "seven_day": "7 days",
    "seven_day_opus": "7 days, Opus",
    "seven_day_sonnet": "7 days, Sonnet",
    "overage": "extra usage",
}
STATUSES: Final[Mapping[str, str]] = {
    "rejected": "used up",
    "allowed_warning": "nearly used up",
}


def duration(seconds: float) -> str:
    """Nothing is shorter than nothing, though a clock may have been put back meanwhile."""
    seconds = max(0.0, seconds)
    whole = int(seconds)
    if whole >= DAY:
        return f"{whole // DAY} d {whole % DAY // HOUR} h"
    if whole >= HOUR:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    if whole >= MINUTE:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    if 0 < seconds < 0.1:  # noqa: PLR2004 - below a tenth of a second, tenths say nothing
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s"


def cost(usd: float | None) -> str:
    """In dollars: to a cent from one dollar on, below that to what two digits need."""
    if usd is None:
        return "unknown"
    if usd == 0 or usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.3f}" if usd >= 0.001 else f"${usd:.5f}"  # noqa: PLR2004 - a tenth of a cent


def price(sums: Sums) -> str:
    """What some calls cost; a dash where nothing was used that could have cost anything."""
    return "-" if sums.cost_usd is None and sums.usage == Usage() else cost(sums.cost_usd)


def counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def extra_usage(extra: Sums) -> str:
    """What was drawn from paid extra usage."""
    tokens = extra.usage.prompt_tokens + extra.usage.output_tokens
    return f"{counted(extra.calls, 'call')}, {tokens:,} tokens, about {cost(extra.cost_usd)}"


def ending(status: int | None) -> str:
    """How a command ended, after its name."""
    return "has not ended" if status is None else f"ended with {status}"


def window_name(name: str) -> str:
    return WINDOWS.get(name, printable(name.replace("_", " ")))


def window_words(use: WindowUse, now: float) -> str:
    """What is known of a window, `now` in seconds of the epoch; empty if nothing is."""
    return ", ".join(_window(use.last, use.used_here, now))


def _window(window: PlanWindow, used_here: float | None, now: float) -> Iterator[str]:
    if window.utilization is not None:
        added = round(100 * (used_here or 0.0))
        yield f"{window.utilization:.0%} used" + (f" (+{added} in this run)" if added else "")
    if window.status in STATUSES and (window.utilization or 0.0) < 1:
        yield STATUSES[window.status]
    if (resets := window.resets_at) is not None:
        yield f"resets {clock(resets)}" + (f", in {duration(resets - now)}" if resets > now else "")


def clock(moment: float) -> str:
    """Day and time of `moment` (seconds of the epoch) where the reader is."""
    return time.strftime("%a %H:%M", time.localtime(moment))


def printable(text: str) -> str:
    """`text` as one line without control characters: names come from requests, and in a
    terminal they could be more than text."""
    return "".join(
        c if c.isprintable() else " " if c in _BLANK else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def cells(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns; a word that is longer is broken."""
    lines, line = [], ""
    for word in text.split():
        if line and cells(line) + 1 + cells(word) <= width:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, width)
        lines += whole
    return [*lines, line]


def _pieces(word: str, width: int) -> list[str]:
    pieces, room = [""], width
    for c in word:
        if (room := room - cells(c)) < 0:
            pieces.append("")
            room = width - cells(c)
        pieces[-1] += c
    return pieces


def shortened(text: str, width: int) -> str:
    """`text`, or as much of its beginning as fits into `width` columns with three dots after."""
    kept = text[: 2 * width]  # hundreds of thousands of characters need not be measured
    if kept == text and cells(text) <= width:
        return text
    while kept and cells(kept) > width - 3:
        kept = kept[:-1]
    return kept.rstrip() + "..."
