"""`claude-run cassette`: what is in one, and what is to be done about it."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from claude_run.cassette.files import CassetteError, Files
from claude_run.cassette.inspection import Row, conversation, found, problems, prune, rows
from claude_run.cassette.masks import masked
from claude_run.cassette.nearest import differences
from claude_run.cli.arguments import UsageError
from claude_run.cli.nearest import did_you_mean
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.turn import TurnError
from claude_run.usage.words import counted

FAILED: Final = 1
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def act(call: Call) -> int:
    action, *words = call.words or ["list"]
    if action not in ACTIONS:
        meant = did_you_mean(action, ACTIONS)
        raise UsageError(f"cassette: {action!r} is none of {', '.join(ACTIONS)}{meant}")
    if not words:
        raise UsageError(f"write for example: claude-run cassette {action} DIR")
    try:
        return ACTIONS[action](Path(words[0]), words[1:], call)
    except (CassetteError, TurnError) as error:
        say(str(error))
        return FAILED


def _list(directory: Path, names: Sequence[str], call: Call) -> int:
    _no_more(names)
    found_rows = rows(directory)
    if call.values["json"]:
        _print_json([asdict(row) for row in found_rows])
    elif sys.stdout.isatty():
        _table(found_rows)
    else:
        for row in found_rows:
            print("\t".join(_cells(row)))
    return 0


def _show(directory: Path, names: Sequence[str], call: Call) -> int:
    recording = found(directory, _one(names))
    told = list(conversation(recording))
    if call.values["json"]:
        _print_json([{"who": who, "said": said} for who, said in told])
        return 0
    for who, said in told:
        print(_bold(f"── {who}"))
        print(_printable(said) + "\n")
    return 0


def _diff(directory: Path, names: Sequence[str], call: Call) -> int:
    """Two recordings, or a recording and a file with a request."""
    if len(names) != 2:  # noqa: PLR2004 - it takes two to differ
        raise UsageError("write: claude-run cassette diff DIR RECORDING RECORDING|REQUEST.json")
    before = found(directory, names[0]).document
    path = Path(names[1])
    if path.is_file():
        from claude_run.cassette.cassette import masks_of  # noqa: PLC0415 - only `diff` needs them
        from claude_run.cli.requests import document_in  # noqa: PLC0415

        patterns = masks_of(Files(directory), call.settings)
        before, after = masked(before, patterns), document_in(path, patterns, call.settings)
    else:
        after = found(directory, names[1]).document
    told = differences(before, after)
    if call.values["json"]:
        _print_json(told)
    else:
        for difference in told or ["They ask the same."]:
            print(_printable(difference))
    return 0


def _prune(directory: Path, names: Sequence[str], call: Call) -> int:
    _no_more(names)
    gone = prune(directory, only_tell=call.values["dry_run"])
    if call.values["json"]:
        _print_json(gone)
    else:
        for name in gone:
            print(_printable(name))
        done = "would be removed" if call.values["dry_run"] else "removed"
        say(f"{counted(len(gone), 'file')} {done}")
    return 0


def _check(directory: Path, names: Sequence[str], call: Call) -> int:
    _no_more(names)
    told = problems(directory)
    if call.values["json"]:
        _print_json(told)
    else:
        for problem in told:
            print(_printable(problem))
        say(
            counted(len(told), "problem")
            if told
            else "every file is whole, and no credential is seen"
        )
    return FAILED if told else 0


ACTIONS: Final[Mapping[str, Callable[[Path, Sequence[str], Call], int]]] = {
    "list": _list,
    "show": _show,
    "diff": _diff,
    "prune": _prune,
    "check": _check,
}


def _table(found_rows: Sequence[Row]) -> None:
    from rich.console import Console  # noqa: PLC0415 - it costs more than all the rest
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("recording", "model", "first words", "answers", "tokens", "cost", "age"):
        table.add_column(title, justify="right" if title in ("answers", "tokens") else "left")
    for row in found_rows:
        table.add_row(*map(Text, _cells(row)))
    Console().print(table)


def _cells(row: Row) -> list[str]:
    cost = "" if row.cost_usd is None else f"${row.cost_usd:.4f}"
    age = _age(row.age) + (" (rehearsed)" if row.rehearsed else "")
    cells = [row.file, row.model, row.words, str(row.answers), str(row.tokens), cost, age]
    return [_printable(cell).replace("\n", " ") for cell in cells]


def _age(seconds: float) -> str:
    size, unit = next((u for u in _UNITS if seconds >= u[0]), _UNITS[-1])
    return f"{int(seconds // size)} {unit}"


def _one(names: Sequence[str]) -> str:
    if len(names) != 1:
        raise UsageError("write: claude-run cassette show DIR RECORDING")
    return names[0]


def _no_more(names: Sequence[str]) -> None:
    if names:
        raise UsageError(f"{names[0]!r} is too much")


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _bold(text: str) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\033[1m{text}\033[0m"


def _printable(text: str) -> str:
    """In a terminal, what a model said could be more than text."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
