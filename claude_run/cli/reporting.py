"""What a run leaves when its command has ended: the summary, and the files that were asked for."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from claude_run.bridge import Bridge
from claude_run.cli.options import STEP_SUMMARY
from claude_run.cli.outputs import STDOUT
from claude_run.cli.saying import say
from claude_run.turn import JsonObject
from claude_run.usage.report import Part, Report, report_of
from claude_run.usage.run import Run
from claude_run.usage.spool import records_in
from claude_run.usage.summary import print_summary

Write = Callable[[Path, Report], None]


def tell(run: Run, bridge: Bridge, values: Mapping[str, Any]) -> None:
    """Print the summary of `run`, which `bridge` has served, and write what `values` ask for.
    Nothing that goes wrong here changes how the run ends."""
    report = report_of([Part(run, partial(records_in, bridge.spool), _logged(bridge, values))])
    print_summary(run, report.totals, sys.stderr, detail=values["summary"], quiet=values["quiet"])
    write(report, values)
    if values["history"] and report.totals.together.calls:
        _remember(run, report)


def _remember(run: Run, report: Report) -> None:
    from claude_run.cli.usage import history_file  # noqa: PLC0415
    from claude_run.usage.history import append, entry_of  # noqa: PLC0415

    try:
        append(history_file(), entry_of(run, report.totals))
    except OSError as error:
        say(f"{history_file()} could not be written: {error.strerror}")


def _logged(bridge: Bridge, values: Mapping[str, Any]) -> Sequence[JsonObject]:
    """The requests in the run's log, for the page."""
    if not (values.get("log") and values.get("report")):
        return ()
    from claude_run.usage.log import entries_in  # noqa: PLC0415

    with suppress(OSError, ValueError):
        [file] = Path(values["log"]).glob(f"claude-run-*-{bridge.pid}.jsonl")
        return entries_in(file)[1:]
    return ()


def write(report: Report, values: Mapping[str, Any]) -> bool:
    """Write each file that `values` name; False if one of them could not be."""
    written = [_written(kind, Path(values[kind]), report) for kind in WRITERS if values.get(kind)]
    if path := os.environ.get(STEP_SUMMARY) if values.get("markdown") is None else None:
        written.append(_written("step-summary", Path(path), report))
    return all(written)


def _written(kind: str, path: Path, report: Report) -> bool:
    try:
        _WRITE[kind](path, report)
    except Exception as error:  # whatever it is: the run has ended as it has
        reason = error.strerror if isinstance(error, OSError) else repr(error)
        say(f"{path} could not be written: {reason}")
        return False
    return True


def _json(path: Path, report: Report) -> None:
    from claude_run.usage.document import pieces  # noqa: PLC0415 - only where it is asked for

    _save(path, pieces(report))


def _markdown(path: Path, report: Report) -> None:
    from claude_run.usage.markdown import markdown  # noqa: PLC0415

    _save(path, [markdown(report)])


def _step_summary(path: Path, report: Report) -> None:
    """Others write there as well."""
    from claude_run.usage.markdown import markdown  # noqa: PLC0415

    with path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(markdown(report))


def _page(path: Path, report: Report) -> None:
    from claude_run.usage.page import page  # noqa: PLC0415

    _save(path, [page(report)])


def _save(path: Path, texts: Iterable[str]) -> None:
    """What stands there is only replaced by something whole, and `-` is standard output."""
    if str(path) == STDOUT:
        sys.stdout.writelines(texts)
        return
    if path.exists() and not path.is_file():  # /dev/stderr, or a pipe
        with path.open("w", encoding="utf-8", errors="replace") as file:
            file.writelines(texts)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", errors="replace") as file:
            file.writelines(texts)
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


_WRITE: Final[Mapping[str, Write]] = {
    "json": _json,
    "markdown": _markdown,
    "report": _page,
    "step-summary": _step_summary,
}
WRITERS: Final = ("json", "markdown", "report")
"""The options that name a file to write."""
