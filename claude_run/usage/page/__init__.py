"""A report as one HTML page that needs nothing else: no request leaves it, no script is a must."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from typing import Any, Final

from claude_run import __version__
from claude_run.turn import JsonObject
from claude_run.usage import words
from claude_run.usage.cures import cure
from claude_run.usage.page import charts
from claude_run.usage.page.conversations import packed
from claude_run.usage.record import CallRecord
from claude_run.usage.report import Report
from claude_run.usage.run import without_keys
from claude_run.usage.totals import Totals, model_of, repeated

MOST_CALLS: Final = 50_000
"""Calls in the table and the charts; the totals count all."""

MOST_STATIC: Final = 300
"""Rows that are there without JavaScript."""

COLUMNS: Final = (
    "id", "run", "began", "model", "asked", "label", "endpoint", "session", "queued",
    "first", "seconds", "input", "cached", "output", "cost", "end", "note", "retry", "again",
)  # fmt: skip
"""Of the attempts in the page's data; lengths in seconds, `began` from the first's beginning. One
that is a `retry` repeats an earlier one, and one that was asked `again` failed before that."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure at the page's head."""

    title: str
    figure: str
    is_bad: bool = False


def page(report: Report) -> str:
    """The page; calls of a run that was logged open to their conversations."""
    import jinja2  # noqa: PLC0415 - it costs as much to import as a start may take

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_file),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(**_context(report))


def _context(report: Report) -> JsonObject:
    style, script = _file("page.css"), _file("page.js")
    calls = list(islice(report.calls(), MOST_CALLS))
    records = [record for _, record in calls]
    began = min((record.began for record in records), default=0.0)
    again = repeated(records)
    rows = [
        [*_row(number, record, began, report), int(place in again)]
        for place, (number, record) in enumerate(calls)
    ]
    totals = report.totals
    return {
        "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'",
        "style": style,
        "script": script,
        "version": __version__,
        "title": ", ".join(dict.fromkeys(run.title for run in report.runs))[:200],
        "runs": report.runs,
        "totals": totals,
        "tiles": _tiles(report),
        "errors": [(error, cure(error, totals.windows)) for error in totals.errors],
        "windows": [(use, words.window_words(use, _end(report))) for use in totals.windows],
        "is_free": _is_free(report),
        "payers": list(dict.fromkeys(words.PAYERS.get(r.paid_by, r.paid_by) for r in report.runs)),
        "models": charts.group_bars(totals.models, "model"),
        "labels": [] if list(totals.labels) == [""] else charts.group_bars(totals.labels, "label"),
        "waterfall": charts.waterfall(records, anchors=[row[0] for row in rows]),
        "histograms": charts.histograms(records),
        "cache": charts.cache_share(records),
        "plan": charts.windows(records),
        "static": [dict(zip(COLUMNS, row, strict=True)) for row in _most_telling(rows)],
        "shown": len(rows),
        "attempts": totals.together.calls + totals.together.retries,
        "sum": _summed_up(totals, shown=len(rows)),
        "data": _as_data({"columns": COLUMNS, "rows": rows, "runs": _titles(report)}),
        "conversations": packed(entry for part in report.parts for entry in part.entries),
        "words": words,
    }


def _tiles(report: Report) -> list[Tile]:
    together = report.totals.together
    usage = together.usage
    tiles = [
        Tile("calls", f"{together.calls:,}"),
        *([Tile("asked again", f"{together.retries:,}")] if together.retries else []),
        Tile("failed", f"{together.failed:,}", is_bad=together.failed > 0),
        Tile("input tokens", f"{usage.prompt_tokens:,}"),
        Tile("of it from the cache", f"{usage.cache_read_tokens:,}"),
        Tile("output tokens", f"{usage.output_tokens:,}"),
    ]
    if not _is_free(report):
        tiles.append(Tile("API-equivalent cost", words.cost(together.cost_usd)))
    if (extra := report.totals.extra).calls:
        tiles.append(Tile("of it paid extra usage", words.cost(extra.cost_usd), is_bad=True))
    if (first := report.totals.first_token) is not None:
        tiles.append(Tile("first token, median", words.duration(first.p50)))
    return [*tiles, Tile("most at once", f"{report.totals.most_at_once:,}")]


def _row(number: int, record: CallRecord, began: float, report: Report) -> list[Any]:
    """A call as the page's data has it, in the order of COLUMNS but for the last."""
    usage = record.usage
    return [
        f"{record.request_id}.{record.choice}" if record.choice else record.request_id,
        number,
        round(record.began - began, 3),
        model_of(record, report.totals.answering),
        record.asked_model,
        record.label or "",
        record.endpoint,
        record.session or "",
        round(record.queued, 3),
        None if record.first_token is None else round(record.first_token, 3),
        round(record.seconds, 3),
        usage.prompt_tokens,
        usage.cache_read_tokens,
        usage.output_tokens,
        record.cost_usd,
        _how_it_ended(record),
        without_keys(record.error.message) if record.error else "",
        int(record.retry_of is not None),
    ]


def _how_it_ended(record: CallRecord) -> str:
    if record.error is not None:
        return f"{record.error.status} {record.error.kind}"
    if record.client_gone:
        return "client gone"
    return record.finish_reason or "given up"


def _most_telling(rows: Sequence[list[Any]]) -> list[list[Any]]:
    """What is shown without JavaScript: all where they are few, else those that failed and then
    the slowest, in their order."""
    if len(rows) <= MOST_STATIC:
        return list(rows)
    note, again, seconds = map(COLUMNS.index, ("note", "again", "seconds"))

    def key(number: int) -> tuple[bool, float]:
        row = rows[number]
        return not row[note] or bool(row[again]), -row[seconds]

    order = sorted(range(len(rows)), key=key)
    return [rows[n] for n in sorted(order[:MOST_STATIC])]


def _summed_up(totals: Totals, shown: int) -> JsonObject | None:
    """The last line of the table where it lists everything: what the page's head says."""
    together = totals.together
    if not shown or shown > MOST_STATIC or shown < together.calls + together.retries:
        return None
    again = f", {together.retries:,} asked again" if together.retries else ""
    return {"calls": f"{words.counted(together.calls, 'call')}{again}", "sums": together}


def _end(report: Report) -> float:
    return max((run.began + run.seconds for run in report.runs), default=0.0)


def _titles(report: Report) -> list[str]:
    return [run.title for run in report.runs]


def _is_free(report: Report) -> bool:
    return all(run.paid_by in words.FREE for run in report.runs)


def _as_data(value: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in, nor begin a comment there."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """Of an inline style or script, as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
