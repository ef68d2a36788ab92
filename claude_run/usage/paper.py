"""What a summary is written on: a terminal of some width, with colours or without, or a log."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from claude_run.usage.words import wrapped

PLAIN_WIDTH: Final = 100
NARROWEST: Final = 40
LABEL: Final = 10  # columns of "answered" and its like, with the blanks after them


@dataclass(frozen=True, slots=True)
class Paper:
    """What is written on: its width in columns, and whether it has colours."""

    width: int = PLAIN_WIDTH
    is_coloured: bool = False

    def bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.is_coloured else text

    def red(self, text: str) -> str:
        return f"\x1b[1;31m{text}\x1b[0m" if self.is_coloured else text

    def told(self, label: str, text: str) -> Iterator[str]:
        """`text` beside `label`, as many lines as it needs."""
        hang = " " * max(LABEL, len(label) + 2)
        room = max(self.width - len(hang), 20)
        lines = wrapped(text, room)
        yield f"{label:<{len(hang)}}{lines[0]}".rstrip()
        yield from (f"{hang}{line}" for line in lines[1:])


def paper_of(stderr: TextIO) -> Paper:
    """A terminal's own width, with colours unless NO_COLOR or TERM=dumb; plain elsewhere."""
    if not stderr.isatty():
        return Paper()
    columns = os.get_terminal_size(stderr.fileno()).columns or 80
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Paper(max(columns, NARROWEST), is_coloured=not plain)
