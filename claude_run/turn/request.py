"""What a request asks of Claude."""

from dataclasses import dataclass
from enum import Enum

from claude_run.turn.conversation import JsonObject, Turn


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool of the caller's. `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: JsonObject


class ToolMode(Enum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "any"
    NAMED = "tool"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`name` is set exactly when the mode is NAMED."""

    mode: ToolMode = ToolMode.AUTO
    name: str | None = None
    parallel: bool = True


class Effort(Enum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Sampling:
    """What steers one generation; None and () leave the model's own default.

    `temperature` and `top_p` lie in [0, 1], `max_tokens` counts output tokens.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """One question to Claude, complete in itself.

    `turns` alternates between user and assistant and ends with a user turn.
    `output_schema` asks for JSON that validates against it. `thinking` asks for the
    model's reasoning to be shown; `effort` None leaves the model's own.
    """

    model: str
    turns: tuple[Turn, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    output_schema: JsonObject | None = None
    sampling: Sampling = Sampling()
    thinking: bool = False
    effort: Effort | None = None
