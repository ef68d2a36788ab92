"""A table in a terminal: names are never broken, columns that have no room are left out."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from claude_run.usage.totals import Sums
from claude_run.usage.words import cells, price, shortened

GAP: Final = 2
NARROW: Final = 66
"""Columns of a terminal below which only what matters most is shown."""

Row = tuple[str, Sums]


@dataclass(frozen=True, slots=True)
class Column:
    """What stands in it for a row's name and figures; where there is no room, the column with the
    smallest `keep` goes first."""

    title: str
    cell: Callable[[str, Sums], str]
    keep: int

    def width(self, rows: Sequence[Row]) -> int:
        return max(len(self.title), *(cells(self.cell(*row)) for row in rows))


def figures(
    title: str, rows: Sequence[Row], width: int, unwanted: Collection[str] = ()
) -> list[str]:
    """The lines of a table of models, labels and the like, `unwanted` being titles of columns."""
    columns = [
        Column(title, lambda name, _: name, keep=9),
        Column("calls", lambda _, sums: f"{sums.calls:,}", keep=8),
        Column("failed", lambda _, sums: f"{sums.failed:,}", keep=5),
        Column("input", lambda _, sums: f"{sums.usage.prompt_tokens:,}", keep=2),
        Column("cached", lambda _, sums: f"{sums.usage.cache_read_tokens:,}", keep=1),
        Column("output", lambda _, sums: f"{sums.usage.output_tokens:,}", keep=6),
        Column("~ cost", lambda _, sums: price(sums), keep=7),
    ]
    wanted = [column for column in columns if column.title not in unwanted]
    return table(fitted(wanted, rows, width), rows, width)


def fitted(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[Column]:
    """The columns that fit into `width`; the two that matter most always stay."""
    left = [c for c in columns if width >= NARROW or c.keep > 2]  # noqa: PLR2004 - cached, input
    while len(left) > 2 and _width(left, rows) > width:  # noqa: PLR2004
        left.remove(min(left, key=lambda column: column.keep))
    return left


def table(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[str]:
    """The lines of it, header first: names to the left, figures to the right."""
    name, *figures = columns
    room = width - sum(GAP + column.width(rows) for column in figures)
    first = min(name.width(rows), max(room, 10))

    def line(title: str, cells_: Sequence[str]) -> str:
        title = shortened(title, first)
        parts = [title + " " * (first - cells(title))]
        parts += (
            text.rjust(GAP + column.width(rows))
            for column, text in zip(figures, cells_, strict=True)
        )
        return "".join(parts).rstrip()

    return [
        line(name.title, [column.title for column in figures]),
        *(line(row[0], [column.cell(*row) for column in figures]) for row in rows),
    ]


def _width(columns: Sequence[Column], rows: Sequence[Row]) -> int:
    return sum(column.width(rows) for column in columns) + GAP * (len(columns) - 1)
