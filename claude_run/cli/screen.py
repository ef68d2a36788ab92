"""What `claude-run watch` shows of a run: its figures, what it is doing, and what went wrong."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from claude_run.registry import Running
from claude_run.turn import JsonObject, PlanWindow
from claude_run.usage.totals import WindowUse
from claude_run.usage.words import (
    FREE,
    PAYERS,
    cost,
    duration,
    printable,
    window_name,
    window_words,
)

MOST_ROWS: Final = 8
_BAR: Final = 20  # columns
_NEARLY: Final = 0.9
_LATE: Final = 0.75


def screen(run: Running, told: JsonObject, now: float) -> RenderableType:
    """`told` is what `GET /v1/usage` says; `now` is in seconds of the epoch."""
    parts: list[RenderableType | None] = [
        _heading(run, now),
        _doing(told["now"]),
        _plan(told["windows"], now),
        _figures("model", told["models"], run),
        _figures("label", told["labels"], run),
        _in_flight(told["now"]),
        _errors(told["now"]["last_errors"]),
    ]
    return Group(*_apart(part for part in parts if part is not None))


def _apart(parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
    for number, part in enumerate(parts):
        if number:
            yield Text()
        yield part


def _heading(run: Running, now: float) -> RenderableType:
    payer = PAYERS.get(run.paid_by, run.paid_by)
    first = Text.assemble((printable(run.title), "bold"), f"  process {run.pid}", no_wrap=True)
    first.overflow = "ellipsis"
    return Group(first, Text(f"running {duration(now - run.began)}, paid by {payer}"))


def _doing(doing: Mapping[str, Any]) -> RenderableType:
    rates = doing["per_minute"]
    failed = f", {rates['failed']:,.0f} failed" if rates["failed"] else ""
    return Text.assemble(
        f"{doing['in_flight']:,} in flight; a minute: {rates['calls']:,.0f} calls",
        (failed, "bold red"),
        f", {rates['output_tokens']:,.0f} output tokens",
    )


def _plan(windows: Sequence[JsonObject], now: float) -> RenderableType | None:
    if not windows:
        return None
    grid = Table.grid(padding=(0, 2))
    for told in windows:
        window = PlanWindow(**told)
        share = min(1.0, window.utilization or 0.0)
        style = "red" if share >= _NEARLY else "yellow" if share >= _LATE else "green"
        full = round(_BAR * share)
        bar = Text("█" * full, style) + Text("░" * (_BAR - full), "default")
        words = window_words(WindowUse(window, None), now)
        grid.add_row(Text(window_name(window.name)), bar, Text(words))
    return grid


def _figures(title: str, rows: Sequence[JsonObject], run: Running) -> RenderableType | None:
    if not rows:
        return None
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(title, overflow="ellipsis", no_wrap=True)
    for column in ("calls", "failed", "input", "cached", "output"):
        table.add_column(column, justify="right", no_wrap=True)
    if run.paid_by not in FREE:
        table.add_column("~ cost", justify="right", no_wrap=True)
    for row in rows[:MOST_ROWS]:
        cells = [Text(f"{number:,}") for number in _numbers(row)]
        cells[1].stylize("bold red" if row["errors"] else "")
        table.add_row(Text(printable(row[title])), *cells, *_price(row, run))
    if len(rows) > MOST_ROWS:
        table.add_row(Text(f"and {len(rows) - MOST_ROWS} more"))
    return table


def _numbers(row: JsonObject) -> tuple[int, ...]:
    read = row["input_tokens"] + row["cache_read_tokens"] + row["cache_write_tokens"]
    return row["calls"], row["errors"], read, row["cache_read_tokens"], row["output_tokens"]


def _price(row: JsonObject, run: Running) -> list[Text]:
    return [] if run.paid_by in FREE else [Text(cost(row["cost_usd"]))]


def _in_flight(doing: Mapping[str, Any]) -> RenderableType | None:
    if not doing["oldest"]:
        return None
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("in flight", "label", "state", "for"):
        table.add_column(column, overflow="ellipsis", no_wrap=True)
    for one in doing["oldest"]:
        names = (Text(printable(one[name] or "")) for name in ("model", "label", "state"))
        table.add_row(*names, Text(duration(one["seconds"])))
    if (more := doing["in_flight"] - len(doing["oldest"])) > 0:
        table.add_row(Text(f"and {more} more"))
    return table


def _errors(errors: Sequence[JsonObject]) -> RenderableType | None:
    if not errors:
        return None
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for error in reversed(errors):
        at = time.strftime("%H:%M:%S", time.localtime(error["at"]))
        grid.add_row(Text(at), Text(str(error["status"]), "bold red"), Text(_said(error)))
    return Group(Text("last errors", "bold"), grid)


def _said(error: JsonObject) -> str:
    who = ", ".join(printable(error[name]) for name in ("model", "label") if error[name])
    return f"{who}: {printable(error['message'])}" if who else printable(error["message"])
