"""What a bridge process is told by whoever started it."""

import json
from dataclasses import dataclass
from pathlib import Path

from claude_run.settings import Settings


@dataclass(frozen=True, slots=True)
class Instructions:
    """`fd` is a listening socket; `directory` is the run's own, removed at the end, and `spool`
    is where the records of calls are appended; `usage_key` only opens `GET /usage`. `registered` is
    the file that tells of this run, which goes with it. Cassettes of scopes stand below `scopes`;
    without it there are none."""

    settings: Settings
    key: str
    usage_key: str
    fd: int
    directory: Path
    spool: Path
    registered: Path
    scopes: Path | None = None

    @classmethod
    def from_json(cls, line: str) -> "Instructions":
        raw = json.loads(line)
        settings = Settings.from_json(json.dumps(raw["settings"]))
        directory, spool, registered = (
            Path(raw[name]) for name in ("directory", "spool", "registered")
        )
        return cls(
            settings,
            raw["key"],
            raw["usage_key"],
            raw["fd"],
            directory,
            spool,
            registered,
            Path(raw["scopes"]) if raw["scopes"] is not None else None,
        )
