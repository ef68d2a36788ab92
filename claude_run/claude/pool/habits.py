"""What conversations have lately been like, and so will soon be like again."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from claude_run.claude.pool.lru import LRU

_WINDOW_SECONDS: Final = 5.0
_START_SECONDS: Final = 0.6
_STAGES: Final = 256
_ENOUGH: Final = 4  # conversations, to say that such a one is over
_FEW: Final = 32  # conversations; what was before counts half


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a conversation rests until it goes on: of what kind it is, whether it was asked once
    only, and whether its last answer calls tools."""

    kind: int | None
    is_first: bool
    calls: bool

    @property
    def is_usually_last(self) -> bool:
        """Whether most programs leave it there, as far as anybody knows who has seen none."""
        return self.is_first and not self.calls


@dataclass(slots=True)
class _Seen:
    """Of the last few conversations at one stage, how many rested and how many went on."""

    rested: int = 0
    went_on: int = 0

    @property
    def keeps_on(self) -> bool | None:
        """Whether half of them went on; None while that cannot be told."""
        if 0 < self.rested <= 2 * self.went_on:
            return True
        return False if self.rested >= _ENOUGH else None


class Habits:
    """How often conversations begin, and by stage whether they go on from there. Times are of
    one monotonic clock, which the caller reads."""

    def __init__(self) -> None:
        self._stages: LRU[Stage, _Seen] = LRU(_STAGES)
        self._times: deque[float] = deque(maxlen=256)

    def began(self, now: float) -> None:
        """A conversation has begun."""
        self._times.append(now)

    def rested(self, stage: Stage) -> None:
        """A conversation has been answered."""
        for seen in self._seen(stage):
            seen.rested += 1
            if seen.rested > _FEW:
                seen.rested //= 2
                seen.went_on //= 2

    def went_on(self, stage: Stage) -> None:
        """A conversation that rested there was gone on with."""
        for seen in self._seen(stage):
            seen.went_on += 1

    def keeps_on(self, stage: Stage) -> bool:
        """Whether such a conversation is rather gone on with than not. Where its own kind says
        nothing, the others only tell that it is over after all: an optimiser's prompts are all
        new, and none of them should be kept because somebody else chats."""
        own = self._stages.get(stage)
        found = own.keeps_on if own is not None else None
        if found is None and not stage.is_usually_last:
            all_ = self._stages.get(replace(stage, kind=None))
            found = all_.keeps_on if all_ is not None else None
        return not stage.is_usually_last if found is None else found

    def during_a_start(self, now: float) -> int:
        """How many conversations will begin while a process starts, and one more."""
        lately = sum(at > now - _WINDOW_SECONDS for at in self._times)
        return round(lately / _WINDOW_SECONDS * _START_SECONDS) + 1

    def _seen(self, stage: Stage) -> tuple[_Seen, _Seen]:
        """What is known of the stage, and of the same one of any kind."""
        both = stage, replace(stage, kind=None)
        seen = tuple(self._stages.get(known) or _Seen() for known in both)
        for known, counted in zip(both, seen, strict=True):
            self._stages.put(known, counted)
        return seen[0], seen[1]
