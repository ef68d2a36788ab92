"""What a live session may be given anew, and what is remembered of which of it works.

It is looked at without the SDK, whose import takes longer than all the rest.
"""

import hashlib
import json
import sys
from collections.abc import Collection
from contextlib import suppress
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from uuid import uuid4

from claude_run import __version__


class Aspect(Enum):
    """One of the things a process is born with and can be given anew while it lives."""

    SYSTEM = "system"
    TOOLS = "tools"
    THINKING = "thinking"
    EFFORT = "effort"
    MODEL = "model"
    FIELDS = "fields"


ALL: Final = frozenset(Aspect)


def memory(cli: str | None, cache: Path) -> Path:
    """The file in `cache` for what works with the CLI as it is now."""
    return cache / f"live-{_version(cli)}.json"


def remembered(file: Path) -> frozenset[Aspect] | None:
    """What is known of what works; None where it was not found out yet."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(file.read_text(encoding="utf-8"))
        return frozenset(Aspect(name) for name in found["changeable"])
    return None


def remember(works: Collection[Aspect], file: Path) -> None:
    """Keep what works. A home that cannot be written to is no failure."""
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole = file.with_suffix(f".{uuid4()}")
        found = {"changeable": sorted(aspect.value for aspect in works)}
        whole.write_text(json.dumps(found), encoding="utf-8")
        whole.replace(file)


def _version(cli: str | None) -> str:
    """All that the outcome may depend on, as a part of a file's name: the SDK's version says which
    CLI it brings along."""
    sdk = ""
    with suppress(PackageNotFoundError):
        sdk = version("claude-agent-sdk")
    own = (__version__, sdk, sys.platform)
    other = ""
    if cli is not None:
        with suppress(OSError):
            seen = Path(cli).stat()
            other = f"{cli} {seen.st_size} {seen.st_mtime_ns}"
    return hashlib.sha256(json.dumps([*own, other]).encode()).hexdigest()[:24]
