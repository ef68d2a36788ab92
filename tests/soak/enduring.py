"""A soak, and what may be said of it."""

from dataclasses import dataclass
from typing import Final

from tests.benchmarks.stress import AT_ONCE, MOST_SESSIONS, Findings, endure
from tests.soak.acts import EVERY_ACT
from tests.soak.view import Sent, WatchedClient, WatchingModel

# How a client hears that the CLI died which was answering it.
CRASHED: Final = ("claude_crashed", "process ended unexpectedly")
MOST_MEMORY: Final = 1.25


@dataclass(frozen=True, slots=True)
class Soaked:
    found: Findings
    model: WatchingModel

    @property
    def sent(self) -> Sent:
        return self.model.sent

    @property
    def hit(self) -> list[str]:
        """Acts that ended because the CLI was killed that was answering them."""
        return [act for act in self.found.tally.wrong if _is_a_crash(act)]

    @property
    def wrong(self) -> list[str]:
        return [act for act in self.found.tally.wrong if not _is_a_crash(act)]

    @property
    def unlabelled(self) -> int:
        """Requests that said what they were for, and were counted as something else."""
        counted = {row["label"]: row["calls"] for row in self.found.report["labels"]}
        sent = self.sent.labels
        names = sent.keys() | counted.keys()
        return sum(abs(sent.get(name, 0) - counted.get(name, 0)) for name in names)

    def faults(self) -> list[str]:
        """Everything that must not be, in words."""
        found = self.found
        counted = {
            "answers are wrong": len(self.wrong),
            "acts failed for want of a CLI, more than were killed": len(self.hit) - found.killed,
            "upstream requests hold something of another conversation": found.mixed,
            "upstream requests are not what was sent": len(self.model.other),
            "calls are counted under another label": self.unlabelled,
            "places are lost": AT_ONCE - found.places,
            "sessions are too many": found.most_sessions - MOST_SESSIONS,
            "files are open that nothing accounts for": found.files,
            "processes outlived the bridge": found.orphans,
            "files outlived the bridge": found.left,
            "times the memory is held that was held warm": int(found.memory / MOST_MEMORY),
        }
        return [f"{number} {what}" for what, number in counted.items() if number > 0]


def _is_a_crash(act: str) -> bool:
    return any(words in act for words in CRASHED)


def soaked(clients: int, seconds: float, kill_every: float) -> Soaked:
    model = WatchingModel()
    found = endure(
        clients, seconds, EVERY_ACT, kill_every, model, lambda b: WatchedClient(b, model.sent)
    )
    return Soaked(found, model)
