"""What the tests of a session asked of Claude, as the terminal's summary tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from claude_run.usage.words import cost, counted, duration

Told = Mapping[str, Any]
"""What a test's scope came to."""

_HEADS: Final = ("calls", "replayed", "asked", "time", "tokens", "cost", "test")


def lines(told: Sequence[Told], *, is_full: bool) -> Iterator[str]:
    """The sum of `told` in a line, and what went wrong with cassettes; before them, if `is_full`, a
    row for each test, the dearest and slowest first."""
    if is_full:
        yield from _aligned([_HEADS, *map(_row, sorted(told, key=_weight, reverse=True))])
    yield _together(told)
    cassettes = [(one["test"], one["cassette"]) for one in told if one["cassette"] is not None]
    for test, cassette in cassettes:
        if cassette["unused"] and cassette["is_own"]:  # who else uses another one may not have run
            yield f"{counted(len(cassette['unused']), 'recording')} not used by {test}"
        yield from (f"{test}: {problem}" for problem in cassette["problems"])


def _weight(one: Told) -> tuple[float, float]:
    return one["cost_usd"] or 0.0, one["seconds"]


def _row(one: Told) -> tuple[str, ...]:
    return (
        str(one["calls"]),
        str(one["replayed"]),
        str(one["calls"] - one["replayed"] - _missed(one)),
        duration(one["seconds"]),
        f"{one['tokens']:,}",
        "-" if one["cost_usd"] is None else cost(one["cost_usd"]),
        one["test"],
    )


def _missed(one: Told) -> int:
    """Calls that its cassette lacked, which nobody was asked."""
    return int(one["cassette"]["missed"]) if one["cassette"] else 0


def _together(told: Sequence[Told]) -> str:
    calls, replayed = (sum(one[name] for one in told) for name in ("calls", "replayed"))
    missed = sum(map(_missed, told))
    tokens, dollars = (sum(one[name] or 0 for one in told) for name in ("tokens", "cost_usd"))
    asked = f"{counted(calls, 'call')}: {replayed} replayed, {calls - replayed - missed} asked"
    asked += f", {missed} missed" if missed else ""
    spent = f"{asked}, {tokens:,} tokens"
    if any(one["cost_usd"] is not None for one in told):
        spent += f", {cost(dollars)} at API prices"
    failed = sum(one["errors"] for one in told)
    return f"{spent}, {failed} failed" if failed else spent


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Numbers to the right, the last column as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *numbers, last = row
        cells = (cell.rjust(width) for cell, width in zip(numbers, widths, strict=False))
        yield "  ".join([*cells, last])
