"""What has been asked lately, and so will soon be asked again."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from claude_run.claude.pool.candidates import Wanted
from claude_run.claude.pool.lru import Recent
from claude_run.claude.session.shape import Shape

_WINDOW_SECONDS: Final = 5.0
_START_SECONDS: Final = 0.6
_SHAPES: Final = 64
_FEW: Final = 32  # conversations; what was before counts half


@dataclass(slots=True)
class _Asked:
    """When new conversations of one shape began, and what the last of them wanted; of the last
    few, how many began and how many went on."""

    wanted: Wanted
    times: deque[float] = field(default_factory=lambda: deque(maxlen=256))
    began: int = 0
    went_on: int = 0

    @property
    def lately(self) -> int:
        since = time.monotonic() - _WINDOW_SECONDS
        return sum(at > since for at in self.times)


class Demand:
    """New conversations by shape, and whether they are gone on with."""

    def __init__(self) -> None:
        self._asked: Recent[Shape, _Asked] = Recent(_SHAPES)

    def began(self, wanted: Wanted) -> None:
        asked = self._of(wanted)
        asked.wanted = wanted
        asked.times.append(time.monotonic())
        asked.began += 1
        if asked.began > _FEW:
            asked.began //= 2
            asked.went_on //= 2
        self._asked.put(wanted.shape, asked)

    def went_on(self, wanted: Wanted) -> None:
        """Its first answer was not its last."""
        self._of(wanted).went_on += 1

    def goes_on(self, shape: Shape) -> bool:
        """Whether a conversation of this shape is rather more than one exchange."""
        asked = self._asked.get(shape)
        return asked is not None and 0 < asked.began <= 2 * asked.went_on

    def latest(self) -> Wanted | None:
        """What the last new conversation wanted."""
        return next((asked.wanted for asked in reversed(self._asked.values())), None)

    def lively(self) -> Iterator[Wanted]:
        """What the next conversations will want, the latest shape first."""
        return (a.wanted for shape, a in reversed(self._asked.items()) if self.is_lively(shape))

    def is_lively(self, shape: Shape) -> bool:
        """Whether several conversations have begun lately; one says nothing of a rate."""
        return self._lately(shape) > 1

    def during_a_start(self, shape: Shape) -> int:
        """How many conversations will begin while a process starts, and one more."""
        return round(self._lately(shape) / _WINDOW_SECONDS * _START_SECONDS) + 1

    def forget(self, shape: Shape) -> None:
        self._asked.pop(shape, None)

    def _of(self, wanted: Wanted) -> _Asked:
        return self._asked.setdefault(wanted.shape, _Asked(wanted))

    def _lately(self, shape: Shape) -> int:
        asked = self._asked.get(shape)
        return asked.lately if asked else 0
