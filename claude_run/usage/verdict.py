"""What was found in a run that a person wants to count as a failure, though the command did not."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

FOUND: Final = 75
"""The exit status then: EX_TEMPFAIL of sysexits.h."""

Report = Mapping[str, Any]


def found(report: Report | None, wanted: Iterable[str]) -> str | None:
    """What of `wanted` was found, in words, or None. A run without a report had no calls."""
    told = [words for name in wanted if (words := FINDINGS[name](report or {}))]
    return ", ".join(told) or None


def _failures(report: Report, *kinds: str) -> int:
    return sum(
        failure["count"]
        for failure in report.get("failures", ())
        if not kinds or failure["kind"] in kinds
    )


def _limit(report: Report) -> str | None:
    n = _failures(report, "quota")
    return f"{_calls(n)} beyond the plan's limit" if n else None


def _budget(report: Report) -> str | None:
    n = _failures(report, "budget")
    return f"{_calls(n)} beyond the budget" if n else None


def _errors(report: Report) -> str | None:
    n = _failures(report)
    told = [f"{_calls(n)} failed"] if n else []
    if report.get("bridge_died"):  # what was in flight then has left no record
        told.append("the bridge died")
    return ", ".join(told) or None


def _no_calls(report: Report) -> str | None:
    return None if report.get("models") else "no calls were made"


def _miss(report: Report) -> str | None:
    n = _failures(report, "cassette_miss")
    return f"{_calls(n)} not in the cassette" if n else None


def _unused(report: Report) -> str | None:
    n = len((report.get("cassette") or {}).get("unused", ()))
    return f"{n} recording{'s' if n != 1 else ''} not used" if n else None


def _calls(n: int) -> str:
    return f"{n} call{'s' if n != 1 else ''}"


FINDINGS: Final[Mapping[str, Callable[[Report], str | None]]] = {
    "limit": _limit,
    "budget": _budget,
    "errors": _errors,
    "no-calls": _no_calls,
    "miss": _miss,
    "unused": _unused,
}
