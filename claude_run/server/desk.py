"""Where answers are got for a client: counted, several at once, and stopped when it goes away."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from claude_run.turn import (
    Answer,
    Answerer,
    Emit,
    Failure,
    Trace,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    TurnStarted,
    Usage,
    fold,
)
from claude_run.usage.ledger import Call, Ledger

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arrival:
    """The next thing that happened to answer `index`; None ends it."""

    index: int
    happened: TurnEvent | TurnError | None


class Desk:
    def __init__(self, answerer: Answerer, ledger: Ledger) -> None:
        self._answerer = answerer
        self._ledger = ledger

    async def answer_all(self, requests: Sequence[TurnRequest]) -> list[Answer]:
        """One answer to each; raises as `events_of_all`."""
        return [fold(events) for events in await self.events_of_all(requests)]

    async def events_of_all(self, requests: Sequence[TurnRequest]) -> list[list[TurnEvent]]:
        """All events of each answer; the first failure ends them all.

        Raises:
            TurnError: one of them failed.
        """
        events: list[list[TurnEvent]] = [[] for _ in requests]
        async with self.arrivals(requests) as arrivals:
            async for arrival in arrivals:
                match arrival.happened:
                    case TurnError() as error:
                        raise error
                    case None:
                        pass
                    case event:
                        events[arrival.index].append(event)
        return events

    @asynccontextmanager
    async def arrivals(
        self, requests: Sequence[TurnRequest]
    ) -> AsyncIterator[AsyncGenerator[Arrival, None]]:
        """What happens to all of them, as it happens. Leaving stops what is not finished."""
        queue: asyncio.Queue[Arrival] = asyncio.Queue()
        tasks = [
            asyncio.create_task(self._follow(index, request, queue))
            for index, request in enumerate(requests)
        ]
        try:
            async with aclosing(_until_ended(queue, len(tasks))) as arrivals:
                yield arrivals
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _follow(
        self, index: int, request: TurnRequest, queue: "asyncio.Queue[Arrival]"
    ) -> None:
        try:
            await self._count(request, lambda event: queue.put_nowait(Arrival(index, event)))
        except TurnError as error:
            queue.put_nowait(Arrival(index, error))
        except Exception as error:  # a fault of ours must not leave the client hanging
            queue.put_nowait(Arrival(index, TurnError(Failure.CRASH, f"claude-run: {error!r}")))
        else:
            queue.put_nowait(Arrival(index, None))

    async def _count(self, request: TurnRequest, emit: Emit) -> None:
        """Have one answer given, and enter it into the ledger however it ends."""
        trace = Trace(model=request.model)
        count = _Count()

        def seen(event: TurnEvent) -> None:
            count.see(event)
            emit(event)

        self._ledger.begin()
        try:
            await self._answerer.answer(request, trace, seen)
        except TurnError as error:
            count.failure = error.failure
            raise
        finally:
            self._ledger.enter(count.call(trace))


class _Count:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first: float | None = None
        self._model: str | None = None
        self._usage = Usage()
        self._cost: float | None = None
        self.failure: Failure | None = None

    def see(self, event: TurnEvent) -> None:
        match event:
            case TurnStarted(model):
                self._model = model
            case TurnFinished(_, usage, model, cost):
                self._model, self._usage, self._cost = model, usage, cost
            case _ if self._first is None:
                self._first = time.monotonic() - self._began
            case _:
                pass

    def call(self, trace: Trace) -> Call:
        return Call(
            model=self._model or trace.model,
            usage=self._usage,
            cost_usd=self._cost,
            failure=self.failure,
            seconds=time.monotonic() - self._began,
            waited=trace.waited,
            first_token=self._first,
            origin=trace.session,
            notices=tuple(trace.notices),
            windows=trace.windows,
        )


async def _until_ended(
    queue: "asyncio.Queue[Arrival]", running: int
) -> AsyncGenerator[Arrival, None]:
    while running:
        arrival = await queue.get()
        running -= arrival.happened is None or isinstance(arrival.happened, TurnError)
        yield arrival


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What `work` gives, unless the client goes away first; then it is cancelled.

    Raises:
        ClientDisconnect: nobody is waiting for the answer.
    """
    doing = asyncio.ensure_future(work)
    watching = asyncio.create_task(gone(request))
    try:
        await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientDisconnect
        return doing.result()
    finally:
        for task in (doing, watching):
            task.cancel()
        await asyncio.wait((doing, watching))


async def gone(request: Request) -> None:
    """Returns when the client has gone away; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
