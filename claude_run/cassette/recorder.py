"""Around Claude: gives what was recorded, has the rest answered, and records that."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from claude_run import __version__
from claude_run.cassette.answers import Recorded, Timed, settled_events, to_json
from claude_run.cassette.credentials import place_of_credential
from claude_run.cassette.files import CassetteError, Files, Recording
from claude_run.cassette.redaction import redacted
from claude_run.cassette.replayer import Resolve, play
from claude_run.cassette.tape import Question, Tape
from claude_run.turn import (
    Answerer,
    Emit,
    Trace,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    bad_request,
)


@dataclass(frozen=True, slots=True)
class Manner:
    """`anew` asks everything again and replaces what there is, `errors` are recorded as well,
    and `rehearsed` marks what is recorded as a stand-in's. `speed` is as the replayer's."""

    anew: bool = False
    errors: bool = False
    rehearsed: bool = False
    speed: float | None = None


class Recorder:
    def __init__(
        self, inner: Answerer, tape: Tape, files: Files, resolve: Resolve, manner: Manner
    ) -> None:
        self._inner = inner
        self._tape = tape
        self._files = files
        self._resolve = resolve
        self._manner = manner
        self._mine: dict[str, dict[int, Recorded]] = {}

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """Answer as `Answerer` says. Raises TurnError as what is wrapped does, and where the
        request holds what must not be recorded."""
        name = self._resolve(request.model)
        question = self._tape.question(request, name.name)
        answer = None if self._manner.anew else self._tape.take(question)
        if answer is not None:
            trace.model = name.name
            trace.notices.extend(name.notices)
            await play(answer, question, trace, emit, self._manner.speed)
            return
        if (place := place_of_credential(question.document)) is not None:
            raise _refused(place)
        await self._record(request, question, trace, emit)

    async def _record(
        self, request: TurnRequest, question: Question, trace: Trace, emit: Emit
    ) -> None:
        clock = _Clock()

        def seen(event: TurnEvent) -> None:
            clock.note(event)
            if isinstance(event, TurnFinished):  # before the client knows that it is over
                self._save(question, clock.events, None)
            emit(event)

        try:
            await self._inner.answer(request, trace, seen)
        except TurnError as error:
            if self._manner.errors:
                self._save(question, clock.events, error)
            raise

    def _save(self, question: Question, events: Sequence[Timed], failure: TurnError | None) -> None:
        """What goes wrong here is told at the end of the run; the answer is given all the same."""
        answer = redacted(
            Recorded(
                settled_events(events),
                datetime.now(timezone.utc).isoformat(timespec="seconds"),
                f"claude-run {__version__}",
                self._manner.rehearsed,
                failure,
            ),
            self._tape.masks,
        )
        if (place := place_of_credential(answer.content())) is not None:
            self._tape.score.not_recorded(f"{place} looks like a credential (--redact masks it)")
            return
        try:
            self._tape.wrote(self._write(question, answer))
        except (OSError, CassetteError) as error:
            self._tape.score.not_recorded(str(error))

    def _write(self, question: Question, answer: Recorded) -> str:
        """The name of the file."""
        mine = self._mine.setdefault(question.key, {})
        before = self._tape.recording(question.key)
        with self._files.lock():
            file = before.file if before else self._files.name_for(question.document)
            there = self._there(file, before, is_first=not mine)
            answer = self._unchanged(question, answer)
            recording = Recording(
                question.document,
                placed(there, mine, question.number, answer),
                self._tape.masks.fingerprint,
                file,
            )
            self._files.write(recording, question.blobs)
        mine[question.number] = answer
        return file

    def _there(self, file: str, before: Recording | None, *, is_first: bool) -> list[Recorded]:
        """The answers that stay: those of other processes, and, unless they are replaced, those
        that were there."""
        if not (self._files.directory / file).exists():
            return []
        there = self._files.read(file).answers
        old = before.answers if before is not None else ()
        if self._manner.anew and is_first:
            return [answer for answer in there if not any(same(answer, a) for a in old)]
        return [a for a in there if self._manner.rehearsed or not a.rehearsed]

    def _unchanged(self, question: Question, answer: Recorded) -> Recorded:
        """The answer that `answer` replaces, where it says the same: no file changes for a date."""
        old = self._tape.answers(question.key)[question.number :][:1] if self._manner.anew else []
        return old[0] if old and old[0].content() == answer.content() else answer


def placed(
    there: Sequence[Recorded], mine: dict[int, Recorded], number: int, answer: Recorded
) -> tuple[Recorded, ...]:
    """`there` with `answer` before all of mine that were asked for later."""
    later = [mine[n] for n in sorted(mine) if n > number]
    places = (n for n, a in enumerate(there) if any(same(a, b) for b in later))
    place = next(places, len(there))
    return (*there[:place], answer, *there[place:])


def same(one: Recorded, other: Recorded) -> bool:
    return to_json(one) == to_json(other)


class _Clock:
    def __init__(self) -> None:
        self.events: list[Timed] = []
        self._last = time.monotonic()

    def note(self, event: TurnEvent) -> None:
        now = time.monotonic()
        self.events.append(Timed(round((now - self._last) * 1000), event))
        self._last = now


def _refused(place: str) -> TurnError:
    return bad_request(
        f"{place} of the request looks like a credential, and a cassette must not hold one."
        " Nothing was asked. Mask it with --redact REGEX, or leave it out.",
        place,
        "cassette_credential",
    )
