"""A report as one JSON document, and back: versioned, and described by `run.schema.json`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Any, Final

from claude_run import __version__
from claude_run.turn import JsonObject
from claude_run.usage.record import CallRecord
from claude_run.usage.report import Part, Report, report_of
from claude_run.usage.run import Run, without_keys
from claude_run.usage.totals import Spread, Sums, Totals

VERSION: Final = 1
"""Raised when a member is removed or changes its meaning; new members do not raise it."""


class DocumentError(Exception):
    """A file is no document of ours, in words for the person who named it."""


def schema() -> JsonObject:
    """The JSON schema of a document."""
    text = resources.files(__package__).joinpath("run.schema.json").read_text("utf-8")
    read: JsonObject = json.loads(text)
    return read


def pieces(report: Report) -> Iterator[str]:
    """The document as JSON text, a call a line, without holding more than one of them."""
    head = json.dumps(head_of(report), indent=1, ensure_ascii=False)
    yield head.removesuffix("\n}") + ',\n "calls": ['
    separator = "\n"
    for number, record in report.calls():
        yield separator + "  " + json.dumps(call_json(record, number), ensure_ascii=False)
        separator = ",\n"
    yield "\n ]\n}\n"


def head_of(report: Report) -> JsonObject:
    """All of the document but its calls."""
    return {
        "version": VERSION,
        "claude_run": __version__,
        "runs": [_run(run) for run in report.runs],
        "totals": totals_json(report.totals),
    }


def totals_json(totals: Totals) -> JsonObject:
    return {
        **_sums(totals.together),
        "overage": None if totals.overage is None else asdict(totals.overage),
        "extra_usage": _sums(totals.extra),
        "most_at_once": totals.most_at_once,
        "first_token_seconds": _spread(totals.first_token),
        "call_seconds": _spread(totals.duration),
        "by_model": [{"model": name, **_sums(sums)} for name, sums in totals.models.items()],
        "by_label": [{"label": name, **_sums(sums)} for name, sums in totals.labels.items()],
        "errors": [
            {
                "kind": error.kind,
                "status": error.status,
                "calls": error.calls,
                "message": without_keys(error.message),
                "models": list(error.models),
                "messages": error.messages,
            }
            for error in totals.errors
        ],
        "answered": [
            {"asked": asked, "answered_by": by, "calls": calls}
            for (asked, by), calls in totals.answered.items()
        ],
        "sessions": dict(totals.sessions),
        "cold_reasons": dict(totals.cold_reasons),
        "finishes": dict(totals.finishes),
        "windows": [{**asdict(use.last), "used_here": use.used_here} for use in totals.windows],
        "notices": [{**asdict(notice), "calls": count} for notice, count in totals.notices],
    }


def call_json(record: CallRecord, run: int = 0) -> JsonObject:
    """Every member of the record under its own name."""
    call = asdict(record)
    if record.error is not None:
        call["error"]["message"] = without_keys(record.error.message)
    return {"run": run, **call}


def read(path: Path) -> list[Part]:
    """The runs of a document.

    Raises:
        DocumentError: the file cannot be read, or is none.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DocumentError(f"{path} is not a report of claude-run (--json FILE)") from error
    return parts_of(document, str(path))


def parts_of(document: Any, name: str) -> list[Part]:
    """The runs of a parsed document, `name` being what to call it in a message.

    Raises:
        DocumentError: it is none.
    """
    if not isinstance(document, dict) or "version" not in document:
        raise DocumentError(f"{name} is not a report of claude-run (--json FILE)")
    if document["version"] != VERSION:
        raise DocumentError(
            f"{name} is of version {document['version']}; this claude-run reads {VERSION}"
        )
    try:
        runs = [_run_from(run) for run in document["runs"]]
        calls: list[list[CallRecord]] = [[] for _ in runs]
        for call in document["calls"]:
            calls[call["run"]].append(_record(call))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DocumentError(f"{name} is damaged: {error!r}") from error
    return [Part(run, kept.copy) for run, kept in zip(runs, calls, strict=True)]


def merged(documents: Mapping[str, Any]) -> Report:
    """One report of several parsed documents, by name. Raises DocumentError as `parts_of`."""
    return report_of([part for name, one in documents.items() for part in parts_of(one, name)])


def iso(moment: float) -> str:
    """`moment` (seconds of the epoch) as RFC 3339 in UTC."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="seconds")


def _run(run: Run) -> JsonObject:
    return {
        "command": run.title,
        "began": run.began,
        "began_at": iso(run.began),
        "seconds": run.seconds,
        "status": run.status,
        "paid_by": run.paid_by,
        "is_complete": run.is_complete,
        "cassette": run.cassette,
    }


def _run_from(run: Mapping[str, Any]) -> Run:
    return Run(
        command=(run["command"],),
        began=run["began"],
        seconds=run["seconds"],
        paid_by=run["paid_by"],
        status=run["status"],
        is_complete=run["is_complete"],
        cassette=run["cassette"],
    )


def _sums(sums: Sums) -> JsonObject:
    return {
        "calls": sums.calls,
        "failed": sums.failed,
        "cancelled": sums.cancelled,
        "retries": sums.retries,
        **asdict(sums.usage),
        "cost_usd": sums.cost_usd,
        "busy_seconds": sums.seconds,
        "queued_seconds": sums.queued,
    }


def _spread(spread: Spread | None) -> JsonObject | None:
    return None if spread is None else asdict(spread)


def _record(call: Mapping[str, Any]) -> CallRecord:
    return CallRecord.from_json(json.dumps({k: v for k, v in call.items() if v is not None}))
