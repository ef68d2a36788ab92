"""Where calls are let through, held or refused, before they are sent and after they are heard."""

import asyncio
import time
from dataclasses import replace
from typing import Final

from typing_extensions import assert_never

from claude_run.claude.names import resolve
from claude_run.server.caller import caller
from claude_run.server.lines import Lines
from claude_run.settings import Settings
from claude_run.turn import Failure, Trace, TurnError, TurnRequest
from claude_run.usage.budget import (
    Admitted,
    Amount,
    Later,
    Limits,
    Reason,
    Refusal,
    State,
    admit,
    nearly_used_up,
    out_of,
)
from claude_run.usage.windows import Plan, crossed, has_reset, last_to_reset, named, when

_HOUR: Final = 3600
_SOON: Final = 0.5
"""Seconds after a window's reset before it is tried again: clocks differ."""

_LONGEST_PAUSE: Final = 60.0
_MOST_TRIES: Final = 20  # a quarter of an hour


class Gate:
    """Keeps a run within its budgets, its plan and its money, and says so in `lines`."""

    def __init__(self, settings: Settings, lines: Lines, *, whose: str = "this run") -> None:
        self._settings = settings
        self._on_limit = settings.on_limit
        self._max_wait = settings.max_wait
        self._allows_extra = settings.extra_usage == "allow"
        self._limits = replace(limits_of(settings), whose=whose)
        self._is_subscription = settings.paid_by == "subscription"
        self._lines = lines
        self._spent = Amount()
        self._reserved = Amount()
        self._ended = asyncio.Event()
        self.plan = Plan()

    async def enter(self, request: TurnRequest) -> Amount:
        """Wait until `request` may be sent; what is reserved for it, which `leave` gives back.

        Raises:
            TurnError: it may not be sent.
        """
        model = self._model(request)
        while True:
            match admit(self._state(), request, model):
                case Admitted(reserved):
                    self._reserved += reserved
                    return reserved
                case Later():
                    await self._a_call_ends()
                case Refusal() as refusal:
                    await self._hold(refusal)
                case never:
                    assert_never(never)

    def give_back(self, reserved: Amount) -> None:
        """The call that `enter` let through has used nothing, and asks again."""
        self._reserved -= reserved
        self._ended.set()

    def leave(self, reserved: Amount, spent: Amount) -> None:
        """The call that `enter` let through has ended, and used what was `spent`."""
        self.give_back(reserved)
        self._spent += spent
        for flag in nearly_used_up(self._state()):
            self._lines.once(flag, f"80% of {flag} is used")

    def heard(self, trace: Trace) -> None:
        """Take in what a call heard of the plan."""
        before, self.plan = self.plan, self.plan.heard(trace.windows, trace.overage)
        for window, threshold in crossed(before, self.plan):
            resets = (
                f", resets at {when(window.resets_at, time.time())}" if window.resets_at else ""
            )
            self._lines.once(
                f"{window.name} {(window.resets_at or 0) // _HOUR} {threshold}",
                f"the {named(window)} of your Claude plan is {window.utilization:.0%} used{resets}",
            )
        if self._is_subscription and self.plan.draws_on_extra_usage(time.time()):
            self._lines.once("extra usage", EXTRA_USAGE[self._allows_extra])

    async def exhausted(self, error: TurnError, trace: Trace, tries: int) -> None:
        """A call ended with `error` before its answer began, after as many other `tries`. Returns
        when the window of the plan that it ran into has reset, if this run waits for that.

        Raises:
            TurnError: `error`, with what a person can do about it after the provider's own words.
        """
        match error.failure:
            case Failure.QUOTA if (window := last_to_reset(trace.windows, time.time())) is not None:
                await self._hold(out_of(window, time.time()), said=error.message)
            case Failure.QUOTA if has_reset(trace.windows, time.time()):
                await self._try_again(error, tries)
            case Failure.RATE_LIMIT if error.retry_after is not None:  # the window has reset
                await self._try_again(error, tries)
            case Failure.QUOTA:
                self._lines.alarm("quota", error.message)
                raise error
            case Failure.BILLING:
                self._lines.once(error.message, f"{PASSED_ON}: {error.message}")
                raise error
            case _:
                raise error

    def _model(self, request: TurnRequest) -> str:
        """What the CLI is given for `request`; a name that is not known is refused later on."""
        try:
            return resolve(request.model, self._settings).name
        except TurnError:
            return request.model

    def _state(self) -> State:
        return State(self._limits, self.plan, self._spent, self._reserved, time.time())

    async def _a_call_ends(self) -> None:
        self._ended.clear()
        await self._ended.wait()

    async def _hold(self, refusal: Refusal, said: str = "") -> None:
        """Returns when what `refusal` waits for has come, if this run waits. `said` is what the
        provider had to say.

        Raises:
            TurnError: QUOTA or BUDGET.
        """
        now = time.time()
        if self._on_limit != "wait" or refusal.until is None or refusal.reason is Reason.BUDGET:
            self._close(refusal)
            raise _error(refusal, said, now)
        seconds = max(0.0, refusal.until - now) + _SOON
        if not self._may_wait(seconds):
            raise _error(replace(refusal, cure=TOO_LONG), said, now)
        self._lines.once(f"wait {refusal.until}", f"{refusal.what} Calls wait until then.")
        with caller().held():
            await until(refusal.until + _SOON, seconds)

    async def _try_again(self, error: TurnError, tries: int) -> None:
        """Returns when a call may be tried again that a window refused which should have reset by
        now, if this run waits: after pauses that grow, until it is plain that it has not.

        Raises:
            TurnError: RATE_LIMIT, which clients try again by themselves.
        """
        seconds = min(_SOON * 2**tries, _LONGEST_PAUSE)
        if self._on_limit != "wait" or tries >= _MOST_TRIES or not self._may_wait(seconds):
            raise TurnError(Failure.RATE_LIMIT, error.message, retry_after=1.0)
        with caller().held():
            await asyncio.sleep(seconds)

    def _may_wait(self, seconds: float) -> bool:
        return self._max_wait is None or caller().waited + seconds <= self._max_wait

    def _close(self, refusal: Refusal) -> None:
        """Say once why nothing more is sent, and end the command where that was asked for."""
        if refusal.reason is not Reason.EXTRA_USAGE:  # that was said when it began
            self._lines.alarm(str(refusal.until or refusal.message), refusal.message)
        if self._on_limit == "stop" and refusal.reason is not Reason.BUDGET:
            self._lines.stop(f"{refusal.what} --on-limit stop ends the command.")


