"""The summary of a run as a person reads it, on stderr: how it ended, what failed and what helps,
what it cost and what is left, then the table, then the rest; at most a screen."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal, TextIO

from claude_run.turn import Notice
from claude_run.usage.cures import LED, cure, nothing_called
from claude_run.usage.paper import LABEL, Paper, paper_of
from claude_run.usage.run import Run
from claude_run.usage.table import figures
from claude_run.usage.totals import Sums, Totals
from claude_run.usage.windows import EXHAUSTED
from claude_run.usage.words import (
    FREE,
    PAYERS,
    cost,
    counted,
    duration,
    ending,
    extra_usage,
    printable,
    shortened,
    window_name,
    window_words,
    wrapped,
)

Detail = Literal["short", "full", "none"]

BRAND: Final = "claude-run: "
SHORTEST_TITLE: Final = 12  # columns
# What notices are about that are about no field of a request.
_OF_SESSIONS: Final = ("live sessions", "sessions")
_NO_FIELDS: Final = ("model ", *_OF_SESSIONS)
CASSETTE: Final = ("replayed", "recorded", "missed", "unused")
MOST_MODELS: Final = 8
MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told, and how: `now` is in seconds of the epoch, `quiet` leaves what failed."""

    run: Run
    totals: Totals
    paper: Paper
    now: float
    detail: Detail = "short"
    quiet: bool = False

    @property
    def is_full(self) -> bool:
        return self.detail == "full"

    @property
    def is_free(self) -> bool:
        return self.run.paid_by in FREE


def print_summary(
    run: Run,
    totals: Totals,
    stderr: TextIO | None,
    *,
    detail: Detail = "short",
    quiet: bool = False,
) -> None:
    """Write the summary to `stderr`. What goes wrong here stays here: it must not change how the
    run ends."""
    with suppress(Exception):
        if stderr is not None:
            text = summary(Telling(run, totals, paper_of(stderr), time.time(), detail, quiet))
            encoding = stderr.encoding or "utf-8"
            stderr.write(text.encode(encoding, "replace").decode(encoding))
            stderr.flush()


def summary(telling: Telling) -> str:
    """The text of it; empty where there is nothing to tell."""
    failed, is_paid_extra = telling.totals.together.failed, _is_paid_extra(telling.totals)
    if telling.detail == "none" or (telling.quiet and not failed and not is_paid_extra):
        return ""
    blocks = [_heading(telling)]
    if failed:
        blocks.append(list(_failed(telling)))
    if not telling.quiet:
        blocks += _rest(telling)
    elif is_paid_extra:
        blocks.append(list(_payer(telling)))
    return "\n" + "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)


def _rest(t: Telling) -> list[list[str]]:
    if not t.totals.together.calls:
        return [list(t.paper.told("no calls", f"were made to Claude: {_why_none(t.run)}"))]
    models = t.totals.models
    labels = {label or "(no label)": sums for label, sums in t.totals.labels.items()}
    return [
        [*_payer(t), *_cassette(t), *_windows(t)],
        list(_groups("model", models, t)),
        list(_groups("label", labels, t)) if list(t.totals.labels) != [""] else [],
        list(_details(t)),
    ]


def _why_none(run: Run) -> str:
    if not run.is_served:
        return "the bridge could not start"
    program = PurePath(run.command[0]).name if run.command else ""
    return LED if run.led_for else nothing_called(program)


def _heading(t: Telling) -> list[str]:
    end = f"{ending(t.run.status)} after {duration(t.run.seconds)}"
    room = t.paper.width - len(BRAND) - 1 - len(end)
    if room >= SHORTEST_TITLE:
        lines = [f"{BRAND}{t.paper.bold(shortened(printable(t.run.title), room))} {end}"]
    else:
        room = t.paper.width - len(BRAND)
        lines = [f"{BRAND}{t.paper.bold(shortened(printable(t.run.title), room))}", f"  {end}"]
    if not t.run.is_complete:
        lines += wrapped(
            "The bridge died on the way. What follows is what it had written down by then.",
            t.paper.width,
        )
    return lines


def _failed(t: Telling) -> Iterator[str]:
    calls = counted(t.totals.together.calls, "call")
    yield f"{t.paper.red('FAILED')}  {t.totals.together.failed:,} of {calls}"
    shown = t.totals.errors if t.is_full else t.totals.errors[:5]
    width = max(len(str(error.calls)) for error in shown)
    for error in shown:
        label = f"  {error.calls:>{width}} x {error.status or '-'}"
        text = cure(error, t.totals.windows)
        yield from t.paper.told(label, text if t.is_full else shortened(text, 3 * t.paper.width))
    if len(t.totals.errors) > len(shown):
        yield f"  and {len(t.totals.errors) - len(shown)} other kinds: --summary full"


def _is_paid_extra(totals: Totals) -> bool:
    return totals.extra.calls > 0 or (totals.overage is not None and totals.overage.in_use)


def _payer(t: Telling) -> Iterator[str]:
    payer = PAYERS.get(t.run.paid_by, printable(t.run.paid_by))
    spent = t.totals.together.cost_usd
    if t.is_free or spent is None:
        charged = ""
    elif t.run.paid_by == "subscription":
        charged = f" (the API would have charged about {cost(spent)})"
    else:
        charged = f", about {cost(spent)} (an estimate, not a bill)"
    yield from t.paper.told("paid by", payer + charged)
    for text in _overage(t.totals):
        yield from t.paper.told("extra", text)


