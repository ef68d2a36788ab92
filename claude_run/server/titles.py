"""The terminal's title while a run goes on, told to the wrapper as calls end."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from claude_run.server.lines import Tell
from claude_run.usage.ledger import Ledger
from claude_run.usage.title import title
from claude_run.usage.windows import Plan

_EVERY: Final = 0.5
"""Seconds between two titles: nobody reads faster, and each is written to a terminal."""


class Titles:
    def __init__(self, tell: Tell, ledger: Ledger, plan: Callable[[], Plan]) -> None:
        self._tell = tell
        self._ledger = ledger
        self._plan = plan
        self._due: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Something has become different: tell it soon, with what else does until then."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(_EVERY, self._say)

    def _say(self) -> None:
        self._due = None
        text = title(self._ledger.together(), self._plan(), self._ledger.paid_by, time.time())
        self._tell({"event": "title", "text": text})
