"""The bridge process and its sessions, seen from outside."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil

_QUIET_SECONDS = 0.25
_QUIET_SHARE = 0.04  # of one core; an idle CLI still blinks


def sessions(bridge: psutil.Process) -> list[psutil.Process]:
    """The live CLI processes."""
    return [child for child in bridge.children() if _is_alive(child)]


def cpu_seconds(process: psutil.Process) -> float:
    """Of the process and of its children, also those that have ended. Both are in the
    children's own time only once they have been waited for."""
    times = process.cpu_times()
    live = (child.cpu_times() for child in _reachable(process))
    return times.children_user + times.children_system + sum(t.user + t.system for t in live)


def own_cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def until_quiet(bridge: psutil.Process) -> None:
    """Returns when neither the bridge nor any session has anything to do."""
    before = own_cpu_seconds(bridge) + cpu_seconds(bridge)
    while True:
        began = time.monotonic()
        await asyncio.sleep(_QUIET_SECONDS)
        after = own_cpu_seconds(bridge) + cpu_seconds(bridge)
        if after - before < _QUIET_SHARE * (time.monotonic() - began):
            return
        before = after


def _reachable(process: psutil.Process) -> Iterator[psutil.Process]:
    for child in process.children():
        with suppress(psutil.Error):
            child.cpu_times()
            yield child


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