def _overage(totals: Totals) -> Iterator[str]:
    """What became of paid extra usage, once a window of the plan was used up."""
    overage = totals.overage
    if totals.extra.calls:
        yield f"{extra_usage(totals.extra)} of paid extra usage"
    elif overage is not None and overage.in_use:
        yield "paid extra usage is in use: the plan is used up"
    elif (
        overage is not None
        and overage.disabled_reason
        and any(use.last.status == EXHAUSTED for use in totals.windows)
    ):
        reason = printable(overage.disabled_reason.replace("_", " "))
        yield f"paid extra usage is not available: {reason}"


def _cassette(t: Telling) -> Iterator[str]:
    """What was replayed and recorded, what the cassette lacked, and what it saved."""
    if (told := t.run.cassette) is None:
        return
    counts = {**told, "unused": len(told["unused"])}
    done = ", ".join(f"{counts[kind]:,} {kind}" for kind in CASSETTE if counts[kind])
    yield from t.paper.told("cassette", done or "not used")
    if told["replayed"]:
        spared = f"{told['saved_tokens']:,} tokens, {cost(told['saved_cost_usd'])}"
        time_ = f"{duration(told['saved_seconds'])} of Claude's time"
        yield from t.paper.told("saved", f"{spared}, {time_} by replaying")
    for text in (*told["problems"], *told["misses"]):
        first, *more = text.splitlines() or [""]
        yield from t.paper.told("cassette", printable(first))
        yield from (f"{'':<{LABEL}}{printable(line)}" for line in more)
    if (more_misses := told["missed"] - len(told["misses"])) > 0:
        yield from t.paper.told("cassette", f"and {more_misses:,} more misses")


def _windows(t: Telling) -> Iterator[str]:
    for use in t.totals.windows:
        if words := window_words(use, t.now):
            yield from t.paper.told(window_name(use.last.name), words)


def _groups(title: str, groups: Mapping[str, Sums], t: Telling) -> Iterator[str]:
    rows = [(printable(name), sums) for name, sums in groups.items()]
    if len(rows) > MOST_MODELS and not t.is_full:
        others = rows[MOST_MODELS - 1 :]
        rows = rows[: MOST_MODELS - 1]
        rows.append((f"{len(others)} others", sum((sums for _, sums in others), Sums())))
    if len(rows) > 1:
        rows.append(("total", t.totals.together))
    unwanted = {"failed"} if not t.totals.together.failed else set()
    if t.is_free:
        unwanted.add("~ cost")
    header, *lines = figures(title, rows, t.paper.width, unwanted)
    yield t.paper.bold(header)
    yield from lines


def _details(t: Telling) -> Iterator[str]:
    for label, texts in (
        ("answered", _answered(t)),
        ("ignored", _ignored(t)),
        ("noted", _noted(t)),
        ("speed", ["; ".join(_speed(t.totals))]),
    ):
        for text in filter(None, texts):
            yield from t.paper.told(label, text)
    if t.is_full:
        yield from _sessions(t)


def _answered(t: Telling) -> list[str]:
    """Which model answered for which other; nothing where all were asked for by name."""
    told = [
        f"{printable(asked)} by {printable(by)} ({counted(calls, 'call')})"
        for (asked, by), calls in t.totals.answered.items()
        if asked not in by  # "sonnet" is no news
    ]
    return told if t.is_full else _some(told)


def _ignored(t: Telling) -> list[str]:
    """What of the requests could not be honoured."""
    notices = [(n, count) for n, count in t.totals.notices if not n.subject.startswith(_NO_FIELDS)]
    if t.is_full:
        return _worded(notices)
    about = [notice.subject for notice, _ in notices]
    return [", ".join(printable(s) for s in about)] if len(about) <= MOST_NAMED else _some(about)


def _noted(t: Telling) -> list[str]:
    """What else calls had to tell; which model answered for which other stands above already."""
    about = _NO_FIELDS if t.is_full else _OF_SESSIONS
    texts = _worded([(n, count) for n, count in t.totals.notices if n.subject.startswith(about)])
    return texts if t.is_full else [shortened(text, 2 * t.paper.width) for text in texts]


def _worded(notices: Iterable[tuple[Notice, int]]) -> list[str]:
    return [printable(f"{notice.text} ({counted(n, 'time')})") for notice, n in notices]


def _some(things: Sequence[str]) -> list[str]:
    named = ", ".join(printable(thing) for thing in things[:MOST_NAMED])
    more = len(things) - MOST_NAMED
    return [f"{named} and {more} more: --summary full" if more > 0 else named]


def _speed(totals: Totals) -> Iterator[str]:
    if (first := totals.first_token) is not None:
        most = f" (95%: {duration(first.p95)})" if first.p95 > first.p50 else ""
        yield f"first token {duration(first.p50)}{most}"
    if totals.most_at_once > 1:
        yield f"up to {totals.most_at_once} at once"
    if totals.together.queued >= 0.1:  # noqa: PLR2004 - a tenth of a second is nothing to tell
        yield f"{duration(totals.together.queued)} waiting for a session"


def _sessions(t: Telling) -> Iterator[str]:
    if t.totals.sessions:
        kinds = (f"{n:,} {printable(kind)}" for kind, n in t.totals.sessions.items())
        yield from t.paper.told("sessions", ", ".join(kinds))
    for reason, times in t.totals.cold_reasons.items():
        yield from t.paper.told("new one", f"{printable(reason)} ({counted(times, 'time')})")
    if t.totals.together.retries:
        yield from t.paper.told("retried", counted(t.totals.together.retries, "time"))
    if t.totals.together.cancelled:
        yield from t.paper.told("given up", f"{counted(t.totals.together.cancelled, 'call')}")
