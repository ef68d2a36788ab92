"""The one border foreign errors cross: whatever the CLI or the SDK says becomes a TurnError."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeSDKError,
    CLINotFoundError,
    RateLimitInfo,
    ResultMessage,
)

from claude_run.turn import Failure, Overage, PlanWindow, TurnError
from claude_run.turn.exhaustion import exhaustion

LOGIN_HINT: Final = (
    "Claude Code is not logged in, or its login was refused. Run `claude-run login`, or for CI "
    "`claude-run login --ci`, and start claude-run again."
)

# What AssistantMessage.error says, where the HTTP status does not say it better.
BY_ERROR: Final[Mapping[str, Failure]] = {
    "authentication_failed": Failure.AUTHENTICATION,
    "oauth_org_not_allowed": Failure.PERMISSION,
    "billing_error": Failure.BILLING,
    "rate_limit": Failure.RATE_LIMIT,
    "overloaded": Failure.OVERLOADED,
    "invalid_request": Failure.BAD_REQUEST,
    "model_not_found": Failure.MODEL_NOT_FOUND,
    "server_error": Failure.UPSTREAM,
    "max_output_tokens": Failure.UPSTREAM,
    "unknown": Failure.UPSTREAM,
}

BY_STATUS: Final[Mapping[int, Failure]] = {
    400: Failure.BAD_REQUEST,
    401: Failure.AUTHENTICATION,
    402: Failure.BILLING,
    403: Failure.PERMISSION,
    404: Failure.MODEL_NOT_FOUND,
    413: Failure.TOO_LARGE,
    429: Failure.RATE_LIMIT,
    503: Failure.OVERLOADED,
    529: Failure.OVERLOADED,
}

# The provider's own control on who may use a plan: handed on word for word.
_EXTRA_USAGE: Final = re.compile(r"\bextra usage\b|\bcredit balance\b", re.IGNORECASE)
_TOO_LONG: Final = re.compile(
    r"prompt is too long|exceeds? (?:the )?(?:context|maximum context)|context (?:window|limit)",
    re.IGNORECASE,
)
# What the CLI says of a window that is used up. If it has reset by then, nothing else is told.
_OF_A_WINDOW: Final = re.compile(r"\bhit your\b.*\blimit\b.*\bresets\b")
_OVERAGE: Final = ("overageInUse", "isUsingOverage", "overageStatus", "overageDisabledReason")
_SAMPLING: Final = ("temperature", "top_p", "top_k")
# How the Messages API speaks of a value that it does not take, and not of the field.
_OF_A_VALUE: Final = re.compile(
    r"should be|must be(?! unset)|(?:less|greater|larger|smaller) than|at (?:most|least)|between"
    r"|out of range|not a valid",
    re.IGNORECASE,
)


_FURTHEST: Final = 100 * 366 * 86400.0
"""Seconds from now. A proxy may say anything, also what is no time of any calendar."""
_FULLEST: Final = 100.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the CLI last said of the plan. Times in epoch seconds, utilisation 0 to 1."""

    status: str
    resets_at: float | None
    window: str | None
    raw: Mapping[str, Any]
    heard_at: float | None = None

    @classmethod
    def of(cls, info: RateLimitInfo, *, now: float) -> "RateLimit":
        resets_at = _moment(info.resets_at, now)
        return cls(info.status, resets_at, info.rate_limit_type, info.raw, now)

    @property
    def exhausts_the_plan(self) -> bool:
        return self._decides == "rejected"

    @property
    def is_a_throttle(self) -> bool:
        """Of any 429 the CLI says that the window refused it, which the API may not have said."""
        return self.status == "rejected" and self._decides not in {None, "rejected"}

    @property
    def windows(self) -> tuple[PlanWindow, ...]:
        """Every window that was named."""
        named = self._named
        if self.window is not None and self.window not in named:
            named = {**named, self.window: {"resetsAt": self.resets_at}}
        return tuple(
            PlanWindow(
                name,
                str((self._decides if name == self.window else seen.get("status")) or ""),
                _number(seen.get("utilization"), _FULLEST),
                _moment(seen.get("resetsAt"), self.heard_at),
                self.heard_at,
            )
            for name, seen in named.items()
        )

    @property
    def _named(self) -> Mapping[str, Any]:
        return self.raw.get("unifiedWindows") or {}

    @property
    def _decides(self) -> str | None:
        """The status of the window that decides: what the API said of it, unless it is full."""
        if self.window is None:
            return None
        seen = self._named.get(self.window, {})
        is_full = (seen.get("utilization") or 0.0) >= 1
        return self.status if is_full else str(seen.get("status") or self.status)

    @property
    def overage(self) -> Overage | None:
        """Paid extra usage, where anything was said of it. Either sign of use means money."""
        raw = self.raw
        if not any(raw.get(name) is not None for name in _OVERAGE):
            return None
        return Overage(
            bool(raw.get("overageInUse") or raw.get("isUsingOverage")),
            raw.get("overageStatus"),
            raw.get("overageDisabledReason"),
            _moment(raw.get("overageResetsAt"), self.heard_at),
            self.heard_at,
        )