EXTRA_USAGE: Final = {
    True: "calls draw on paid extra usage, beyond your Claude plan, from here on"
    " (--extra-usage allow)",
    False: "calls have begun to draw on paid extra usage, beyond your Claude plan: no new"
    " ones are sent, --extra-usage allow goes on",
}
PASSED_ON: Final = "Claude refuses, and claude-run passes it on as it is"
TOO_LONG: Final = "That is longer than --max-wait."


def limits_of(settings: Settings) -> Limits:
    """What `settings` allow. Extra usage is a subscription's: a metered key pays for each call."""
    return Limits(
        settings.max_calls,
        settings.max_tokens,
        settings.max_cost,
        settings.max_window,
        guarded=settings.paid_by == "subscription" and settings.extra_usage == "stop",
    )


async def until(at: float, seconds: float) -> None:
    """Returns at that time of the clock, or after so many seconds. While a machine sleeps only the
    clock goes on; and one that is put back says what there is to wait for anew."""
    enough = time.monotonic() + seconds
    while (left := min(at - time.time(), enough - time.monotonic())) > 0:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(min(left, _LONGEST_PAUSE))


def _error(refusal: Refusal, said: str, now: float) -> TurnError:
    retry_after = max(1.0, refusal.until - now) if refusal.until is not None else None
    words = f"{said.rstrip('. ')}. {refusal.message}" if said else refusal.message
    failure = Failure.BUDGET if refusal.reason is Reason.BUDGET else Failure.QUOTA
    return TurnError(failure, words, retry_after=retry_after)
