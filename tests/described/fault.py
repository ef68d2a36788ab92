"""What is wrong with an answer, and where."""

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    path: str
    """Names with dots between them; positions in lists are left out."""
    message: str

    @classmethod
    def at(cls, steps: Iterable[str | int], message: str) -> "Fault":
        return cls(".".join(step for step in steps if isinstance(step, str)), message)

    def __str__(self) -> str:
        return f"{self.path or 'the whole'}: {self.message}"
