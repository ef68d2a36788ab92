"""Run the benchmarks and print one table: `python -m tests.benchmarks [PART …]`."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.benchmarks import (
    Row,
    cassettes,
    connection,
    disk,
    latency,
    memory,
    shapes,
    spool,
    startup,
    stress,
    throughput,
)

PARTS: Final[Mapping[str, Callable[[], Iterable[Row]]]] = {
    "startup": startup.rows,
    "latency": latency.rows,
    "connection": connection.rows,
    "throughput": throughput.rows,
    "shapes": shapes.rows,
    "memory": memory.rows,
    "spool": spool.rows,
    "cassettes": cassettes.rows,
    "disk": disk.rows,
    "stress": stress.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    asked = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in asked if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]}")
    table = _table()
    for part in asked:
        print(f"{part} …", file=sys.stderr, flush=True)
        for row in PARTS[part]():
            table.add_row(part, *_cells(row))
        table.add_section()
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _table() -> Table:
    table = Table()
    for title in ("part", "measured", "ratio", "target", "note"):
        table.add_column(title, justify="right" if title == "ratio" else "left")
    return table


def _cells(row: Row) -> tuple[Text, ...]:
    style = "bold red" if row.missed else ""
    return (
        Text(row.measured),
        Text(f"{row.ratio:.2f}", style),
        Text(f"{row.target}{', missed' if row.missed else ''}", style),
        Text(row.note),
    )


if __name__ == "__main__":
    main()
