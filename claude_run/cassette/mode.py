"""What a run does with its cassette, decided once, where it starts."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from claude_run.settings import RecordMode, Settings

_FALSE: Final = frozenset({"", "0", "false", "no", "off"})


def settled(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """`settings` with the cassette's place absolute, and its mode decided."""
    if settings.cassette is None:
        return settings
    place = Path(settings.cassette).absolute()
    mode = settings.record or _mode(place, environment)
    return replace(settings, cassette=str(place), record=mode)


def only_replays(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether a run with `settings` needs neither Claude nor a login."""
    return settled(settings, environment).record == "none" and settings.cassette is not None


def _mode(place: Path, environment: Mapping[str, str]) -> RecordMode:
    if environment.get("CI", "").strip().lower() not in _FALSE:
        return "none"
    return "new" if _is_writable(place) else "none"


def _is_writable(place: Path) -> bool:
    there = next(path for path in (place, *place.parents) if path.exists())
    return os.access(there, os.W_OK | os.X_OK)
