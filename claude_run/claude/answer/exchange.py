"""One request and its answer on a session that is leased for it."""

import math
import time
from contextlib import suppress
from dataclasses import replace
from typing import Final

import anyio
from claude_agent_sdk import Message

from claude_run.claude.answer.reader import AttemptReader, Ending, Expected
from claude_run.claude.answer.stops import StopFilter
from claude_run.claude.answer.structured import ASK_AGAIN, MISFIT, Structure
from claude_run.claude.conversation import answered
from claude_run.claude.pool.candidates import SessionRequest
from claude_run.claude.session.control import ControlRefusedError
from claude_run.claude.session.session import Phase, Session
from claude_run.claude.session.shape import blank_stops
from claude_run.turn import (
    AssistantTurn,
    Emit,
    Failure,
    RefusalDelta,
    StopReason,
    Text,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolResult,
    Trace,
    Turn,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    TurnRestarted,
    TurnStarted,
    Usage,
    UserTurn,
    fold,
)

_ATTEMPTS: Final = 5
_CHARS_PER_TOKEN: Final = 4
_MOMENT: Final = 0.01


class Exchange:
    """Asks once, and again where structured output does not fit.

    After `run`, `answer` is what the client saw, as it will send it back, and `is_settled` says
    whether the session's conversation holds just that.
    """

    def __init__(
        self,
        request: TurnRequest,
        wanted: SessionRequest,
        session: Session,
        trace: Trace,
        emit: Emit,
    ) -> None:
        self._wanted = wanted
        self._session = session
        self._trace = trace
        self._emit = emit
        schema = request.output_schema
        self._structure = None if schema is None else Structure.of(schema)
        wrapped = None if self._structure is None else self._structure.wrapped
        self._expected = Expected(wanted.names, request.thinking, wrapped)
        stops = () if schema is not None else blank_stops(request)
        self._filter = StopFilter(stops) if stops else None
        self._charged = trace.cost_usd or 0.0
        self._cost_before = session.cost_usd or 0.0
        self._seen: list[TurnEvent] = []
        self._written = 0
        self._has_asked_again = False
        self.answer: AssistantTurn | None = None
        self.is_settled = False

    async def run(self) -> None:
        """
        Raises:
            TurnError: there is no answer, or it broke off.
        """
        turns: tuple[Turn, ...] = self._wanted.turns[len(self._session.turns) :]
        for _ in range(_ATTEMPTS):
            reader = await self._attempt(turns)
            correction = self._judge(reader)
            if correction is None:
                return
            self._hand_on(TurnRestarted())
            # A client that has been sent a part of it cannot begin anew, and ends us now.
            await anyio.sleep(_MOMENT)
            turns = (correction,)
        message = f"The model gave no JSON that fits the schema, asked {_ATTEMPTS} times."
        raise TurnError(Failure.UPSTREAM, message)

    # --- asking -----------------------------------------------------------------------

    async def _attempt(self, turns: tuple[Turn, ...]) -> AttemptReader:
        reader = AttemptReader(self._expected, self._session.limit)
        spent, self._written = self._trace.usage, 0

        def hear(message: Message) -> bool:
            try:
                for event in reader.feed(message, now=time.time()):
                    self._take(event, reader)
            finally:
                self._trace.usage = spent + self._usage(reader)
                self._note(reader)
            return reader.ending is not None

        try:
            await self._session.ask(turns, self._wanted.names, hear)
        finally:
            await self._stop()
        return reader

    def _usage(self, reader: AttemptReader) -> Usage:
        """What was charged so far. An answer's tokens are counted at its end; one that does not
        come to its end is reckoned by what was written of it."""
        if reader.is_counted:
            return reader.usage
        tokens = max(reader.usage.output_tokens, math.ceil(self._written / _CHARS_PER_TOKEN))
        return replace(reader.usage, output_tokens=tokens)

    def _note(self, reader: AttemptReader) -> None:
        self._trace.answered_by = reader.model or self._trace.answered_by
        self._session.limit = reader.limit
        if reader.limit is not None:
            self._trace.windows = reader.limit.windows
            self._trace.overage = reader.limit.overage

    async def _stop(self) -> None:
        """Have the CLI not go on by itself; only then is the cost known."""
        if self._session.phase is Phase.ANSWERING and self._session.alive:
            with anyio.CancelScope(shield=True), suppress(ControlRefusedError):
                await self._session.stop()
        if self._session.cost_usd is not None:
            cost = max(0.0, self._session.cost_usd - self._cost_before)
            self._trace.cost_usd = self._charged + cost

    # --- handing on -------------------------------------------------------------------

    def _take(self, event: TurnEvent, reader: AttemptReader) -> None:
        """Hand `event` on, up to the first blank stop, which the Messages API does not look for."""
        if self._filter is None:
            self._hand_on(event)
        elif not isinstance(event, TextDelta):
            self._flush()
            self._hand_on(event)
        else:
            if text := self._filter.feed(event.text):
                self._hand_on(TextDelta(text))
            if self._filter.hit is not None and reader.ending is None:
                reader.cut(self._filter.hit)

    def _flush(self) -> None:
        if self._filter is not None and (held := self._filter.flush()):
            self._hand_on(TextDelta(held))

    def _hand_on(self, event: TurnEvent) -> None:
        if not (isinstance(event, TurnStarted) and self._seen):
            self._seen.append(event)
            self._written += len(_words(event))
            self._emit(event)

    # --- judging ----------------------------------------------------------------------

    def _judge(self, reader: AttemptReader) -> UserTurn | None:
        """End the answer and give None, or give what is to be said to the model."""
        is_prose = reader.stop is StopReason.REFUSAL or reader.stop is StopReason.LENGTH
        if self._structure is None or reader.calls or is_prose:
            if reader.stop is StopReason.REFUSAL and reader.texts:
                self._hand_on(RefusalDelta("".join(reader.texts)))
            self._finish(reader)
            return None
        if reader.outputs:
            return self._judge_outputs(self._structure, reader)
        return self._judge_words("".join(reader.texts), reader)

    def _judge_outputs(self, structure: Structure, reader: AttemptReader) -> UserTurn | None:
        """What was handed on is the model's first output; of several, one that fits is taken."""
        for number, output in enumerate(reader.outputs):
            if (text := structure.fitting(output.text)) is not None:
                if number:
                    self._hand_on(TurnRestarted())
                    self._hand_on(TextDelta(text))
                reader.stop = StopReason.END
                self._finish(reader)
                return None
        misfits = (
            ToolResult(output.call_id, (Text(MISFIT),), is_error=True) for output in reader.outputs
        )
        return UserTurn(tuple(misfits))

    def _judge_words(self, words: str, reader: AttemptReader) -> UserTurn | None:
        """Words in the place of JSON: the model is asked again once, and then they are its
        refusal."""
        if not self._has_asked_again:
            self._has_asked_again = True
            return UserTurn((Text(ASK_AGAIN),))
        if not words.strip():
            raise TurnError(Failure.UPSTREAM, "The model gave neither JSON nor a refusal.")
        self._hand_on(RefusalDelta(words))
        self._finish(reader)
        return None

    def _finish(self, reader: AttemptReader) -> None:
        self._flush()
        trace = self._trace
        finished = TurnFinished(
            reader.stop, trace.usage, reader.model, trace.cost_usd, reader.stop_string
        )
        self._seen.append(finished)
        self.answer = answered(fold(self._seen))
        self.is_settled = reader.ending is Ending.SETTLED and not self._has_asked_again
        self._emit(finished)


def _words(event: TurnEvent) -> str:
    match event:
        case TextDelta(text) | ThinkingDelta(text):
            return text
        case ToolCallDelta(_, fragment):
            return fragment
        case _:
            return ""
