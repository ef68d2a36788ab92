"""What one run has of a cassette: what there is, what was given of it, and what it saved."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from claude_run.cassette.answers import Recorded
from claude_run.cassette.document import asked
from claude_run.cassette.files import Recording, key_of
from claude_run.cassette.masks import Masks, masked
from claude_run.cassette.nearest import Neighbours
from claude_run.turn import Failure, JsonObject, TurnError, TurnRequest, Usage

SHOWN: Final = 3
"""Misses of a run that are told in full; the rest is counted."""

Tell = Callable[[str], None]
"""Says a line to the person, on stderr."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request as a cassette knows it. `number` counts those of one key in a run, from 0, in
    the order in which they were asked."""

    key: str
    number: int
    document: JsonObject
    blobs: Mapping[str, bytes] = field(default_factory=dict)


class Tape:
    """`rehearses` says that a stand-in's answers will do; `repeats` that the last answer of a
    request is given again when there is no further one."""

    def __init__(
        self,
        recordings: Iterable[Recording],
        masks: Masks,
        *,
        rehearses: bool = False,
        repeats: bool = False,
        tell: Tell = lambda _: None,
    ) -> None:
        self.masks: Final = masks
        self._rehearses = rehearses
        self._repeats = repeats
        self._there: dict[str, list[Recording]] = {}
        for recording in recordings:
            self._there.setdefault(self._key(recording), []).append(recording)
        self._asked: Counter[str] = Counter()
        self._given: dict[str, set[int]] = {}
        self._written: set[str] = set()
        self.score: Final = Score(tell)

    def question(self, request: TurnRequest, model: str) -> Question:
        """`request` for `model`, and its number. Called when the request comes, before
        anything is waited for: several at once are numbered in the order of their coming."""
        what = asked(request, model)
        document = masked(what.document, self.masks)
        key = key_of(document)
        self._asked[key] += 1
        return Question(key, self._asked[key] - 1, document, what.blobs)

    def take(self, question: Question) -> Recorded | None:
        """The answer that was recorded for `question`, if there is one; it counts as given."""
        answers = self.answers(question.key)
        number = min(question.number, len(answers) - 1) if self._repeats else question.number
        if not 0 <= number < len(answers):
            return None
        self._given.setdefault(question.key, set()).add(number)
        self.score.replay(answers[number])
        return answers[number]

    def answers(self, key: str) -> list[Recorded]:
        """All that were there for `key` when the run began, and will do."""
        recordings = self._there.get(key, ())
        return [a for r in recordings for a in r.answers if self._rehearses or not a.rehearsed]

    def recording(self, key: str) -> Recording | None:
        """As it was when the run began."""
        return next(iter(self._there.get(key, ())), None)

    @cached_property
    def neighbours(self) -> Neighbours:
        """Made when the first request is missed."""
        return Neighbours(recording for found in self._there.values() for recording in found)

    def wrote(self, file: str) -> None:
        """An answer was recorded in `file`."""
        self._written.add(file)
        self.score.recorded += 1

    def used(self) -> list[str]:
        """The files of the recordings of which something was given, or that were written."""
        return sorted(self._written | {r.file for key in self._given for r in self._there[key]})

    def unused(self) -> list[str]:
        """The files of the recordings of which an answer was not given."""
        return sorted(
            recording.file
            for key, found in self._there.items()
            for recording in found
            if len(self._given.get(key, ())) < len(self.answers(key))
        )

    def _key(self, recording: Recording) -> str:
        if recording.masks == self.masks.fingerprint:  # a mask of a mask may be another
            return key_of(recording.document)
        return key_of(masked(recording.document, self.masks))


@dataclass(slots=True)
class Score:
    """`saved` tokens, `cost_usd` and `seconds` are those that the replayed answers had taken.
    `problems` says which answers could not be recorded."""

    tell: Tell
    replayed: int = 0
    recorded: int = 0
    missed: int = 0
    saved: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    seconds: float = 0.0
    misses: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def replay(self, answer: Recorded) -> None:
        self.replayed += 1
        self.seconds += answer.seconds
        if (finished := answer.finished) is not None:
            self.saved += finished.usage
            self.cost_usd += finished.cost_usd or 0.0

    def miss(self, message: str) -> TurnError:
        self.missed += 1
        if len(self.misses) < SHOWN:
            self.misses.append(message)
            self.tell(message)
        return TurnError(Failure.CASSETTE_MISS, message)

    def not_recorded(self, why: str) -> None:
        self.problems.append(f"an answer was not recorded: {why}")
        self.tell(self.problems[-1])

    def told(self) -> JsonObject:
        """For the run's report: tokens and dollars that were not spent, seconds not waited."""
        return {
            "replayed": self.replayed,
            "recorded": self.recorded,
            "missed": self.missed,
            "saved_tokens": self.saved.prompt_tokens + self.saved.output_tokens,
            "saved_cost_usd": self.cost_usd,
            "saved_seconds": self.seconds,
            "misses": list(self.misses),
            "problems": list(self.problems),
        }
