"""In Claude's place: gives what was recorded, and nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final, Protocol

from claude_run.cassette.answers import Recorded
from claude_run.cassette.miss import missed
from claude_run.cassette.tape import Question, Tape
from claude_run.turn import Emit, Notice, ToolCallStarted, Trace, TurnError, TurnEvent, TurnRequest

ORIGIN: Final = "replayed"


class ModelName(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def notices(self) -> Sequence[Notice]: ...


Resolve = Callable[[str], ModelName]
"""What Claude Code calls the model that a client asks for; raises TurnError."""


class Replayer:
    """`recorded_by` is the command that would record what is missing. `speed` is a factor on the
    recorded pace, None gives everything at once."""

    def __init__(self, tape: Tape, resolve: Resolve, recorded_by: str, speed: float | None) -> None:
        self._tape = tape
        self._resolve = resolve
        self._recorded_by = recorded_by
        self._speed = speed

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """Answer as `Answerer` says. Raises TurnError: CASSETTE_MISS, or what was recorded."""
        name = self._resolve(request.model)
        question = self._tape.question(request, name.name)
        trace.model = name.name
        trace.notices.extend(name.notices)
        answer = self._tape.take(question)
        if answer is None:
            raise self._tape.score.miss(missed(question, self._tape, self._recorded_by))
        await play(answer, question, trace, emit, self._speed)


async def play(
    answer: Recorded, question: Question, trace: Trace, emit: Emit, speed: float | None
) -> None:
    """Give `answer`. Its usage reaches the client, and not the trace: nothing was charged."""
    trace.session, trace.cost_usd = ORIGIN, 0.0
    if (finished := answer.finished) is not None:
        trace.answered_by = finished.model
    for timed in answer.events:
        if speed is not None:
            await asyncio.sleep(timed.after / 1000 / speed)
        emit(_identified(timed.event, question))
    if (error := answer.failure) is not None:
        raise TurnError(
            error.failure,
            error.message,
            param=error.param,
            code=error.code,
            retry_after=error.retry_after,
        )


def _identified(event: TurnEvent, question: Question) -> TurnEvent:
    """`event`, a call in it with an id that no other answer of this run has, and that is the
    same in every run."""
    if not isinstance(event, ToolCallStarted):
        return event
    origin = f"{question.key}:{question.number}:{event.index}"
    return replace(event, id=f"toolu_{sha256(origin.encode()).hexdigest()[:24]}")
