"""The neutral vocabulary: what a turn asks, what comes back, and how it can fail.

OpenAI's dialects are translated to and from these values, and so is the Claude
Agent SDK; neither side knows the other. Everything here is frozen and pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Literal, TypeAlias

JsonObject: TypeAlias = dict[str, Any]


# --- what a conversation is made of ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image, either inline (`data`, base64, with its `media_type`) or by `url`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A PDF (`data` is base64), a plain text (`data` is the text itself), or a `url`."""

    media_type: Literal["application/pdf", "text/plain"] | None = None
    data: str | None = None
    url: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model made. `arguments` is parsed, so that two spellings of one JSON
    object are the same call."""

    id: str
    name: str
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class ToolResult:
    call_id: str
    content: tuple[Text | Image | Document, ...]
    is_error: bool = False


UserPart: TypeAlias = Text | Image | Document | ToolResult
AssistantPart: TypeAlias = Text | ToolCall


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What stands between two assistant turns. Tool results come before anything else,
    as the Messages API wants them; an empty tuple is an empty message."""

    parts: tuple[UserPart, ...]


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """An earlier answer. Never empty, and no text in it is blank."""

    parts: tuple[AssistantPart, ...]


Turn: TypeAlias = UserTurn | AssistantTurn


# --- what a request asks --------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a request that was not done as asked, told once per `subject` and run."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanWindow:
    """What was last heard of one window of a plan: `utilization` from 0 to 1 and more,
    `resets_at` in epoch seconds."""

    name: str
    status: str
    utilization: float | None = None
    resets_at: float | None = None


# --- what comes back ------------------------------------------------------------------


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
    charged, where the CLI says so: an estimate, not a bill."""

    stop: StopReason
    usage: Usage
    model: str
    cost_usd: float | None = None


TurnEvent: TypeAlias = (
    TurnStarted
    | TextDelta
    | ThinkingDelta
    | RefusalDelta
    | ToolCallStarted
    | ToolCallDelta
    | TurnRestarted
    | TurnFinished
)


@dataclass(frozen=True, slots=True)
class CallText:
    """A finished tool call; `arguments` is JSON as the model wrote it, "{}" if it wrote none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The events of one answer, folded."""

    finished: TurnFinished
    text: str = ""
    thinking: str = ""
    refusal: str = ""
    tool_calls: tuple[CallText, ...] = ()


@dataclass(slots=True)
class _Parts:
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    heads: list[ToolCallStarted] = field(default_factory=list)
    arguments: dict[int, list[str]] = field(default_factory=dict)

    def answer(self, finished: TurnFinished) -> Answer:
        calls = tuple(
            CallText(h.id, h.name, "".join(self.arguments.get(h.index, ())) or "{}")
            for h in self.heads
        )
        return Answer(
            finished, "".join(self.text), "".join(self.thinking), "".join(self.refusal), calls
        )


def fold(events: Iterable[TurnEvent]) -> Answer:
    """The one answer a complete sequence of events amounts to.

    Raises:
        ValueError: the events end without a TurnFinished.
    """
    parts = _Parts()
    for event in events:
        match event:
            case TurnStarted():
                pass
            case TurnRestarted():
                parts = _Parts()
            case TextDelta(text):
                parts.text.append(text)
            case ThinkingDelta(text):
                parts.thinking.append(text)
            case RefusalDelta(text):
                parts.refusal.append(text)
            case ToolCallStarted():
                parts.heads.append(event)
            case ToolCallDelta(index, fragment):
                parts.arguments.setdefault(index, []).append(fragment)
            case TurnFinished():
                return parts.answer(event)
    raise ValueError("the events end without a TurnFinished")


# --- how it can fail ------------------------------------------------------------------


class Failure(Enum):
    """Why there is no answer. `dialects/errors.py` has a row for each."""

    BAD_REQUEST = "bad_request"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    BILLING = "billing"
    MODEL_NOT_FOUND = "model_not_found"
    NOT_FOUND = "not_found"
    CONTEXT_LENGTH = "context_length"
    TOO_LARGE = "too_large"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    OVERLOADED = "overloaded"
    UPSTREAM = "upstream"
    CRASH = "crash"
    TIMEOUT = "timeout"
    STOPPING = "stopping"


class TurnError(Exception):
    """No answer, and why, in words for the person who asked.

    `param` names the field at fault as the client knows it ("messages[2].tool_call_id"), or, where
    the client's name is not known, the field of TurnRequest. `code` replaces the failure's own
    code, `retry_after` is in seconds.
    """

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after


def bad_request(message: str, param: str | None, code: str | None = None) -> TurnError:
    return TurnError(Failure.BAD_REQUEST, message, param=param, code=code)


def alternate(messages: Sequence[Turn]) -> tuple[Turn, ...]:
    """`messages` with neighbours of one role made one turn each."""
    turns: list[Turn] = []
    for message in messages:
        match turns[-1:], message:
            case [UserTurn(before)], UserTurn(parts):
                turns[-1] = UserTurn(before + parts)
            case [AssistantTurn(before)], AssistantTurn(parts):
                turns[-1] = AssistantTurn(before + parts)
            case _:
                turns.append(message)
    return tuple(turns)
