"""How the record of a call comes about: begun with the call, filled in on the way, ended once."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from claude_run.dialects.errors import WIRE
from claude_run.server.caller import Caller, caller
from claude_run.server.lines import Lines
from claude_run.server.titles import Titles
from claude_run.server.traces import Traces
from claude_run.turn import (
    JsonObject,
    Trace,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    TurnStarted,
)
from claude_run.usage.alarm import alarm
from claude_run.usage.ledger import Ledger
from claude_run.usage.live import Live
from claude_run.usage.record import CallError, CallRecord, members
from claude_run.usage.retries import Retries
from claude_run.usage.run import without_keys
from claude_run.usage.spool import Spool

MOST_TOLD: Final = 10
"""Calls in flight that are told one by one."""

_LONGEST_MESSAGE: Final = 500
"""Characters of an error's message that are kept."""


@dataclass(slots=True)
class Draft:
    """A record in the making. `client_gone` and `error` are set by whoever sees the end come;
    `events` are only kept where they are wanted."""

    request: TurnRequest
    choice: int
    caller: Caller
    stream: bool
    at_once: int
    retry_of: str | None
    trace: Trace
    began: float = field(default_factory=time.time)
    began_at: float = field(default_factory=time.monotonic)
    first_token: float | None = None
    started: TurnStarted | None = None
    finished: TurnFinished | None = None
    error: TurnError | None = None
    client_gone: bool = False
    events: list[TurnEvent] | None = None

    def see(self, event: TurnEvent) -> None:
        if self.events is not None:
            self.events.append(event)
        match event:
            case TurnStarted():
                self.started = event
            case TurnFinished():
                self.finished = event
            case _ if self.first_token is None:
                self.first_token = time.monotonic() - self.began_at
            case _:
                pass

    def told(self, now: float) -> JsonObject:
        """What a call is doing that has not ended; `now` is of the monotonic clock."""
        return {
            "request_id": self.caller.request_id,
            "model": self.trace.model or self.request.model,
            "label": self.caller.label,
            "seconds": round(now - self.began_at, 3),
            "state": self._state(),
        }

    def _state(self) -> str:
        if self.first_token is not None:
            return "answering"
        return "waiting" if self.trace.session is None else "asked"

    def record(self) -> CallRecord:
        trace, finished = self.trace, self.finished
        usage, cost_usd = trace.spent(finished)
        return CallRecord(
            request_id=self.caller.request_id,
            began=self.began,
            choice=self.choice,
            endpoint=self.caller.endpoint,
            stream=self.stream,
            label=self.caller.label,
            asked_model=self.request.model,
            mapped_model=trace.model,
            model=self._model(),
            session=trace.session,
            cold_reason=trace.cold_reason,
            queued=trace.waited,
            first_token=self.first_token,
            seconds=time.monotonic() - self.began_at,
            **members(usage),
            cost_usd=cost_usd,
            finish_reason=finished.stop.value if finished is not None else None,
            error=call_error(self.error) if self.error is not None else None,
            client_gone=self.client_gone,
            retry_of=self.retry_of,
            notices=(*self.caller.take_notices(), *trace.notices),
            windows=trace.windows,
            overage=trace.overage,
            at_once=self.at_once,
        )

    def _model(self) -> str | None:
        said = self.finished or self.started
        return self.trace.answered_by or (said.model if said is not None else None) or None


class Records:
    """Where records are begun and ended: entered into the ledger and appended to the spool;
    `also` hears of them."""

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool,
        lines: Lines,
        also: Callable[[CallRecord], None] = lambda _: None,
        *,
        in_python: bool = False,
    ) -> None:
        self._ledger = ledger
        self._also = also
        self._in_python = in_python
        self._spool = spool
        self.lines = lines
        self.titles: Titles | None = None
        self.traces: Traces | None = None
        self._live = Live(time.monotonic())
        self._drafts: dict[int, Draft] = {}
        self._retries = Retries()

    @property
    def in_flight(self) -> int:
        return len(self._drafts)

    def so_far(self) -> JsonObject:
        """The report of the run until now, with what it is doing."""
        now = time.monotonic()
        oldest = [draft.told(now) for draft in islice(self._drafts.values(), MOST_TOLD)]
        doing = {"in_flight": self.in_flight, "oldest": oldest, **self._live.told(now)}
        return {**self._ledger.report(), "now": doing}

    def begin(self, request: TurnRequest, choice: int, caller: Caller, *, stream: bool) -> Draft:
        caller.recorded += 1
        caller.stream = stream
        retry_of = self._retries.first_attempt(request, choice, caller.retries)
        trace = Trace(model=request.model)
        at_once = self.in_flight + 1
        draft = Draft(request, choice, caller, stream, at_once, retry_of, trace)
        if self.traces is not None and self.traces.keeps_content:
            draft.events = []
        self._drafts[id(draft)] = draft
        return draft

    def end(self, draft: Draft) -> CallRecord:
        """End a call that `begin` began; its record."""
        del self._drafts[id(draft)]
        if draft.error is not None or draft.client_gone:
            first = draft.retry_of or draft.caller.request_id
            self._retries.failed(draft.request, draft.choice, first)
        draft.caller.session = draft.trace.session
        record = draft.record()
        if self.traces is not None:
            self.traces.ended(record, draft.caller, draft.request, draft.events)
        self._enter(record)
        return record

    def refuse(self, caller: Caller, error: TurnError) -> None:
        """Record a request that is refused before any answer was asked for."""
        record = refusal(caller, error, at_once=self.in_flight + 1)
        if self.traces is not None:
            self.traces.ended(record, caller)
        self._enter(record)

    def _enter(self, record: CallRecord) -> None:
        self._ledger.enter(record)
        self._spool.append(record)
        self._also(record)
        self._live.ended(record, time.monotonic())
        if self.titles is not None:
            self.titles.changed()
        text = alarm(record, in_python=self._in_python)
        if text is not None and record.error is not None:
            self.lines.alarm(record.error.kind, text)
        if (log := caller().log) is not None:
            log.append({"record": json.loads(record.to_json())})


def refusal(caller: Caller, error: TurnError, *, at_once: int) -> CallRecord:
    """The record of a request that was refused before any answer was asked for."""
    return CallRecord(
        request_id=caller.request_id,
        began=caller.began,
        endpoint=caller.endpoint,
        label=caller.label,
        seconds=time.monotonic() - caller.began_at,
        error=call_error(error),
        notices=caller.take_notices(),
        at_once=at_once,
    )


def call_error(error: TurnError) -> CallError:
    wire = WIRE[error.failure]
    message = without_keys(error.message)[:_LONGEST_MESSAGE]  # no output need look for them again
    return CallError(error.failure.value, wire.status, error.code or wire.code, message)
