"""Stop strings that the Messages API does not take, found in text that comes in pieces."""

from collections.abc import Sequence
from operator import itemgetter


class StopFilter:
    """Hands text on up to the first of `stops`, which must not be empty strings.

    What could be the beginning of a stop is held back until the next piece decides. `hit` is the
    stop that was found.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.hit: str | None = None

    def feed(self, text: str) -> str:
        """What of the text so far is certain and not yet handed on."""
        if self.hit is not None:
            return ""
        text = self._held + text
        found = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            at, self.hit = min(found, key=itemgetter(0))
            self._held = ""
            return text[:at]
        keep = self._open_end(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back, once it is known that nothing follows."""
        held, self._held = self._held, ""
        return held

    def _open_end(self, text: str) -> int:
        """How long the end of `text` is that a stop could begin with."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        return next(
            (
                size
                for size in range(min(longest, len(text)), 0, -1)
                if any(stop.startswith(text[-size:]) for stop in self._stops)
            ),
            0,
        )
