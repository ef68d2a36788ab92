"""Where answers are got for a client: counted, several at once, and stopped when it goes away."""

import asyncio
import math
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from claude_run.server.caller import caller
from claude_run.server.drain import Drain
from claude_run.server.gate import Gate
from claude_run.server.records import Records
from claude_run.server.tasks import beside
from claude_run.turn import (
    Answerer,
    Emit,
    Failure,
    Notice,
    TurnError,
    TurnEvent,
    TurnRequest,
    TurnStarted,
)
from claude_run.turn.exhaustion import exhaustion
from claude_run.turn.unicode import ValidUnicode
from claude_run.usage.windows import Plan

ANOTHER_KEY: Final = (
    "a request came with another key than this run's, and got a 401: the command, or a file of its"
    " own (.env), sets OPENAI_API_KEY"
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The next thing that happened to answer `index`; an error is the last."""

    index: int
    happened: TurnEvent | TurnError


Arrivals: TypeAlias = MemoryObjectReceiveStream[Arrival]
Sending: TypeAlias = MemoryObjectSendStream[Arrival]


class Desk:
    """Gets answers from `answerer`, and makes one record of each call, however it ends."""

    def __init__(self, answerer: Answerer, records: Records, gate: Gate) -> None:
        self._answerer = answerer
        self._gate = gate
        self._records = records
        self.drain: Final = Drain()

    def plan(self) -> Plan:
        """What was last heard of the plan."""
        return self._gate.plan

    def notice(self, notices: Sequence[Notice]) -> None:
        """Enter what was not done as asked with the next record of this request."""
        caller().notices.extend(notices)

    def refused(self, error: TurnError) -> None:
        """Record a request that ended before any answer was asked for, and sign its error."""
        if not caller().recorded:
            self._records.refuse(caller(), error)
            error.message = caller().signed(error.message)

    async def events_of_all(self, requests: Sequence[TurnRequest]) -> list[list[TurnEvent]]:
        """All events of each answer; the first failure ends them all.

        Raises:
            TurnError: one of them failed.
        """
        events: list[list[TurnEvent]] = [[] for _ in requests]
        async with self.arrivals(requests, stream=False) as arrivals:
            async for arrival in arrivals:
                if isinstance(arrival.happened, TurnError):
                    raise arrival.happened
                events[arrival.index].append(arrival.happened)
        return events

    def stranger(self) -> None:
        """Say that a request came with another key."""
        self._records.lines.once("key", ANOTHER_KEY)

    @asynccontextmanager
    async def arrivals(
        self, requests: Sequence[TurnRequest], *, stream: bool = True
    ) -> AsyncIterator[Arrivals]:
        """What happens to all of them, as it happens. Leaving stops what is not finished."""
        self.drain.admit(caller())
        group = Group(stream)
        sending, arrivals = anyio.create_memory_object_stream[Arrival](math.inf)
        with arrivals, self.drain.busy():
            following = [
                partial(self._follow, index, request, sending.clone(), group)
                for index, request in enumerate(requests)
            ]
            sending.close()
            async with beside(*following):
                yield arrivals

    async def _follow(
        self, index: int, request: TurnRequest, sending: Sending, group: "Group"
    ) -> None:
        def emit(happened: TurnEvent | TurnError) -> None:
            sending.send_nowait(Arrival(index, happened))

        with sending:
            try:
                await self._record(index, request, emit, group)
            except TurnError as error:
                error.message = caller().signed(error.message)
                emit(error)
            except Exception as fault:  # recording failed: the client must not be left hanging
                emit(_crash(fault))

    async def _record(self, index: int, request: TurnRequest, emit: Emit, group: "Group") -> None:
        """Have one answer given, and record its call however it ends."""
        draft = self._records.begin(request, index, caller(), stream=group.stream)
        unicode = ValidUnicode()

        def seen(event: TurnEvent) -> None:
            for sound in unicode.feed(event):
                draft.see(sound)
                if isinstance(sound, TurnStarted):
                    draft.caller.session = draft.trace.session
                emit(sound)

        try:
            await self._answerer.answer(draft.request, draft.trace, seen)
        except TurnError as error:
            draft.error, group.failed = error, True
            raise
        except asyncio.CancelledError:
            draft.client_gone = not (draft.finished or group.failed)
            raise
        except Exception as fault:  # a fault of ours must not leave the client hanging
            draft.error, group.failed = _crash(fault), True
            raise draft.error from fault
        finally:
            self._records.end(draft)


def _crash(fault: Exception) -> TurnError:
    """Unless the machine is to blame, the traceback is kept for whoever reports it."""
    if (exhausted := exhaustion(fault)) is not None:
        return exhausted
    traceback.print_exception(fault)
    return TurnError(Failure.CRASH, f"claude-run: {fault!r}")


@dataclass(slots=True)
class Group:
    """What the calls of one request share: once one has `failed`, the others are given up."""

    stream: bool
    failed: bool = False
