"""A table in a terminal: names are never broken, columns that have no room are left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from claude_run.usage.totals import Sums
from claude_run.usage.words import cells, shortened

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
