"""What a run does with its cassette, decided once, where it starts."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from claude_run.settings import RecordMode, Settings

_RECORD: Final = "--record"
_LONGEST: Final = 200
"""Characters of a command that is worth repeating."""

_FALSE: Final = frozenset({"", "0", "false", "no", "off"})


def settled(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """`settings` with the cassette's place absolute, and its mode decided."""
    if settings.cassette is None:
        return settings
    place = Path(settings.cassette).absolute()
    mode = settings.record or _mode(place, environment)
    recorded_by = settings.recorded_by or shlex.join(
        ("claude-run", "--cassette", _shown(place), "--record", "new", "--", "COMMAND")
    )
    return replace(settings, cassette=str(place), record=mode, recorded_by=recorded_by)


def recording_command(typed: Sequence[str], command: Sequence[str]) -> str:
    """What a person who typed the options `typed` before `command` types to have it recorded."""
    words = shlex.join(command)
    kept = [option for option in _without_record(typed) if option != "--"]
    options = shlex.join(("claude-run", "--record", "new", *kept, "--"))
    return f"{options} {words if len(words) <= _LONGEST and words.isprintable() else 'COMMAND'}"


def only_replays(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether a run with `settings` needs neither Claude nor a login."""
    return settled(settings, environment).record == "none" and settings.cassette is not None


def _without_record(typed: Sequence[str]) -> Iterator[str]:
    waiting = iter(typed)
    for option in waiting:
        if option == _RECORD:
            next(waiting, None)
        elif not option.startswith(f"{_RECORD}="):
            yield option


def _shown(place: Path) -> str:
    """`place` as a person here would write it."""
    with suppress(OSError, ValueError):  # the working directory may be gone, or elsewhere
        return str(place.relative_to(Path.cwd()))
    return str(place)


def _mode(place: Path, environment: Mapping[str, str]) -> RecordMode:
    if environment.get("CI", "").strip().lower() not in _FALSE:
        return "none"
    return "new" if is_writable(place) else "none"


def is_writable(place: Path) -> bool:
    """Whether `place` is a directory that may be written, or may be made."""
    there = next(path for path in (place, *place.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
