"""A turn from question to answer: name, session, replay, reading, and what is learnt of it."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path

from claude_agent_sdk import Message, ResultMessage

from claude_run.claude.answer.reader import AnswerReader, Ending, Expected
from claude_run.claude.answer.stops import StopFilter
from claude_run.claude.answer.structured import is_wrapped, unchecked_schema
from claude_run.claude.conversation import answered
from claude_run.claude.errors import rejected_dials
from claude_run.claude.limits import machine_limits
from claude_run.claude.names import resolve
from claude_run.claude.pool.candidates import Wanted
from claude_run.claude.pool.pool import Lease, Pool
from claude_run.claude.session.control import ControlRefusedError
from claude_run.claude.session.shape import Tuning, blank_stops, extra_body, shape_of
from claude_run.claude.tools import names_of
from claude_run.patience import within
from claude_run.settings import Settings
from claude_run.turn import (
    Emit,
    Failure,
    Notice,
    TextDelta,
    Trace,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    fold,
)


class Claude:
    """Answers turns. `async with` it: its sessions end with it."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._settings = settings
        # By model and whether it thinks aloud, since that decides what else it takes.
        self._rejected: dict[tuple[str, bool], set[str]] = {}
        (directory / "work").mkdir(mode=0o700, exist_ok=True)
        self.pool = Pool(machine_limits(settings), settings.sessions, directory)

    async def __aenter__(self) -> "Claude":
        await self.pool.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.__aexit__()

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """Answer one request, as `Answerer` says."""
        async with aclosing(self._events(request, trace)) as events:
            async for event in events:
                emit(event)

    async def _events(self, request: TurnRequest, trace: Trace) -> AsyncGenerator[TurnEvent, None]:
        """The events of one answer. Close the iterator, and the model stops.

        Raises:
            TurnError: there is no answer, or it broke off.
        """
        name = resolve(request.model, self._settings)
        trace.model = name.name
        trace.notices.extend(name.notices)
        deadline = time.monotonic() + self._settings.timeout
        while True:
            attempt = self._attempt(request, name.name, trace)
            try:
                async with aclosing(attempt):
                    async for event in _until(deadline, attempt, self._settings.timeout):
                        yield event
            except TurnError as error:
                if not self._learn(error, request, name.name):
                    raise
            else:
                return

    def _learn(self, error: TurnError, request: TurnRequest, model: str) -> bool:
        """Whether the turn can be tried again without something that the model rejects."""
        rejected = self._rejected.setdefault((model, request.thinking), set())
        body = extra_body(request, names_of(request.tools, request.turns), rejected)
        dials = rejected_dials(error, body)
        rejected.update(dials)
        return bool(dials)

    async def _attempt(
        self, request: TurnRequest, model: str, trace: Trace
    ) -> AsyncGenerator[TurnEvent, None]:
        wanted = self._wanted(request, model, trace)
        began = time.monotonic()
        async with self.pool.lease(wanted) as lease:
            trace.session = lease.origin.value
            trace.waited += time.monotonic() - began
            exchange = _Exchange(request, wanted, lease, trace)
            async with aclosing(exchange.events()) as events:
                async for event in events:
                    yield event

    def _wanted(self, request: TurnRequest, model: str, trace: Trace) -> Wanted:
        names = names_of(request.tools, request.turns)
        rejected = self._rejected.get((model, request.thinking), set())
        asked = extra_body(request, names)
        trace.notices.extend(
            Notice(f"{dial} for {model}", f"{dial} was not sent: {model} does not take it")
            for dial in asked
            if dial in rejected
        )
        body = extra_body(request, names, rejected)
        tuning = Tuning(model, json.dumps(body, sort_keys=True))
        return Wanted(shape_of(request, names), tuning, names, request.turns)


class _Exchange:
    """One request and its answer, on a leased session."""

    def __init__(self, request: TurnRequest, wanted: Wanted, lease: Lease, trace: Trace) -> None:
        self._wanted = wanted
        self._lease = lease
        self._trace = trace
        schema = request.output_schema
        self._reader = AnswerReader(
            Expected(
                names=wanted.names,
                thinking=request.thinking,
                schema_wrapped=None if schema is None else is_wrapped(schema),
                cost_before=lease.session.cost_usd,
                unchecked=None if schema is None else unchecked_schema(schema),
            ),
            limit=lease.session.limit,
        )
        stops = () if schema is not None else blank_stops(request)
        self._filter = StopFilter(stops) if stops else None
        self._seen: list[TurnEvent] = []

    async def events(self) -> AsyncGenerator[TurnEvent, None]:
        session = self._lease.session
        new = self._wanted.turns[len(session.turns) :]
        async with aclosing(session.converse(new, self._wanted.names)) as messages:
            async for message in messages:
                for event in self._events_of(message):
                    yield await self._ended(event) if isinstance(event, TurnFinished) else event
                if self._reader.ending is not None:
                    break

    def _events_of(self, message: Message) -> Iterator[TurnEvent]:
        self._lease.idle = isinstance(message, ResultMessage)
        try:
            events = self._reader.feed(message, now=time.time())
            for event in self._cut(events) if self._filter else events:
                self._seen.append(event)
                if isinstance(event, TurnFinished):
                    self._complete()
                yield event
        finally:
            self._lease.session.limit = self._reader.limit
            if self._reader.limit is not None:
                self._trace.windows = self._reader.limit.windows
                self._trace.overage = self._reader.limit.overage

    async def _ended(self, finished: TurnFinished) -> TurnFinished:
        """`finished`, once the CLI is not going on with anything; only then is the cost known."""
        if self._reader.ending is not Ending.RUNNING:
            return finished
        session, before = self._lease.session, self._reader.expected.cost_before
        with suppress(ControlRefusedError):
            await session.stop()
            self._lease.idle = True
        cost = session.cost_usd
        return finished if cost is None else replace(finished, cost_usd=cost - (before or 0.0))

    def _complete(self) -> None:
        """The answer is whole: say what the session's conversation now holds."""
        self._lease.ending = self._reader.ending
        if self._lease.ending is Ending.SETTLED:
            self._lease.answer = answered(fold(self._seen))

    def _cut(self, events: Iterable[TurnEvent]) -> Iterator[TurnEvent]:
        """`events` up to the first blank stop, which the Messages API would not look for."""
        stops = self._filter
        assert stops is not None  # noqa: S101 - only called with one
        for event in events:
            if isinstance(event, TextDelta):
                if text := stops.feed(event.text):
                    yield TextDelta(text)
                if stops.hit:
                    yield from self._reader.cut()
                    return
            else:
                if held := stops.flush():
                    yield TextDelta(held)
                yield event


async def _until(
    deadline: float, events: AsyncGenerator[TurnEvent, None], timeout: float
) -> AsyncGenerator[TurnEvent, None]:
    """`events`, for as long as the time lasts.

    Raises:
        TurnError: TIMEOUT.
    """
    while True:
        try:
            event = await within(deadline - time.monotonic(), anext(events))
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError:
            raise TurnError(
                Failure.TIMEOUT, f"Claude had not finished after {timeout:g} s (--timeout)."
            ) from None
        yield event
