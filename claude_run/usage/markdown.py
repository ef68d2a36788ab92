"""A report as Markdown, for a job's summary on GitHub and for notes."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nlargest
from typing import Final

from claude_run.usage.cures import cure
from claude_run.usage.record import CallRecord
from claude_run.usage.report import Report
from claude_run.usage.run import Run, without_keys
from claude_run.usage.totals import Sums, Totals, model_of
from claude_run.usage.words import (
    FREE,
    PAYERS,
    cost,
    counted,
    duration,
    ending,
    extra_usage,
    price,
    shortened,
    window_name,
    window_words,
)

MOST_BYTES: Final = 400 * 1024
"""GitHub drops a step's summary whole where it is over 1 MiB; others may write to it too."""

MOST_ROWS: Final = 25
MOST_CALLS: Final = 10
MOST_TEXT: Final = 200
_CUT: Final = "\n\n*The rest was left out: it would have been too long.*\n"
_PLAIN: Final = re.compile(r"[^\w .,;()/%$+?=\-]|_|(?<=www)\.", re.ASCII)


def markdown(report: Report) -> str:
    """The text of it, never more than `MOST_BYTES` in UTF-8."""
    text = "\n".join(_lines(report)) + "\n"
    encoded = text.encode()
    if len(encoded) <= MOST_BYTES:
        return text
    room = MOST_BYTES - len(_CUT.encode())
    return encoded[:room].decode(errors="ignore").rpartition("\n")[0] + _CUT


def quoted(text: str) -> str:
    """`text` as a cell shows it letter by letter: whatever could be markup is a reference."""
    said = shortened(without_keys(" ".join(text.split())), MOST_TEXT)
    return _PLAIN.sub(lambda match: f"&#{ord(match[0])};", said)


def _lines(report: Report) -> Iterator[str]:
    totals = report.totals
    for run in report.runs[:MOST_ROWS]:
        yield from _heading(run)
    if len(report.runs) > MOST_ROWS:
        yield f"and {counted(len(report.runs) - MOST_ROWS, 'other run')}\n"
    if not totals.together.calls:
        yield "No calls were made to Claude."
        return
    yield from _failed(totals)
    yield from _plan(report)
    free = all(run.paid_by in FREE for run in report.runs)
    yield from _groups("Model", totals.models.items(), totals.together, free=free)
    if len(totals.labels) > 1 or "" not in totals.labels:
        yield from _groups("Label", totals.labels.items(), totals.together, free=free)
    yield from _again(totals)
    yield from _speed(totals)
    yield from _calls("Slowest calls", report, lambda record: record.seconds, free=free)
    if not free:
        yield from _calls("Dearest calls", report, lambda record: record.cost_usd or 0.0, free=free)
    yield from _notices(totals)


def _heading(run: Run) -> Iterator[str]:
    yield f"### claude-run: {quoted(run.title)} {ending(run.status)} after {duration(run.seconds)}"
    yield ""
    if not run.is_complete:
        yield "**The bridge died on the way: what its last moments used may be missing.**\n"


def _failed(totals: Totals) -> Iterator[str]:
    if not totals.errors:
        return
    together = totals.together
    yield f"**Failed: {together.failed:,} of {counted(together.calls, 'call')}**\n"
    rows = (
        [f"{error.calls:,}", str(error.status or "-"), quoted(cure(error, totals.windows))]
        for error in totals.errors[:MOST_ROWS]
    )
    yield from _table(["Calls", "Status", "What happened, and what helps"], rows, left={2})


def _plan(report: Report) -> Iterator[str]:
    payers = dict.fromkeys(PAYERS.get(run.paid_by, quoted(run.paid_by)) for run in report.runs)
    spent = report.totals.together.cost_usd
    free = all(run.paid_by in FREE for run in report.runs)
    price = "" if free or spent is None else f"; the API would have charged about {cost(spent)}"
    yield f"Paid by {', '.join(payers)}{price}.\n"
    if (extra := report.totals.extra).calls:
        yield f"**Paid extra usage, beyond the plan: {extra_usage(extra)}.**\n"
    windows = [
        f"- {quoted(window_name(use.last.name))}: {quoted(words)}"
        for use in report.totals.windows
        if (words := window_words(use, time.time()))
    ]
    yield from [*windows, ""] if windows else []


def _groups(
    title: str, groups: Iterable[tuple[str, Sums]], together: Sums, *, free: bool
) -> Iterator[str]:
    rows = list(groups)
    if len(rows) > MOST_ROWS:
        others = rows[MOST_ROWS:]
        rows = [*rows[:MOST_ROWS], (f"{len(others)} others", sum((s for _, s in others), Sums()))]
    if len(rows) > 1:
        rows.append(("total", together))
    header = [title, "Calls", "Failed", "Input", "of it cached", "Output", "~ Cost"]
    cells = ([quoted(name) or "(none)", *_figures(sums)] for name, sums in rows)
    shown = len(header) - 1 if free else len(header)
    yield from _table(header[:shown], (row[:shown] for row in cells), left={0})


def _figures(sums: Sums) -> list[str]:
    usage = sums.usage
    counts = (
        sums.calls,
        sums.failed,
        usage.prompt_tokens,
        usage.cache_read_tokens,
        usage.output_tokens,
    )
    return [*(f"{count:,}" for count in counts), price(sums)]


def _speed(totals: Totals) -> Iterator[str]:
    if (first := totals.first_token) is not None:
        yield f"First token after {duration(first.p50)} (95%: {duration(first.p95)}), up to"
        yield f"{counted(totals.most_at_once, 'call')} at once.\n"


def _again(totals: Totals) -> Iterator[str]:
    if retries := totals.together.retries:
        yield f"Asked again after an error: {counted(retries, 'time')}.\n"


def _calls(
    title: str, report: Report, key: Callable[[CallRecord], float], *, free: bool
) -> Iterator[str]:
    chosen = nlargest(MOST_CALLS, (record for _, record in report.calls()), key=key)
    shown = [record for record in chosen if key(record) > 0]
    rows = (_cells(record, report, free=free) for record in shown)
    header = ["Call", "Model", "Label", "End", "Took", *([] if free else ["~ Cost"])]
    yield f"<details><summary>{title}</summary>\n"
    yield from _table(header, rows, left={0, 1, 2, 3})
    yield "</details>\n"


def _cells(record: CallRecord, report: Report, *, free: bool) -> list[str]:
    cells = [
        quoted(record.request_id),
        quoted(model_of(record, report.totals.answering)),
        quoted(record.label or ""),
        quoted(_end(record)),
        duration(record.seconds),
    ]
    return cells if free else [*cells, cost(record.cost_usd)]


def _end(record: CallRecord) -> str:
    if record.error is not None:
        return record.error.kind
    return "given up" if record.client_gone else record.finish_reason or ""


def _notices(totals: Totals) -> Iterator[str]:
    for notice, count in totals.notices[:MOST_ROWS]:
        yield f"- {quoted(notice.text)} ({counted(count, 'call')})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], left: set[int]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "|".join("---" if n in left else "--:" for n in range(len(header))) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
