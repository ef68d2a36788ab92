"""Claude behind the gate: what would be sent is let through, held or refused, and counted.

A cassette stands before it, so that what is replayed, which costs nothing, never comes here.
"""

import time
from collections.abc import Callable
from itertools import count

from claude_run.server.gate import Gate
from claude_run.turn import (
    Answerer,
    Emit,
    Trace,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    TurnStarted,
)
from claude_run.usage.budget import Amount


class Budgeted:
    """Whoever answers, within a budget. What was replayed behind it has used nothing."""

    def __init__(self, inner: Answerer, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """Answer as `Answerer` says. Raises TurnError as what is wrapped does, and where the
        budget is used up."""
        sending = _Sending(trace, emit)
        reserved = await _admitted(self._gate, request, trace)
        try:
            await self._inner.answer(request, trace, sending.seen)
        finally:
            is_replayed = trace.session == "replayed"
            self._gate.leave(reserved, Amount() if is_replayed else sending.used())


class Gated:
    def __init__(self, inner: Answerer, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """Answer as `Answerer` says. Raises TurnError as what is wrapped does, and where nothing
        may be sent."""
        sending = _Sending(trace, emit, lambda: self._gate.heard(trace))
        reserved: Amount | None = None
        try:
            for tries in count():
                reserved = await _admitted(self._gate, request, trace)
                if await self._answered(request, sending, tries):
                    return
                self._gate.give_back(reserved)
                reserved = None
        finally:
            self._gate.heard(trace)
            if reserved is not None:
                self._gate.leave(reserved, sending.used())

    async def _answered(self, request: TurnRequest, sending: "_Sending", tries: int) -> bool:
        """Whether there is an answer; False where the plan had none left and one waits for it.

        Raises:
            TurnError: there is none.
        """
        trace = sending.trace
        try:
            await self._inner.answer(request, trace, sending.seen)
        except TurnError as error:
            self._gate.heard(trace)
            if sending.started:
                raise
            began = time.monotonic()
            await self._gate.exhausted(error, trace, tries)
            _begin_anew(trace, held=time.monotonic() - began)
            return False
        return True


class _Sending:
    """One call on its way: whether its answer has begun, and what it has used. `on_start` is
    called when it begins."""

    def __init__(
        self, trace: Trace, emit: Emit, on_start: Callable[[], None] = lambda: None
    ) -> None:
        self.trace = trace
        self.started = False
        self._emit = emit
        self._on_start = on_start
        self._finished: TurnFinished | None = None

    def seen(self, event: TurnEvent) -> None:
        match event:
            case TurnStarted():
                self.started = True
                self._on_start()
            case TurnFinished():
                self._finished = event
            case _:
                pass
        self._emit(event)

    def used(self) -> Amount:
        usage, cost = self.trace.spent(self._finished)
        tokens = usage.prompt_tokens + usage.output_tokens
        return Amount(1, tokens, cost or 0.0, charged=int(tokens > 0))


async def _admitted(gate: Gate, request: TurnRequest, trace: Trace) -> Amount:
    """Raises TurnError as `Gate.enter`."""
    began = time.monotonic()
    try:
        return await gate.enter(request)
    finally:
        trace.waited += time.monotonic() - began


def _begin_anew(trace: Trace, *, held: float) -> None:
    """What the attempt before used stays; the rest is the next one's. The call was `held` for some
    seconds."""
    trace.answered_by = trace.session = trace.cold_reason = None
    trace.waited += held
    trace.notices.clear()
    trace.windows, trace.overage = (), None
