"""A home in which it is known what a live session can be given anew."""

import time
from pathlib import Path

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.scripted import PATIENCE


def remember_what_works(environment: dict[str, str]) -> None:
    """Returns when it has been found out for this home what a live session can be given anew."""
    with Bridge(Settings(), environment=environment) as bridge:
        bridge.wait_ready()
        patience = time.monotonic() + PATIENCE
        while not any(Path(environment["HOME"]).rglob("claude-run/live-*.json")):
            assert time.monotonic() < patience
            time.sleep(0.05)
