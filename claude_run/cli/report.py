"""`claude-run report`: what runs have written as JSON, as a page, as Markdown or as one of them."""

from pathlib import Path
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.reporting import WRITERS, write
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.usage.document import DocumentError, read
from claude_run.usage.log import entries_in
from claude_run.usage.report import Part, part_of, report_of

FAILED: Final = 1


def act(call: Call) -> int:
    if not call.words:
        raise UsageError("report: name one or more files that --json or --log has written")
    wanted = {name: call.values[name] for name in WRITERS}
    if not any(wanted.values()):
        wanted["markdown"] = "-"
    wanted["markdown"] = wanted["markdown"] or ""  # this is no job's step: it has no summary
    try:
        parts = [part for word in call.words for part in _parts(Path(word))]
    except DocumentError as error:
        say(str(error))
        return FAILED
    return 0 if write(report_of(parts), wanted) else FAILED


def _parts(path: Path) -> list[Part]:
    """The runs in a file of either kind. Raises DocumentError."""
    try:
        return [part_of(entries_in(path), path.stem)]
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:  # no log
        return read(path)
