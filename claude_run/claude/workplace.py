"""The directory in which Claude Code works: an empty one, because the CLI tells the model of it."""

import os
from pathlib import Path


def workplace(directory: Path) -> Path:
    """Below a run's `directory`. Both are made again where a cleaner of temporary files has
    removed them under a run of several days.

    Raises:
        PermissionError: somebody else has taken the place meanwhile.
    """
    work = directory / "work"
    for place in (directory, work):
        place.mkdir(mode=0o700, exist_ok=True)
        if place.stat().st_uid != os.getuid():
            raise PermissionError(f"{place} belongs to somebody else")
    return work
