"""What a person is told while the command runs, because more calls will run into it."""

from typing import Final

from claude_run.turn import Failure
from claude_run.usage.cures import cure
from claude_run.usage.record import CallRecord
from claude_run.usage.totals import ErrorSums

ALARMING: Final = frozenset(
    {
        Failure.AUTHENTICATION,
        Failure.PERMISSION,
        Failure.MODEL_NOT_FOUND,
        Failure.NOT_FOUND,
        Failure.TOO_LARGE,
        Failure.CONNECTION_FULL,
        Failure.RATE_LIMIT,
        Failure.TIMEOUT,
        Failure.EXHAUSTED,
    }
)
"""Failures that a person can do something about before the end. What is used up is told where it is
decided that nothing more is sent, and what a cassette lacks where it is looked for."""


def alarm(record: CallRecord, *, in_python: bool) -> str | None:
    """What to say of a call that has ended, and how to help it, in one line."""
    error = record.error
    if error is None or error.kind not in {failure.value for failure in ALARMING}:
        return None
    sums = ErrorSums(error.status, error.kind, 1, error.message, (record.asked_model,))
    return f"a call failed ({error.status}): {cure(sums, in_python=in_python)}"
