"""What an answer leaves for the record of its call, and who can answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from claude_run.turn.events import TurnEvent, TurnFinished, Usage
from claude_run.turn.request import TurnRequest


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a request that was not done as asked, told once per `subject` and run."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanWindow:
    """What was last heard of one window of a plan: `utilization` from 0 to 1 and more,
    `resets_at` and `heard_at` in epoch seconds."""

    name: str
    status: str
    utilization: float | None = None
    resets_at: float | None = None
    heard_at: float | None = None


@dataclass(frozen=True, slots=True)
class Overage:
    """What was last heard of paid extra usage: whether calls draw on it now, and whether and why
    it may or may not be drawn on. `resets_at` and `heard_at` are epoch seconds."""

    in_use: bool
    status: str | None = None
    disabled_reason: str | None = None
    resets_at: float | None = None
    heard_at: float | None = None


@dataclass(slots=True)
class Trace:
    """What happened while one request was answered, filled in as it happens.

    `model` is the name that Claude Code was given, `answered_by` the model that said it answered.
    `session` is the path: "continued", "spare", "cold" or "replayed"; `cold_reason` says why a new
    process was needed. `waited` counts the seconds in the queue and until a session was ready.
    `usage` and `cost_usd` hold everything that was charged so far: those of attempts that failed,
    were cut or given up as well. `cost_usd` is what the metered API would have charged.
    """

    model: str = ""
    answered_by: str | None = None
    session: str | None = None
    cold_reason: str | None = None
    waited: float = 0.0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    notices: list[Notice] = field(default_factory=list)
    windows: tuple[PlanWindow, ...] = ()
    overage: Overage | None = None

    def spent(self, finished: TurnFinished | None) -> tuple[Usage, float | None]:
        """Tokens and dollars of the call that ended with `finished`, or without. The trace counts
        every attempt; the last event has only what the client is told. What is replayed tells the
        client what it once took, and takes nothing."""
        usage, cost = self.usage, self.cost_usd
        if finished is not None and self.session != "replayed":
            usage = usage if usage != Usage() else finished.usage
            cost = cost if cost is not None else finished.cost_usd
        return usage, cost


Emit: TypeAlias = Callable[[TurnEvent], None]


class Answerer(Protocol):
    """Whatever stands in Claude's place: Claude, a recorder around it, a replayer."""

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """Answer `request`: call `emit` with each event, the last of them a TurnFinished, and
        fill `trace` in. Cancelling stops the model.

        Raises:
            TurnError: there is no answer, or it broke off.
        """
