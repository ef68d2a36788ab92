"""The bridges that `claude-run serve` keeps up: which there are, and how they are ended."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import psutil

from claude_run.bridge.hosts import UNIX, is_socket
from claude_run.bridge.place import absolute
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.registry import Running, running
from claude_run.usage.words import duration

NONE: Final = 1
_PLACES: Final = frozenset({"host", "port"})
TITLE: Final = "claude-run serve"
_LOOK_EVERY: Final = 0.05  # seconds


def status(call: Call) -> int:
    """Tell what is served; 1 where nothing is."""
    found = served(call)
    for one in found:
        since = duration(time.time() - one.began)
        print(f"{_where(one)}  process {one.pid}  for {since}  paid by {one.paid_by}")
    if not found:
        say(f"nothing is served{_there(call)}; `claude-run serve --background` begins it")
    return 0 if found else NONE


def stop(call: Call) -> int:
    """End what is served, as SIGTERM does, and wait until it has ended; 1 where nothing is."""
    found = served(call)
    if not found:
        say(f"nothing is served{_there(call)}")
        return NONE
    if len(found) > 1 and not _PLACES & call.given:
        say(f"several are served; say which: {', '.join(map(_option, found))}")
        return NONE
    ending = [process for one in found if (process := _process(one.pid)) is not None]
    for process in ending:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    while any(map(_runs, ending)):
        time.sleep(_LOOK_EVERY)
    return 0


def _process(pid: int) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def _runs(process: psutil.Process) -> bool:
    """False also where nobody has taken note of its end, as in a container."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def served(call: Call) -> Sequence[Running]:
    """What is served, as far as it is at the port or on the socket that `call` gives."""
    host, port = call.values["host"] or "", call.values["port"]
    path = absolute(host.removeprefix(UNIX)) if is_socket(host) else None
    return [
        one
        for one in running(os.environ)
        if one.title == TITLE
        and ("port" not in call.given or one.port == port)
        and (path is None or one.socket_path == path)
    ]


def _where(one: Running) -> str:
    return f"{UNIX}{one.socket_path}" if one.socket_path else one.base_url


def _option(one: Running) -> str:
    return f"--host {_where(one)}" if one.socket_path else f"--port {one.port}"


def _there(call: Call) -> str:
    told = [f"--{name} {call.values[name]}" for name in sorted(_PLACES & call.given)]
    return f" at {' '.join(told)}" if told else ""
