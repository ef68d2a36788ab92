"""What claude-run costs, measured side by side with what it is built on.

Everything is printed as a ratio of two things measured in the same run, so that the numbers
mean the same on any machine.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `at_most` and `at_least` are what the ratio should keep to."""

    measured: str
    ratio: float
    note: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "" if self.at_least is None else f"at least {self.at_least:g}"

    @property
    def missed(self) -> bool:
        return (self.at_most is not None and self.ratio > self.at_most) or (
            self.at_least is not None and self.ratio < self.at_least
        )
