"""What a person asks of a cassette that no run has open: its contents, its health, its waste."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from claude_run.cassette.answers import Recorded, to_json
from claude_run.cassette.credentials import place_of_credential
from claude_run.cassette.files import BESIDE, CassetteError, Files, Recording
from claude_run.cassette.nearest import leaves
from claude_run.cassette.runs import last_run
from claude_run.settings import Settings
from claude_run.turn import JsonObject

_FIRST_WORDS: Final = 60
_ABANDONED: Final = ".writing-*"


@dataclass(frozen=True, slots=True)
class Row:
    """A recording in a list. `tokens` and `cost_usd` are of all its answers, `age` counts
    seconds since the last of them was recorded."""

    file: str
    model: str
    words: str
    answers: int
    tokens: int
    cost_usd: float | None
    age: float
    rehearsed: bool


def cassettes_in(directory: Path) -> list[Files]:
    """`directory` and what is below it, as far as there are recordings; at least `directory`.

    Raises:
        CassetteError: there is no such directory.
    """
    if not directory.is_dir():
        raise CassetteError(f"{directory} is not a directory")
    below = [path for path in sorted(directory.rglob("*")) if path.is_dir()]
    candidates = (Files(path) for path in below if path.name != BESIDE)
    return [Files(directory), *(files for files in candidates if files.names())]


def rows(directory: Path) -> list[Row]:
    """Raises CassetteError where a file cannot be read."""
    now = time.time()
    return [
        _row(_relative(files, recording.file, directory), recording, now)
        for files in cassettes_in(directory)
        for recording in files.read_all()
    ]


def found(directory: Path, name: str) -> Recording:
    """The one recording whose name begins with `name`, or ends in the hash `name`.

    Raises:
        CassetteError: there is none, or more than one.
    """
    known = [(files, n) for files in cassettes_in(directory) for n in files.names()]
    stem = name.removesuffix(".json")
    named = [(f, n) for f, n in known if _relative(f, n, directory).removesuffix(".json") == stem]
    alike = named or [
        (f, n)
        for f, n in known
        if n.startswith(stem) or n.removesuffix(".json").rpartition("-")[2].startswith(stem)
    ]
    match alike:
        case [(files, file)]:
            return files.read(file)
        case []:
            raise CassetteError(f"{directory} has no recording {name!r}")
        case _:
            names = ", ".join(n for _, n in alike[:4])
            raise CassetteError(f"{name!r} is {len(alike)} recordings: {names}")


def conversation(recording: Recording) -> Iterator[tuple[str, str]]:
    """What was asked and answered, each with who said it, in order."""
    document = recording.document
    asked = {name: value for name, value in document.items() if name not in ("turns", "system")}
    yield "asked", "\n".join(f"{place}: {text}" for place, text in leaves(asked))
    if document.get("system"):
        yield "system", str(document["system"])
    for turn in document["turns"]:
        for role, parts in turn.items():
            for part in parts:
                yield role, _part(part)
    for number, answer in enumerate(recording.answers, 1):
        yield f"answer {number}", "\n".join(_answer(answer))


def problems(directory: Path) -> list[str]:
    """What is wrong with any file, a sentence each."""
    from claude_run.cassette.cassette import masks_of  # noqa: PLC0415 - `list` needs no patterns

    return [
        problem
        for files in cassettes_in(directory)
        for problem in (
            *(p for name in files.names() for p in _problems_of(files, name, directory)),
            *_complaint(partial(masks_of, files, Settings())),
        )
    ]


def _problems_of(files: Files, name: str, directory: Path) -> list[str]:
    if complaint := _complaint(lambda: files.read(name)):
        return complaint
    return list(_secrets(_relative(files, name, directory), files.read(name)))


def _complaint(reading: Callable[[], object]) -> list[str]:
    try:
        reading()
    except CassetteError as error:
        return [str(error)]
    return []


def prune(directory: Path, *, only_tell: bool = False) -> list[str]:
    """Remove the recordings that the last run did not use, and what nothing refers to; the
    names of those. A cassette that no run has used yet is left alone.

    Raises:
        CassetteError: a file cannot be read, so that what it refers to is not known.
    """
    return [
        _relative(files, name, directory)
        for files in cassettes_in(directory)
        for name in _pruned(files, only_tell=only_tell)
    ]


def _pruned(files: Files, *, only_tell: bool) -> list[str]:
    if (run := last_run(files.directory)) is None:
        return []
    with files.lock():
        names = files.names()
        kept = [name for name in names if name in run.used or _is_newer(files, name, run.ended)]
        needed = {beside for name in kept for beside in files.references(name)}
        there = [path.name for path in (files.directory / BESIDE).glob("*")]
        gone = [name for name in names if name not in kept]
        gone += [f"{BESIDE}/{name}" for name in sorted(there) if name not in needed]
        left = [path.name for path in files.directory.glob(_ABANDONED)]
        if not only_tell:
            for name in (*gone, *left):
                (files.directory / name).unlink(missing_ok=True)
        return gone


def _is_newer(files: Files, name: str, moment: float) -> bool:
    return (files.directory / name).stat().st_mtime > moment


def _relative(files: Files, name: str, directory: Path) -> str:
    return str((files.directory / name).relative_to(directory))


def _row(file: str, recording: Recording, now: float) -> Row:
    finished = [answer.finished for answer in recording.answers if answer.finished is not None]
    costs = [end.cost_usd for end in finished if end.cost_usd is not None]
    recorded = [datetime.fromisoformat(answer.recorded) for answer in recording.answers]
    return Row(
        file,
        str(recording.document["model"]),
        _first_words(recording.document),
        len(recording.answers),
        sum(end.usage.prompt_tokens + end.usage.output_tokens for end in finished),
        sum(costs) if costs else None,
        max(0.0, now - max((r.timestamp() for r in recorded), default=now)),
        any(answer.rehearsed for answer in recording.answers),
    )


def _first_words(document: JsonObject) -> str:
    last = [text for _, text in leaves({"turns": document["turns"][-1:]})]
    text = " ".join(" ".join(last[-1:]).split())
    return text if len(text) <= _FIRST_WORDS else f"{text[: _FIRST_WORDS - 1]}…"


def _part(part: JsonObject) -> str:
    if list(part) == ["text"]:
        return str(part["text"])
    return "\n".join(f"{place}: {text}" for place, text in leaves(part))


def _answer(answer: Recorded) -> Iterator[str]:
    told = to_json(answer)
    by = " in a rehearsal" if answer.rehearsed else ""
    yield f"({told['recorded']}, {told['by']}{by}, {answer.seconds:.1f} s)"
    for event in told["events"]:
        kept = {name: value for name, value in event.items() if name not in ("after", "pace")}
        if len(kept) == 1 and (text := next(iter(kept.values()))) and "text" in kept:
            yield text if isinstance(text, str) else "\n".join(text)
        else:
            yield ", ".join(f"{place} {text}" for place, text in leaves(kept))
    if answer.failure is not None:
        yield f"{answer.failure.failure.value}: {answer.failure.message}"


def _secrets(name: str, recording: Recording) -> Iterator[str]:
    values = [recording.document, *(answer.content() for answer in recording.answers)]
    for value in values:
        if (place := place_of_credential(value)) is not None:
            yield f"{name}: {place} looks like a credential. Record it again with --redact."
