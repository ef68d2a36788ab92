"""What this process may use of the machine, which may be less than what is built in.

A container or a systemd unit may have two of 64 cores and one of 256 GiB. Control groups are a
tree, and each group up to the root may set a limit; there are two versions of their files, and a
machine may use both.
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_ROOT: Final = Path("/")
_COLUMNS: Final = 3  # of /proc/self/cgroup


@dataclass(frozen=True, slots=True)
class MemoryFiles:
    """How one version of control groups names a group's limit and use, in bytes. `cache` is the
    row of `memory.stat` with what the kernel gives back before it lets anything fail."""

    limits: tuple[str, ...]
    used: str
    cache: str


_V1: Final = MemoryFiles(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file")
_V2: Final = MemoryFiles(("memory.max", "memory.high"), "memory.current", "inactive_file")


def cores() -> int:
    """How many cores this process may keep busy, at least one."""
    return max(1, math.ceil(min(_allowed_cores(), cpu_quota(_ROOT))))


def available_memory() -> int:
    """Bytes that can still be used."""
    return int(min(psutil.virtual_memory().available, memory_left(_ROOT)))


def cpu_quota(root: Path) -> float:
    """Cores that the control groups of this process grant together; inf without a limit. `root`
    is where /proc and /sys are."""
    v1 = (_quota_v1(group) for group in _groups(root, "cpu"))
    v2 = (_quota_v2(group) for group in _groups(root, ""))
    return min((*v1, *v2), default=math.inf)


def memory_left(root: Path) -> float:
    """Bytes until the tightest control group of this process is full; inf without a limit."""
    v1 = (_left(group, _V1) for group in _groups(root, "memory"))
    v2 = (_left(group, _V2) for group in _groups(root, ""))
    return min((*v1, *v2), default=math.inf)


def _allowed_cores() -> int:
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on; a person may set it
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota_v1(group: Path) -> float:
    return _cores_of(_text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us"))


def _quota_v2(group: Path) -> float:
    quota, _, period = _text(group / "cpu.max").partition(" ")
    return _cores_of(quota, period)


def _cores_of(quota: str, period: str) -> float:
    with suppress(ValueError, ZeroDivisionError):
        if int(quota) > 0:  # -1 and `max` mean none
            return int(quota) / int(period)
    return math.inf


def _left(group: Path, files: MemoryFiles) -> float:
    limits = [int(text) for name in files.limits if (text := _text(group / name)).isdigit()]
    used = _text(group / files.used)
    if not limits or not used.isdigit():
        return math.inf
    return max(0, min(limits) - max(0, int(used) - _cached(group, files.cache)))


def _cached(group: Path, row: str) -> int:
    rows = (line.partition(" ") for line in _text(group / "memory.stat").splitlines())
    return next((int(value) for name, _, value in rows if name == row), 0)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The directories of this process's group and of all above it that can be seen from here;
    `controller` is empty for version 2, which has one tree for all."""
    path = _paths(root).get(controller)
    if path is None:
        return
    for top, mounted in _mounts(root, controller):
        inside = path[len(top.rstrip("/")) :] if path.startswith(top) else "/"
        group = root / mounted.lstrip("/") / inside.lstrip("/")
        while group != root:
            yield group
            if group == root / mounted.lstrip("/"):
                break
            group = group.parent


def _paths(root: Path) -> Mapping[str, str]:
    """For each controller the path of this process's group in its tree."""
    rows = (line.split(":", 2) for line in _text(root / "proc/self/cgroup").splitlines())
    return {
        name: path
        for _, names, path in (row for row in rows if len(row) == _COLUMNS)
        for name in names.split(",")
    }


def _mounts(root: Path, controller: str) -> Iterator[tuple[str, str]]:
    """Where the tree of `controller` is mounted: which part of it, and the directory."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        place, _, kind = line.partition(" - ")
        match (place.split(), kind.split()):
            case ([_, _, _, top, mounted, *_], ["cgroup2", *_]) if not controller:
                yield top, mounted
            case ([_, _, _, top, mounted, *_], ["cgroup", _, options, *_]) if controller:
                if controller in options.split(","):
                    yield top, mounted


def _text(path: Path) -> str:
    """What a file holds; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
