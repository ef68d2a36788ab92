"""A soak, and what may be said of it."""

from dataclasses import dataclass

from tests.benchmarks.stress import AT_ONCE, MOST_SESSIONS, Findings, endure
from tests.soak.acts import EVERY_ACT

# How a client hears that the CLI died which was answering it.
CRASHED = "claude_crashed"


@dataclass(frozen=True, slots=True)
class Soaked:
    found: Findings

    @property
    def hit(self) -> list[str]:
        """Acts that ended because the CLI was killed that was answering them."""
        return [act for act in self.found.tally.wrong if CRASHED in act]

    @property
    def wrong(self) -> list[str]:
        return [act for act in self.found.tally.wrong if CRASHED not in act]

    def faults(self) -> list[str]:
        """Everything that must not be, in words."""
        found = self.found
        counted = {
            "answers are wrong": len(self.wrong),
            "acts failed for want of a CLI, more than were killed": len(self.hit) - found.killed,
            "upstream requests hold something of another conversation": found.mixed,
            "places are lost": AT_ONCE - found.places,
            "sessions are too many": found.most_sessions - MOST_SESSIONS,
            "files are open that nothing accounts for": found.files,
            "processes outlived the bridge": found.orphans,
        }
        return [f"{number} {what}" for what, number in counted.items() if number > 0]


def soaked(clients: int, seconds: float, kill_every: float) -> Soaked:
    return Soaked(endure(clients, seconds, EVERY_ACT, kill_every))
