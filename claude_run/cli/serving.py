"""The bridges that `claude-run serve` keeps up: which there are, and how they are ended."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from claude_run.cli.saying import say
from claude_run.registry import Running, running
from claude_run.usage.words import duration

NONE: Final = 1
TITLE: Final = "claude-run serve"
_LOOK_EVERY: Final = 0.05  # seconds


def status(port: int | None) -> int:
    """Tell what is served; 1 where nothing is."""
    found = served(port)
    for one in found:
        since = duration(time.time() - one.began)
        print(f"{one.base_url}  process {one.pid}  for {since}  paid by {one.paid_by}")
    if not found:
        say(f"nothing is served{_on(port)}; `claude-run serve --background` begins it")
    return 0 if found else NONE


def stop(port: int | None) -> int:
    """End what is served, as SIGTERM does, and wait until it has ended; 1 where nothing is."""
    found = served(port)
    if not found:
        say(f"nothing is served{_on(port)}")
        return NONE
    if len(found) > 1 and port is None:
        ports = ", ".join(str(one.port) for one in found)
        say(f"several are served; say which: --port {ports}")
        return NONE
    for one in found:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGTERM)
    while any(one.pid in {other.pid for other in served(port)} for one in found):
        time.sleep(_LOOK_EVERY)
    return 0


def served(port: int | None) -> Sequence[Running]:
    return [
        one
        for one in running(os.environ)
        if one.title == TITLE and (port is None or one.port == port)
    ]


def _on(port: int | None) -> str:
    return f" on port {port}" if port is not None else ""
