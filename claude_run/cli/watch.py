"""`claude-run watch`: a run in another terminal, as it goes on."""

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from claude_run.bridge.errors import AnswerError
from claude_run.bridge.face import Face
from claude_run.cli.arguments import UsageError
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.registry import Running, running

if TYPE_CHECKING:
    from rich.console import Console

FAILED: Final = 1
_EVERY: Final = 0.5  # seconds


def act(call: Call) -> int:
    run = _chosen(running(os.environ), call.words)
    if run is None:
        return FAILED
    from rich.console import Console  # noqa: PLC0415 - not for those who only mistyped

    console = Console(highlight=False)
    try:
        return _watched(run, console) if console.is_terminal else _shown_once(run, console)
    except KeyboardInterrupt:  # the way to end it
        return 0


def _chosen(runs: Sequence[Running], words: Sequence[str]) -> Running | None:
    """The run that is meant, by the id of the process that started it or of its bridge; without
    one the only run there is."""
    if words and not words[0].isdecimal():
        raise UsageError(f"watch: {words[0]!r} is no process id")
    found = [run for run in runs if not words or int(words[0]) in {run.pid, run.bridge}]
    match found:
        case [run]:
            return run
        case []:
            say("no bridge of yours is running" + (f" for process {words[0]}" if words else ""))
        case _:
            say("several are running; name one of them:")
            started = Counter(one.pid for one in found)  # a program may have several bridges
            for one in found:
                pid = one.pid if started[one.pid] == 1 else one.bridge
                sys.stderr.write(f"  claude-run watch {pid}   {one.title}\n")
    return None


def _shown_once(run: Running, console: "Console") -> int:
    from claude_run.cli.screen import screen  # noqa: PLC0415

    try:
        told = _face(run).report()
    except AnswerError as error:
        say(str(error))
        return FAILED
    console.print(screen(run, told, time.time()))
    return 0


def _face(run: Running) -> Face:
    return Face(run.base_url, run.usage_key, socket_path=run.socket_path)


def _watched(run: Running, console: "Console") -> int:
    """Until the run ends; then its last figures stay."""
    from rich.live import Live  # noqa: PLC0415

    from claude_run.cli.screen import screen  # noqa: PLC0415

    bridge, last = _face(run), None
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while run in running(os.environ):
            try:
                told = bridge.report()
            except AnswerError:  # it is about to begin, or has just ended
                time.sleep(_EVERY)
                continue
            last = screen(run, told, time.time())
            live.update(last, refresh=True)
            time.sleep(_EVERY)
    if last is not None:
        console.print(last)
    say(f"{run.title} has ended")
    return 0
