"""What is known of a run beside its calls: the command, how it ended, who paid."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:  # the wrapper need not wait for what the bridge process speaks
    from claude_run.turn import JsonObject

HIDDEN: Final = "(key)"
_KEYS: Final = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|github_pat|glpat|hf|xox[abp])[-_][A-Za-z0-9_\-]{12,}"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/\-]{12,}=*"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_\-]{30,}"
)
_GIVEN: Final = re.compile(
    r"(?i)(--[\w-]*(?:key|token|secret|password)[= ]['\"]?"
    r"|\b\w*(?:api_?key|token|secret|password)=['\"]?)[^\s'\",;]{6,}"
)


class Run(NamedTuple):
    """`began` is in seconds of the epoch, `seconds` the length of the run, `status` the command's
    exit status, None while it has none. `is_complete` False says that the bridge process died, so
    that what its last moments used may be missing, `is_served` False that it could not start.
    `cassette` says what became of the cassette of a run that had one. `led_for` is the program
    that the command was led here as."""

    command: tuple[str, ...]
    began: float
    seconds: float
    paid_by: str = "other"
    status: int | None = None
    is_complete: bool = True
    is_served: bool = True
    cassette: JsonObject | None = None
    led_for: str | None = None

    @property
    def title(self) -> str:
        """The command as a shell would take it, with nothing in it that looks like a key."""
        return title_of(self.command)


def title_of(command: Sequence[str]) -> str:
    """`command` as a shell would take it, with nothing in it that looks like a key."""
    text = command[0] if len(command) == 1 else shlex.join(command)
    return without_keys(text) or "claude-run"


def without_keys(text: str) -> str:
    """`text` with what has the shape of a credential replaced by `HIDDEN`."""
    return _GIVEN.sub(rf"\1{HIDDEN}", _KEYS.sub(HIDDEN, text))
