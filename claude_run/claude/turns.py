"""A turn from question to answer: name, session, exchange, and what is learnt of it."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import anyio

from claude_run.claude import numbers
from claude_run.claude.answer.exchange import Exchange
from claude_run.claude.errors import rejected_fields
from claude_run.claude.limits import machine_limits
from claude_run.claude.names import explained, resolve
from claude_run.claude.pool.candidates import SessionRequest
from claude_run.claude.pool.pool import Lease, Pool
from claude_run.claude.session.options import Place
from claude_run.claude.session.shape import blank_stops, request_fields, shape_of
from claude_run.claude.session.verify import Verifier
from claude_run.claude.tools import names_of
from claude_run.claude.workplace import workplace
from claude_run.settings import Settings
from claude_run.turn import Emit, Failure, Notice, Trace, TurnError, TurnRequest


class Claude:
    """Answers turns. `async with` it: its sessions end with it.

    `directory` is the run's own; `cache` is where it is remembered between runs what the
    installed CLI can do, or None.
    """

    def __init__(self, settings: Settings, directory: Path, cache: Path | None = None) -> None:
        self._settings = settings
        # By model and whether it thinks aloud, since that decides what else it takes.
        self._rejected: dict[tuple[str, bool], set[str]] = {}
        workplace(directory)
        place = Place(directory, settings.cli)
        self.pool = Pool(machine_limits(settings), settings.sessions, place)
        self._verifier = Verifier(place, cache, self.pool.allow)

    async def __aenter__(self) -> "Claude":
        await self.pool.__aenter__()
        await self._verifier.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._verifier.__aexit__()
        await self.pool.__aexit__()

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """Answer one request, as `Answerer` says."""
        name = resolve(request.model, self._settings)
        trace.model = name.name
        trace.notices.extend((*name.notices, *numbers.notices(request.turns)))
        trace.notices.extend((*_unheeded_stops(request), *self._verifier.notices))
        timeout = self._settings.timeout
        try:
            with anyio.fail_after(timeout):
                while not await self._attempt(request, name.name, trace, emit):
                    pass
        except TurnError as error:
            raise explained(error, name.name) from None
        except TimeoutError:
            message = f"Claude had not finished after {timeout:g} s (--timeout)."
            raise TurnError(Failure.TIMEOUT, message) from None

    async def _attempt(self, request: TurnRequest, model: str, trace: Trace, emit: Emit) -> bool:
        """Whether there was an answer; False is to try again, without what the model rejects."""
        names = names_of(request.tools, request.turns)
        rejected = self._rejected.setdefault((model, request.thinking), set())
        asked = request_fields(request, names)
        sent = request_fields(request, names, rejected)
        trace.notices.extend(_left_out(asked, sent, model))
        shape = shape_of(request, names, model, rejected.copy())
        wanted = SessionRequest(shape, names, request.turns)
        try:
            await self._exchange(request, wanted, trace, emit)
        except TurnError as error:
            found = rejected_fields(error, sent)
            rejected.update(found)
            if not found:
                raise
            return False
        return True

    async def _exchange(
        self, request: TurnRequest, wanted: SessionRequest, trace: Trace, emit: Emit
    ) -> None:
        began = anyio.current_time()
        try:
            async with self.pool.lease(wanted) as lease:
                trace.waited += anyio.current_time() - began
                began = anyio.current_time()
                _note(lease, trace)
                exchange = Exchange(request, wanted, lease.session, trace, emit)
                await exchange.run()
                if lease.session.lacks_thinking:
                    trace.notices.append(_THINKING_LEFT_OUT)
                if exchange.answer is not None:
                    lease.turns = (*wanted.turns, exchange.answer)
                    lease.is_settled = exchange.is_settled
        finally:
            if trace.session is None:  # nobody was leased: all of it was waiting
                trace.waited += anyio.current_time() - began


_THINKING_LEFT_OUT: Final = Notice(
    "thinking", "Earlier thinking was left out: Claude Code did not say which model it asks."
)


def _note(lease: Lease, trace: Trace) -> None:
    trace.session = lease.origin
    trace.cold_reason = lease.cold_reason
    if lease.refused is not None:
        text = f"Claude Code refused to change a live session ({lease.refused}): slower, not wrong"
        trace.notices.append(Notice("sessions", text))


def _left_out(asked: Mapping[str, Any], sent: Mapping[str, Any], model: str) -> list[Notice]:
    return [
        Notice(f"{field} for {model}", f"{field} was not sent: {model} does not take it")
        for field in asked
        if field not in sent
    ]


def _unheeded_stops(request: TurnRequest) -> list[Notice]:
    if request.output_schema is None or not blank_stops(request):
        return []
    text = "a stop of white space only is not looked for in structured output"
    return [Notice("stop in structured output", text)]
