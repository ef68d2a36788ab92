"""What comes back: the events of one answer, in the order in which they happen."""

from dataclasses import dataclass, fields
from enum import Enum
from typing import TypeAlias


class StopReason(Enum):
    END = "end"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer. `input_tokens` excludes both cache counts, as
    Anthropic counts; `reasoning_tokens` are part of `output_tokens`."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def prompt_tokens(self) -> int:
        """Everything that was read, as OpenAI counts a prompt."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The model has accepted the request; from here on an error is an error mid-answer."""

    model: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingSigned:
    """Ends a stretch of thinking, of which perhaps no text came, with upstream's signature."""

    signature: str


@dataclass(frozen=True, slots=True)
class ThinkingRedacted:
    """A stretch of thinking that upstream alone can read."""

    data: str


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """Text in place of the JSON that was asked for: the model would not give it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """`index` counts the calls of this answer from 0."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next piece of the JSON text of call `index`'s arguments."""

    index: int
    fragment: str


@dataclass(frozen=True, slots=True)
class TurnRestarted:
    """What came since TurnStarted is void; the answer begins again."""


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """Ends every answer, exactly once. `cost_usd` is what the metered API would have
    charged, where the CLI says so: an estimate, not a bill. `stop_string` is the one of the
    request's that ended it, if one did."""

    stop: StopReason
    usage: Usage
    model: str
    cost_usd: float | None = None
    stop_string: str | None = None


TurnEvent: TypeAlias = (
    TurnStarted
    | TextDelta
    | ThinkingDelta
    | ThinkingSigned
    | ThinkingRedacted
    | RefusalDelta
    | ToolCallStarted
    | ToolCallDelta
    | TurnRestarted
    | TurnFinished
)
