"""What the cassette of an optimiser takes on the disk, to the text that is distinct in it."""

import random
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

from claude_run.turn import AssistantTurn, Sampling, Text, Turn, TurnRequest, UserTurn
from tests.benchmarks import Row
from tests.cassette.tapes import record

PROGRAMS: Final = 10
QUESTIONS: Final = 200
DEMONSTRATIONS: Final = 40
_TEXT: Final = (
    "Marie Curie shared the Nobel Prize in Physics with her husband Pierre and with Henri Becquerel"
    " for what they had found out about radiation, and was given a second one in Chemistry for two"
    " elements"
)
_CLOSING: Final = "Respond with the field `[[ ## reasoning ## ]]`, then `[[ ## answer ## ]]`."


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory:
        there = Path(directory)
        distinct: set[str] = set()
        for request, answer in calls(random.Random(3)):
            record(there, request, answer)
            distinct |= {request.system, answer, *_texts(request.turns)}
        taken = sum(path.stat().st_size for path in there.rglob("*") if path.is_file())
    text = sum(len(one.encode()) for one in distinct)
    note = f"{taken / 1e6:.1f} MB to {text / 1e6:.1f} MB of distinct text"
    yield Row(
        f"cassette of {PROGRAMS * QUESTIONS:,} calls of an optimiser", taken / text, note, 2.0
    )


def calls(chance: random.Random) -> Iterator[tuple[TurnRequest, str]]:
    """The same questions, each with what was found for it, to several programs: an instruction
    and four demonstrations each."""

    def words(count: int) -> str:
        return " ".join(chance.choices(_TEXT.split(), k=count))

    def asked() -> str:
        return (
            f"[[ ## context ## ]]\n{words(300)}\n\n[[ ## question ## ]]\n{words(14)}?\n\n{_CLOSING}"
        )

    def answered() -> str:
        return f"[[ ## reasoning ## ]]\n{words(110)}\n\n[[ ## answer ## ]]\n{words(3)}"

    demonstrations = [(asked(), answered()) for _ in range(DEMONSTRATIONS)]
    questions = [asked() for _ in range(QUESTIONS)]
    programs = [
        (
            f"Your input fields are `context` and `question`.\n\n{words(60)}",
            chance.sample(demonstrations, 4),
        )
        for _ in range(PROGRAMS)
    ]
    for (system, shown), question in product(programs, questions):
        turns: list[Turn] = []
        for one, other in shown:
            turns += [UserTurn((Text(one),)), AssistantTurn((Text(other),))]
        turns.append(UserTurn((Text(question),)))
        yield (
            TurnRequest("sonnet", tuple(turns), system, sampling=Sampling(temperature=1.0)),
            answered(),
        )


def _texts(turns: tuple[Turn, ...]) -> Iterator[str]:
    return (part.text for turn in turns for part in turn.parts if isinstance(part, Text))
