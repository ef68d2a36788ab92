"""What conversations have lately been like, and so will soon be like again."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from claude_run.claude.pool.lru import LRU

_WINDOW_SECONDS: Final = 5.0
_START_SECONDS: Final = 0.6
_KINDS: Final = 256
_FEW: Final = 32  # conversations; what was before counts half


@dataclass(slots=True)
class _Kind:
    """Of the last few conversations of one kind, how many began and how many went on."""

    began: int = 0
    went_on: int = 0


class Habits:
    """How often conversations begin, and by kind whether they go on after their first answer.
    Times are of one monotonic clock, which the caller reads."""

    def __init__(self) -> None:
        self._kinds: LRU[int, _Kind] = LRU(_KINDS)
        self._times: deque[float] = deque(maxlen=256)

    def began(self, kind: int, now: float) -> None:
        self._times.append(now)
        seen = self._of(kind)
        seen.began += 1
        if seen.began > _FEW:
            seen.began //= 2
            seen.went_on //= 2

    def went_on(self, kind: int) -> None:
        """A conversation's first answer was not its last."""
        self._of(kind).went_on += 1

    def keeps_on(self, kind: int) -> bool:
        """Whether a conversation of this kind is rather more than one exchange."""
        seen = self._kinds.get(kind)
        return seen is not None and 0 < seen.began <= 2 * seen.went_on

    def during_a_start(self, now: float) -> int:
        """How many conversations will begin while a process starts, and one more."""
        lately = sum(at > now - _WINDOW_SECONDS for at in self._times)
        return round(lately / _WINDOW_SECONDS * _START_SECONDS) + 1

    def _of(self, kind: int) -> _Kind:
        seen = self._kinds.get(kind) or _Kind()
        self._kinds.put(kind, seen)
        return seen
