"""Which calls are the same request again after an error: one call of the user's, not several."""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from claude_run.turn import TurnRequest

_KEPT: Final = 10_000
"""How many failed requests are remembered: 16 bytes each and the id."""


class Retries:
    """The requests that have failed and have not been asked again, by digest."""

    def __init__(self) -> None:
        self._failed: OrderedDict[bytes, str] = OrderedDict()

    def first_attempt(self, request: TurnRequest, choice: int, told: int | None) -> str | None:
        """The request id of the first attempt, where `request` is one that has failed before.

        One failure is repeated by one call. `told` is the number of earlier attempts that the
        client itself speaks of: at 0 it asks anew, whatever it asked before.
        """
        if not self._failed or told == 0:
            return None
        return self._failed.pop(_digest(request, choice), None)

    def failed(self, request: TurnRequest, choice: int, first: str) -> None:
        """`request` has no answer; `first` is the request id of its first attempt."""
        self._failed[_digest(request, choice)] = first
        if len(self._failed) > _KEPT:
            self._failed.popitem(last=False)


def _digest(request: TurnRequest, choice: int) -> bytes:
    return blake2b(f"{choice} {request!r}".encode(errors="replace"), digest_size=16).digest()
