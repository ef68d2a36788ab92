"""The report of a run as a person reads it, on stderr: coloured in a terminal, plain elsewhere."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from typing import Any, Final, TextIO

COST: Final = "API-equivalent cost (estimate, not a bill)"
NOTHING: Final = "claude-run: no calls were made to Claude"
PLAIN_WIDTH: Final = 120
NARROWEST: Final = 60

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

PAYERS: Final[Mapping[str, str]] = {
    "subscription": "your Claude subscription",
    "api-key": "your API key (metered)",
    "rehearsal": "nobody: it was a rehearsal",
    "replay": "nobody: it was replayed",
    "cloud": "your cloud account (metered)",
    "other": "the account behind ANTHROPIC_BASE_URL",
}
WINDOWS: Final[Mapping[str, str]] = {
    "five_hour": "5-hour window",
    "seven_day": "7-day window",
    "seven_day_opus": "7-day window for Opus",
    "seven_day_sonnet": "7-day window for Sonnet",
}
CASSETTE: Final = ("replayed", "recorded", "missed", "unused")
STATUSES: Final[Mapping[str, str]] = {
    "rejected": "used up",
    "allowed_warning": "nearly used up",
}
COUNTS: Final[Mapping[str, str]] = {
    "calls": "calls",
    "errors": "errors",
    "input": "input_tokens",
    "cache read": "cache_read_tokens",
    "cache write": "cache_write_tokens",
    "output": "output_tokens",
}
"""The columns that hold counts, and what the report calls them."""

Report = Mapping[str, Any]
Line = tuple[str, str]


def print_summary(report: Report | None, *, stderr: TextIO | None) -> None:
    """Write the summary of `report` to `stderr`; None is a run in which nothing was served.

    What goes wrong here stays here: it must not change how the run ends.
    """
    with suppress(Exception):
        if stderr is not None:
            stderr.write(summary(report or {}, width=_width(stderr), now=time.time()))
            stderr.flush()


def summary(report: Report, *, width: int | None, now: float) -> str:
    """The text of it, in colours and `width` columns wide for a terminal, plain if None.

    `now` is in seconds of the epoch.
    """
    notices = list(_notices(report))
    if not report.get("models"):
        return "".join(f"{line}\n" for line in [NOTHING, *(f"  {text}" for _, text in notices)])
    lines = [*_times(report), *_money(report), *_cassette(report), *_windows(report, now), *notices]
    return _render(_rows(report["models"]), lines, width)


def _rows(models: Sequence[Report]) -> list[list[str]]:
    """The table's cells, header first, with a row of totals where there is more than one."""
    rows = [["model", *COUNTS, "cost, estimated"]]
    rows += [_row(str(model["model"]), [model]) for model in models]
    if len(models) > 1:
        rows.append(_row("together", models))
    return rows


def _row(name: str, models: Sequence[Report]) -> list[str]:
    counts = (f"{sum(model[key] for model in models):,}" for key in COUNTS.values())
    return [_printable(name), *counts, _cost(models)]


def _cost(models: Sequence[Report]) -> str:
    known = [model["cost_usd"] for model in models if model["cost_usd"] is not None]
    return f"${sum(known):,.4f}" if known else "unknown"


def _times(report: Report) -> Iterator[Line]:
    yield "wall time", _duration(report["wall_seconds"])
    yield "time in Claude", _duration(report["claude_seconds"])
    if report["first_token_p50"] is not None and report["first_token_p95"] is not None:
        half, most = _duration(report["first_token_p50"]), _duration(report["first_token_p95"])
        yield "time to first token", f"p50 {half}, p95 {most}"
    waited = f", {_duration(report['waited_seconds'])} spent waiting for a session"
    yield "most at once", f"{report['most_at_once']}{waited if report['waited_seconds'] else ''}"
    if sessions := ", ".join(f"{n} {kind}" for kind, n in report["sessions"].items() if n):
        yield "sessions", sessions


def _money(report: Report) -> Iterator[Line]:
    yield COST, _cost(report["models"])
    yield "paid by", PAYERS.get(report["paid_by"], _printable(str(report["paid_by"])))


def _cassette(report: Report) -> Iterator[Line]:
    """What a run with a cassette replayed and recorded, what it lacked, and what it saved."""
    if (told := report.get("cassette")) is None:
        return
    counts = {**told, "unused": len(told["unused"])}
    done = (f"{counts[kind]:,} {kind}" for kind in CASSETTE if counts[kind])
    yield "cassette", ", ".join(done) or "not used"
    if told["replayed"]:
        saved = f"{told['saved_tokens']:,} tokens, ${told['saved_cost_usd']:,.4f}"
        yield "saved by replaying", f"{saved}, {_duration(told['saved_seconds'])} of Claude's time"
    for text in (*told["problems"], *told["misses"]):
        yield "cassette", "\n".join(map(_printable, text.splitlines()))
    if (more := told["missed"] - len(told["misses"])) > 0:
        yield "cassette", f"and {more:,} more misses"


def _windows(report: Report, now: float) -> Iterator[Line]:
    for window in report["windows"]:
        name = str(window["name"])
        label = WINDOWS.get(name, _printable(name.replace("_", " ")))
        if told := ", ".join(_window(window, now)):
            yield label, told


def _window(window: Report, now: float) -> Iterator[str]:
    if window["utilization"] is not None:
        yield f"{window['utilization']:.0%} used"
    if window["status"] in STATUSES:
        yield STATUSES[window["status"]]
    if (resets := window["resets_at"]) is not None:
        clock = time.strftime("%a %H:%M", time.localtime(resets))
        yield f"resets {clock} (in {_duration(max(0.0, resets - now))})"


def _notices(report: Report) -> Iterator[Line]:
    for notice in report.get("notices", ()):
        times = f" ({notice['count']} times)" if notice["count"] > 1 else ""
        yield "note", _printable(f"{notice['text']}{times}")


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole >= DAY:
        return f"{whole // DAY} d {whole % DAY // HOUR} h"
    if whole >= HOUR:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    if whole >= MINUTE:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{seconds:.2f} s"


def _printable(text: str) -> str:
    """Names come from requests: in a terminal they could be more than text."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _width(stderr: TextIO) -> int | None:
    if not stderr.isatty():
        return None
    return max(os.get_terminal_size(stderr.fileno()).columns or 80, NARROWEST)


def _render(rows: Sequence[Sequence[str]], lines: Sequence[Line], width: int | None) -> str:
    # Rich costs as much to import as the rest of the wrapper: only a table is worth it.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, title in enumerate(rows[0]):
        table.add_column(title, justify="right" if number else "left", overflow="fold")
    for row in rows[1:]:
        table.add_row(*map(Text, row))  # Text: in a plain string "sonnet[1m]" is markup
    details = Table.grid(padding=(0, 2))
    for label, value in lines:
        details.add_row(Text(label, style="dim"), Text(value))
    console = Console(
        file=StringIO(),
        width=width or PLAIN_WIDTH,
        force_terminal=width is not None,
        color_system=None if width is None else "auto",
    )
    with console.capture() as captured:
        console.print(table, "", details)
    return "\n" + "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
