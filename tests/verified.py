"""What a live session can be given anew is found out once for all tests of a session."""

import atexit
import shutil
import tempfile
import time
from pathlib import Path

from claude_run.bridge import Bridge
from claude_run.settings import Settings

CACHE = Path(tempfile.mkdtemp(prefix="claude-run-tests-"))
"""Every home in the tests has its cache here, so that no process is started to find it out."""

atexit.register(shutil.rmtree, CACHE, ignore_errors=True)

_PATIENCE = 120.0


def found_out() -> set[Path]:
    """For which CLIs it has been found out."""
    return set(CACHE.rglob("claude-run/live-*.json"))


def remember_what_works(environment: dict[str, str]) -> None:
    """Returns when it has been found out for the CLI of the SDK; `environment` is sealed."""
    if found_out():
        return
    with Bridge(Settings(), environment={**environment, "XDG_CACHE_HOME": str(CACHE)}) as bridge:
        bridge.wait_ready()
        patience = time.monotonic() + _PATIENCE
        while not found_out():
            assert time.monotonic() < patience
            time.sleep(0.05)
