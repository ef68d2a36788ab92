"""Whether a call may be sent: what was allowed, what was spent, what is reserved, and the plan."""

import operator
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from claude_run.turn import PlanWindow, TurnRequest
from claude_run.usage.foresight import longest, price_of, prompt_tokens
from claude_run.usage.windows import Plan, named, when

NEARLY: Final = 0.8
WAITING: Final = "--on-limit wait waits until then."
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """What a person allowed; None is without a limit. `max_cost` is API-equivalent dollars,
    `max_window` a percentage of the five-hour window. `guarded` says that paid extra usage must
    not be drawn on. `whose` they are is said where they are used up."""

    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    max_window: float | None = None
    guarded: bool = False
    whose: str = "this run"


@dataclass(frozen=True, slots=True)
class Amount:
    """Calls, tokens and dollars; `charged` are the calls that used any."""

    calls: int = 0
    tokens: float = 0.0
    cost: float = 0.0
    charged: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(*map(operator.add, astuple(self), astuple(other)))

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(*map(operator.sub, astuple(self), astuple(other)))


@dataclass(frozen=True, slots=True)
class State:
    """All that decides. `spent` is what ended calls turned out to cost, `reserved` what the calls
    in flight are expected to; `now` is epoch seconds."""

    limits: Limits
    plan: Plan = field(default_factory=Plan)
    spent: Amount = Amount()
    reserved: Amount = Amount()
    now: float = 0.0


class Reason(Enum):
    BUDGET = "budget"
    LIMIT = "limit"
    EXTRA_USAGE = "extra usage"


@dataclass(frozen=True, slots=True)
class Admitted:
    """`reserved` must be given back when the call ends, whatever it turned out to cost."""

    reserved: Amount


@dataclass(frozen=True, slots=True)
class Refusal:
    """`what` happened, and the `cure` a person has. `until` is when it ends by itself, in epoch
    seconds, where the API said so."""

    reason: Reason
    what: str
    cure: str = ""
    until: float | None = None

    @property
    def message(self) -> str:
        return f"{self.what} {self.cure}".rstrip()


class Later:
    """Calls in flight may use up what is left: ask again when one of them has ended."""


Decision: TypeAlias = Admitted | Refusal | Later


def admit(state: State, request: TurnRequest, model: str = "") -> Decision:
    """Whether `request` may be sent now; `model` is what the CLI is given for it."""
    refusal = _over_budget(state) or _beyond_plan(state)
    if refusal is not None:
        return refusal
    amount = expected(state, request, model)
    return Later() if _may_run_past(state, amount) else Admitted(amount)


def expected(state: State, request: TurnRequest, model: str = "") -> Amount:
    """What `request` will use: what calls used so far on the average, and no less than its text
    has. Those that failed before they used anything tell nothing; until one has used something,
    each is taken for a long one."""
    if state.limits.max_tokens is None and state.limits.max_cost is None:
        return Amount(1)  # nobody asks
    calls = state.spent.charged
    if calls:
        likely = max(prompt_tokens(request), state.spent.tokens / calls)
        return Amount(1, likely, state.spent.cost / calls)
    (read, written), price = longest(request), price_of(model)
    return Amount(1, read + written, read * price.read + written * price.written)


def shares(state: State, used: Amount) -> Iterator[tuple[str, float]]:
    """For each budget its flag, as it was given, and the share of it in `used`."""
    limits = state.limits
    if limits.max_calls is not None:
        yield f"--max-calls {limits.max_calls}", used.calls / limits.max_calls
    if limits.max_tokens is not None:
        yield f"--max-tokens {limits.max_tokens}", used.tokens / limits.max_tokens
    if limits.max_cost is not None:
        yield f"--max-cost {limits.max_cost:g}", used.cost / limits.max_cost


def nearly_used_up(state: State) -> list[str]:
    """The budgets of which four fifths are used."""
    return [flag for flag, share in shares(state, state.spent) if share >= NEARLY]


def _over_budget(state: State) -> Refusal | None:
    # Every call in flight is one for certain; what it costs is known when it has ended.
    used = state.spent + Amount(state.reserved.calls)
    for flag, share in shares(state, used):
        if share >= 1:
            return Refusal(Reason.BUDGET, f"The budget of {state.limits.whose} is used up: {flag}.")
    return None


def _may_run_past(state: State, amount: Amount) -> bool:
    """Only where something is in flight: alone, a call is sent as long as anything is left."""
    if not state.reserved.calls:
        return False
    used = state.spent + state.reserved + Amount(0, amount.tokens, amount.cost)
    return any(share > 1 for _, share in shares(state, used))


def _beyond_plan(state: State) -> Refusal | None:
    plan, now = state.plan, state.now
    window = plan.exhausted(now)
    if plan.draws_on_extra_usage(now):
        return _extra_usage(state) if state.limits.guarded else None
    if window is not None:
        return out_of(window, now)
    percent = state.limits.max_window
    if percent is not None and (full := plan.fuller_than(percent / _PERCENT, now)) is not None:
        text = f"The {named(full)} is {full.utilization:.0%} used, and --max-window is {percent:g}."
        return _until(Reason.LIMIT, text, WAITING, full.resets_at, now)
    return None


def out_of(window: PlanWindow, now: float) -> Refusal:
    """What is said of a window of the plan that is used up."""
    text = f"The {named(window)} of your Claude plan is used up."
    return _until(Reason.LIMIT, text, WAITING, window.resets_at, now)


def _extra_usage(state: State) -> Refusal:
    window = state.plan.exhausted(state.now)
    begun = "Calls have begun to draw on paid extra usage, beyond your Claude plan"
    return _until(
        Reason.EXTRA_USAGE,
        f"{begun}." if window is None else f"{begun}: the {named(window)} is used up.",
        "claude-run stops there; --extra-usage allow goes on.",
        window.resets_at if window is not None else None,
        state.now,
    )


def _until(reason: Reason, what: str, cure: str, until: float | None, now: float) -> Refusal:
    if until is None:
        return Refusal(reason, what, cure)
    return Refusal(reason, f"{what} It resets at {when(until, now)}.", cure, until)