def _moment(told: object, now: float | None) -> float | None:
    """A time that is told, as far as it can be meant: one in milliseconds is none."""
    return _number(told, (now or 0.0) + _FURTHEST)


def _number(told: object, most: float) -> float | None:
    if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told <= most:
        return None
    return told


def from_messages(
    said: AssistantMessage | None,
    result: ResultMessage | None,
    limit: RateLimit | None,
    *,
    now: float,
) -> TurnError:
    """The failure of a turn whose messages say that it failed. `now` is epoch seconds."""
    status = getattr(result, "api_error_status", None)
    text = _text_of(said, result)
    failure = _failure(said.error if said else None, status, text, limit)
    if failure is Failure.AUTHENTICATION:
        text = f"{LOGIN_HINT} ({text})"
    retry_after = None
    if failure is Failure.QUOTA and limit and limit.resets_at:
        retry_after = max(1.0, limit.resets_at - now)
    elif failure is Failure.RATE_LIMIT and _OF_A_WINDOW.search(text):
        retry_after = None if limit is not None and limit.is_a_throttle else 1.0
    return TurnError(failure, text, retry_after=retry_after)


def _failure(error: str | None, status: int | None, text: str, limit: RateLimit | None) -> Failure:
    failure = BY_STATUS.get(status or 0) or BY_ERROR.get(error or "unknown", Failure.UPSTREAM)
    if failure is Failure.RATE_LIMIT and limit is not None and limit.exhausts_the_plan:
        return Failure.QUOTA
    if failure is not Failure.BAD_REQUEST:
        return failure
    if _EXTRA_USAGE.search(text):
        return Failure.BILLING
    return Failure.CONTEXT_LENGTH if _TOO_LONG.search(text) else Failure.BAD_REQUEST


def _text_of(said: AssistantMessage | None, result: ResultMessage | None) -> str:
    if result is not None and result.result:
        return result.result
    if result is not None and result.errors:
        return "; ".join(result.errors)
    texts = [getattr(block, "text", "") for block in said.content] if said else []
    return "".join(texts) or "Claude Code ended the turn with an error and no text."


def from_exception(error: Exception, stderr: str) -> TurnError:
    """The failure of a session whose process or protocol broke."""
    if (exhausted := exhaustion(error)) is not None:
        return exhausted
    if isinstance(error, CLINotFoundError):
        return TurnError(Failure.CRASH, "The Claude Code CLI is missing; reinstall claude-run.")
    if isinstance(error, ClaudeSDKError | OSError):
        detail = stderr or str(error).splitlines()[0]
        return TurnError(Failure.CRASH, f"The Claude Code process ended unexpectedly: {detail}")
    return TurnError(Failure.CRASH, f"The Claude Code process could not be used: {error}")


def rejected_fields(error: TurnError, sent: Mapping[str, Any]) -> tuple[str, ...]:
    """The sampling fields of `sent` that `error` says the model does not take at all. That it
    does not take a value, or a choice of tools, is an error for the client to see."""
    if error.failure is not Failure.BAD_REQUEST or _OF_A_VALUE.search(error.message):
        return ()
    named = tuple(
        field for field in _SAMPLING if field in sent and re.search(rf"\b{field}\b", error.message)
    )
    # "temperature and top_p cannot both be specified": one of the two is enough to give up.
    return ("top_p",) if named == ("temperature", "top_p") else named
