"""What a check has found."""

from enum import Enum
from typing import NamedTuple


class State(Enum):
    """NOTE is worth knowing; with a FAULT the main job, `claude-run -- COMMAND`, would fail."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


class Finding(NamedTuple):
    """`text` is what there is, `advice` what to do about it, if anything."""

    subject: str
    state: State
    text: str
    advice: str = ""

    @property
    def told(self) -> str:
        if not self.advice:
            return self.text
        return f"{self.text}{'' if self.text.endswith('.') else ':'} {self.advice}"

    def to_json(self) -> dict[str, str]:
        return {**self._asdict(), "state": self.state.value}


def ok(subject: str, text: str) -> Finding:
    return Finding(subject, State.OK, text)


def note(subject: str, text: str, advice: str = "") -> Finding:
    return Finding(subject, State.NOTE, text, advice)


def fault(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, State.FAULT, text, advice)
