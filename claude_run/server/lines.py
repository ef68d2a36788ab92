"""What the person is told on stderr while a run goes on: each thing once."""

from collections.abc import Callable

from claude_run.turn import JsonObject

Tell = Callable[[JsonObject], None]


class Lines:
    """`tell` takes what the wrapper is to hear."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: set[str] = set()

    def once(self, about: str, text: str) -> None:
        """Say `text`, unless something was said `about` this before."""
        if self._is_new(about):
            self._tell({"event": "line", "text": text})

    def alarm(self, kind: str, text: str) -> None:
        """As `once`, of a call that failed in this way: whoever made it hears of that, too."""
        if self._is_new(kind):
            self._tell({"event": "alarm", "text": text})

    def heard(self, text: str) -> None:
        """Say `text`, unless it was said before."""
        self.once(text, text)

    def stop(self, text: str) -> None:
        """Say why the command is ended, and have it ended."""
        if self._is_new("stop"):
            self._tell({"event": "stop", "text": text})

    def _is_new(self, about: str) -> bool:
        is_new = about not in self._told
        self._told.add(about)
        return is_new
