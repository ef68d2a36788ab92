"""Who is asking: what is known of a request before its body is read, for the record of its calls.

It travels in a context variable, so that every task that answers the request sees it.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from claude_run.settings import LONGEST_LABEL
from claude_run.turn import JsonObject, Notice


@dataclass(slots=True)
class Caller:
    """One request. `began` is epoch seconds; `retries` is how many earlier attempts the client
    speaks of, None where it speaks of none. `notices` are entered with the request's next record;
    `recorded` counts the records so far. `stream` and `session` are of the call begun last;
    `beat` sends heartbeats until it is cancelled. `waited` counts the seconds that its calls
    were held; `log` is what the log, if there is one, is told of them;
    `trace_headers` say which trace of the client's they belong to."""

    request_id: str = field(default_factory=lambda: f"req_{secrets.token_hex(12)}")
    began: float = field(default_factory=time.time)
    began_at: float = field(default_factory=time.monotonic)
    endpoint: str = ""
    label: str | None = None
    trace_headers: Mapping[str, str] = field(default_factory=dict)
    retries: int | None = None
    notices: list[Notice] = field(default_factory=list)
    recorded: int = 0
    session: str | None = None
    stream: bool = False
    beat: Callable[[], Awaitable[None]] | None = None
    waited: float = 0.0
    log: list[JsonObject] | None = None
    _holds: int = 0
    _held_since: float = 0.0
    _beating: asyncio.Future[None] | None = None

    def signed(self, message: str) -> str:
        """`message` with the request's id at its end, so that it can be found in log and page."""
        if self.request_id in message:
            return message
        return f"{message} (request id: {self.request_id})"

    @contextmanager
    def held(self) -> Iterator[None]:
        """While its calls wait for the plan, the client hears that the connection lives."""
        self._holds += 1
        if self._holds == 1:  # choices of a request wait beside one another
            self._held_since = time.monotonic()
            self._beating = asyncio.ensure_future(self.beat()) if self.beat else None
        try:
            yield
        finally:
            self._holds -= 1
            if self._holds == 0:
                self.waited += time.monotonic() - self._held_since
                if self._beating is not None:
                    self._beating.cancel()

    def take_notices(self) -> tuple[Notice, ...]:
        taken = tuple(self.notices)
        self.notices.clear()
        return taken


CALLER: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """The request that is being answered."""
    try:
        return CALLER.get()
    except LookupError:
        CALLER.set(made := Caller())
        return made


def clean_label(label: str) -> str:
    """`label` as it is known here: one short line, whatever was sent."""
    return "".join(filter(str.isprintable, label)).strip()[:LONGEST_LABEL]
