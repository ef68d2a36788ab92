"""The terminal's title, which tells of the run while it goes on, and is put back afterwards."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_KEEP: Final = "\x1b[22;0t"
_SET: Final = "\x1b]0;{}\x07"
_PUT_BACK: Final = "\x1b[23;0t"
"""xterm's control sequences, which most terminals have. One that keeps no titles is left with an
empty one, which it replaces by its own."""

Show = Callable[[str | None], None]


@contextmanager
def titled(*, wanted: bool) -> Iterator[Show]:
    """What shows a text in the title of the terminal on stderr; nothing where that is none."""
    if not (wanted and sys.stderr is not None and sys.stderr.isatty()) or _is_dumb():
        yield lambda _: None
        return
    shown: list[str] = []

    def show(text: str | None) -> None:
        if text is not None and text not in shown[-1:]:
            shown[:] = [text]
            _write(_SET.format("".join(filter(str.isprintable, text))))

    _write(_KEEP)
    try:
        yield show
    finally:
        _write(_SET.format("") + _PUT_BACK)


def _is_dumb() -> bool:
    return os.environ.get("TERM", "dumb") in {"dumb", "linux"}


def _write(sequence: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(sequence)
        sys.stderr.flush()
