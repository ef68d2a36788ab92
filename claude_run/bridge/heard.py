"""What the bridge process has said so far, and what that says of it."""

from __future__ import annotations

import time
from typing import IO, Any

from claude_run.news import News
from claude_run.stderr import say


class Heard:
    """Nothing is heard before `open`. With `alarms` False the person is not told of calls that
    failed: whoever made them hears of it, and says so.

    `failure` is why nothing can be served; `is_stopping` that the command is to be ended; `title`
    what a terminal's title is to say."""

    def __init__(self, *, alarms: bool) -> None:
        self._alarms = alarms
        self._news: News | None = None
        self.is_ready = self.is_stopping = False
        self.failure: str | None = None
        self.report: dict[str, Any] | None = None
        self.title: str | None = None

    def open(self, pipe: IO[bytes]) -> None:
        self._news = News(pipe)

    @property
    def news(self) -> News:
        assert self._news is not None  # noqa: S101 - only a process that has started is asked
        return self._news

    @property
    def is_closed(self) -> bool:
        """Whether nothing can come any more: the process is as good as dead."""
        return self.news.is_closed

    def take(self, deadline: float) -> bool:
        """Take one event in. False if none came by `deadline`, or none can come any more."""
        match self.news.next(deadline):
            case None:
                return False
            case {"event": "ready"}:
                self.is_ready = True
            case {"event": "failed", "message": message}:
                self.failure = message
            case {"event": "report", "report": report}:
                self.report = report
            case {"event": "line", "text": text}:
                say(text)
            case {"event": "alarm", "text": text} if self._alarms:
                say(text)
            case {"event": "title", "text": text}:
                self.title = text
            case {"event": "stop", "text": text}:
                say(text)
                self.is_stopping = True
            case _:
                pass
        return True

    def take_what_is_there(self) -> None:
        while self.take(time.monotonic()):
            pass
