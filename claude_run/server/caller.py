"""Who is asking: what is known of a request before its body is read, for the record of its calls.

It travels in a context variable, so that every task that answers the request sees it.
"""

import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from claude_run.turn import Notice


@dataclass(slots=True)
class Caller:
    """One request. `began` is epoch seconds; `retries` is how many earlier attempts the client
    speaks of, None where it speaks of none. `notices` are entered with the request's next record;
    `recorded` counts the records so far."""

    request_id: str = field(default_factory=lambda: f"req_{secrets.token_hex(12)}")
    began: float = field(default_factory=time.time)
    began_at: float = field(default_factory=time.monotonic)
    endpoint: str = ""
    label: str | None = None
    retries: int | None = None
    notices: list[Notice] = field(default_factory=list)
    recorded: int = 0
    session: str | None = None

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
