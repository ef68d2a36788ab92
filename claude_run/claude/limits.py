"""How much a run may use of the machine."""

import math
import time
from dataclasses import dataclass
from typing import Final

from claude_run.claude.machine import available_memory, cores
from claude_run.settings import Settings

MIB: Final = 1024 * 1024
SESSION_BYTES: Final = 300 * MIB  # a process begins with 170 MiB, and grows with every turn
KEPT_FREE: Final = 1024 * MIB
LOW_MEMORY: Final = 512 * MIB
_MOST_SPARES: Final = 2
_GLANCE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`concurrency` bounds turns in flight, `sessions` live processes (never fewer), `starts`
    those of them that are starting; `spares` are started before anybody has asked; `bytes` is
    what one may grow to, the rest are seconds and a count of turns."""

    concurrency: int
    sessions: int
    starts: int
    spares: int = 1
    bytes: int = 600 * MIB
    age: float = 3600.0
    turns: int = 200
    parked: float = 300.0


def limits_of(settings: Settings, *, cores: int, available: int) -> Limits:
    """The settings' limits, or what `cores` and `available` bytes of memory allow.

    A turn spends its time waiting for the model, so that a core carries eight of them. A start
    keeps a core busy: of many at once, none would be ready before nearly all of them are. While
    nobody has asked, half of the cores are left to the command, which is starting itself.
    """
    affordable = max(2, (available - KEPT_FREE) // SESSION_BYTES)
    sessions = settings.max_sessions or min(64, affordable, 16 * cores)
    concurrency = settings.max_concurrency or max(2, min(32, 8 * cores, affordable))
    if settings.max_sessions is not None:
        concurrency = min(concurrency, sessions)
    spares = max(1, min(_MOST_SPARES, cores // 2, concurrency))
    return Limits(concurrency, max(sessions, concurrency), starts=cores + 1, spares=spares)


def machine_limits(settings: Settings) -> Limits:
    return limits_of(settings, cores=cores(), available=available_memory())


class Memory:
    """Whether memory is low. It is looked at once a second at most: half a dozen files are
    read for it, which takes as long as all the rest of a plan."""

    def __init__(self) -> None:
        self._seen = -math.inf
        self._is_low = False

    @property
    def is_low(self) -> bool:
        if (now := time.monotonic()) >= self._seen + _GLANCE_SECONDS:
            self._seen, self._is_low = now, available_memory() < LOW_MEMORY
        return self._is_low
