"""What a bridge process has left in its log: why it died, and faults of ours. No key is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Final, NamedTuple

from claude_run import fault
from claude_run.stderr import say

_TAIL: Final = 5  # lines


class Log(NamedTuple):
    """`file` is read from here: the bridge process removes the directory that it is in.
    `environment` is whose secrets are not told."""

    file: IO[bytes]
    key: str
    environment: Mapping[str, str]

    def last_words(self) -> str:
        """The last lines, each on a line of its own."""
        lines = self.redacted(self._text()).splitlines()[-_TAIL:]
        return "".join(f"\n  {line}" for line in lines)

    def keep_faults(self) -> None:
        """The log is removed with the run's directory, unless it tells of a fault of ours."""
        log = self._text()
        if not fault.is_fault(log):
            return
        if (kept := fault.keep(self.redacted(log), self.environment)) is not None:
            say(f"something went wrong in the bridge; what is known of it: {kept}")

    def redacted(self, text: str) -> str:
        return fault.redacted(text, (self.key, *fault.secrets_in(self.environment)))

    def _text(self) -> str:
        self.file.seek(0)
        return self.file.read().decode(errors="replace")
