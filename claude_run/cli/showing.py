"""A table on standard output: Rich's on a terminal, columns between tabs in a pipe."""

import os
import sys
from collections.abc import Iterable, Sequence


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A closed pipe (`| head`) is no failure."""
    try:
        if sys.stdout.isatty():
            _on_terminal(columns, rows)
        else:
            sys.stdout.writelines("\t".join(row) + "\n" for row in (columns, *rows))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _on_terminal(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only a terminal waits for it
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=place == 0, style="bold" * (not place))
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
