"""SDK messages to turn events.

An attempt is one upstream message, from its message_start to its message_stop. The CLI goes
on by itself where a person at a terminal would want it to: after an output limit, a broken
stream, a tool it does not know. None of that is the client's, so a second message is a reason
to stop the CLI.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Final

from claude_agent_sdk import (
    AssistantMessage,
    Message,
    RateLimitEvent,
    ResultMessage,
    StreamEvent,
)

from claude_run.claude.answer.structured import Unwrapper, Verbatim
from claude_run.claude.errors import RateLimit, from_messages
from claude_run.claude.tools import OUTPUT, PREFIX, ToolNames
from claude_run.turn import (
    Failure,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingRedacted,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    TurnError,
    TurnEvent,
    TurnStarted,
    Usage,
)

_OUTPUTS: Final = frozenset({OUTPUT, PREFIX + OUTPUT})

STOP_REASONS: Final[Mapping[str, StopReason]] = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "pause_turn": StopReason.END,
    "tool_use": StopReason.TOOL_CALLS,
    "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.LENGTH,
    "refusal": StopReason.REFUSAL,
}


class Ending(Enum):
    """How an attempt came to its end, which decides what becomes of the session."""

    SETTLED = auto()
    """The CLI is waiting for the next turn and remembers this one as the client saw it."""
    ALTERED = auto()
    """The CLI is waiting, but its conversation is not what the client saw."""
    RUNNING = auto()
    """The answer is complete, but the CLI is going on by itself and must be stopped."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the reader has to know of a request. `wrapped` says whether structured output comes
    in a wrapper, and is None where none is asked for."""

    names: ToolNames
    thinking: bool
    wrapped: bool | None


@dataclass(slots=True)
class Output:
    """One use of the tool for structured output: the call's id and its input as it came."""

    call_id: str
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces) or "{}"


@dataclass(slots=True)
class _Block:
    """The content block being streamed. `call` is the index among the client's tool calls."""

    call: int | None = None
    output: Output | None = None
    is_handed_on: bool = False


@dataclass(slots=True)
class AttemptReader:
    """Reads one attempt. Feed it every message; `ending` is set once the attempt is complete.

    Then `stop` says why the model stopped, and `stop_string` at which of the request's stop
    strings, if at one. `texts` holds words that are no part of a structured
    answer and `outputs` what was given in structure.
    """

    expected: Expected
    limit: RateLimit | None
    ending: Ending | None = None
    stop: StopReason = StopReason.END
    stop_string: str | None = None
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    texts: list[str] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    calls: int = 0
    _reason: StopReason | None = None
    _offered: int = 0
    _block: _Block = field(default_factory=_Block)
    _unwrapper: Unwrapper | Verbatim = field(default_factory=Verbatim)
    _said: AssistantMessage | None = None

    def feed(self, message: Message, *, now: float) -> Iterator[TurnEvent]:
        """The events that `message` amounts to; `now` is epoch seconds.

        Raises:
            TurnError: the turn failed. Nothing of it may be taken for an answer.
        """
        match message:
            case StreamEvent(event=event, parent_tool_use_id=None):
                yield from self._stream_event(event)
            case AssistantMessage(error=str()):
                self._said = message
            case RateLimitEvent(rate_limit_info=info):
                self.limit = RateLimit.of(info, now=now)
            case ResultMessage() if self.ending is None:
                self._result(message, now)
            case _:
                pass

    def cut(self, stop_string: str) -> None:
        """End the attempt here, by our own decision, while the model is still writing."""
        self.stop_string = stop_string
        self._end(StopReason.END, Ending.RUNNING)

    @property
    def is_counted(self) -> bool:
        """Whether `usage` is complete."""
        return self._reason is not None

    def _end(self, stop: StopReason, ending: Ending) -> None:
        self.stop, self.ending = stop, ending

    # --- the stream -------------------------------------------------------------------

    def _stream_event(self, event: Mapping[str, Any]) -> Iterator[TurnEvent]:
        match event["type"]:
            case "message_start":
                yield from self._message_start(event["message"])
            case "content_block_start":
                yield from self._block_start(event["content_block"])
            case "content_block_delta":
                yield from self._delta(event["delta"])
            case "content_block_stop":
                yield from self._block_stop()
            case "message_delta":
                self._message_delta(event)
            case _:
                pass

    def _message_start(self, message: Mapping[str, Any]) -> Iterator[TurnEvent]:
        if self.model:
            if self._reason is None:
                raise TurnError(Failure.UPSTREAM, "The answer broke off mid-stream.")
            self._end(self._reason, Ending.RUNNING)
            return
        self.model = str(message.get("model") or "unknown")
        self.usage = _usage(message.get("usage") or {}, Usage())
        yield TurnStarted(self.model)

    def _block_start(self, block: Mapping[str, Any]) -> Iterator[TurnEvent]:
        self._block = _Block()
        match block:
            case {"type": "redacted_thinking", "data": str(data)} if self.expected.thinking:
                yield ThinkingRedacted(data)
            case {"type": "tool_use", "name": name} if self._structured and name in _OUTPUTS:
                self._begin_output(str(block["id"]))
            case {"type": "tool_use"}:
                yield self._begin_call(block)
            case _:
                pass

    @property
    def _structured(self) -> bool:
        return self.expected.wrapped is not None

    def _begin_output(self, call_id: str) -> None:
        # There is one answer: nothing follows it, and before tools have answered there is none.
        is_answer = not (self.outputs or self.calls)
        output = Output(call_id)
        self._block = _Block(output=output, is_handed_on=is_answer)
        self._unwrapper = Unwrapper() if self.expected.wrapped else Verbatim()
        self.outputs.append(output)

    def _begin_call(self, block: Mapping[str, Any]) -> TurnEvent:
        index = self.calls
        self._block = _Block(call=index)
        self.calls += 1
        self._offered += self.expected.names.offers(block["name"])
        return ToolCallStarted(index, block["id"], self.expected.names.caller(block["name"]))

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[TurnEvent]:
        match delta:
            case {"type": "text_delta", "text": str(text)} if self._structured:
                # Words are not part of the answer, unless there is neither JSON nor a call:
                # clients parse whatever text there is, also that beside a call.
                self.texts.append(text)
            case {"type": "text_delta", "text": str(text)} if text:
                yield TextDelta(text)
            case {"type": "thinking_delta", "thinking": str(text)} if text:
                if self.expected.thinking:
                    yield ThinkingDelta(text)
            case {"type": "signature_delta", "signature": str(signature)} if signature:
                if self.expected.thinking:
                    yield ThinkingSigned(signature)
            case {"type": "input_json_delta", "partial_json": str(text)} if text:
                yield from self._json(text)
            case _:
                pass

    def _json(self, fragment: str) -> Iterator[TurnEvent]:
        if self._block.call is not None:
            yield ToolCallDelta(self._block.call, fragment)
        elif self._block.output is not None:
            self._block.output.pieces.append(fragment)
            if self._block.is_handed_on and (text := self._unwrapper.feed(fragment)):
                yield TextDelta(text)

    def _block_stop(self) -> Iterator[TurnEvent]:
        output = self._block.output
        if output is not None and self._block.is_handed_on and not output.pieces:
            yield TextDelta(output.text)

    def _message_delta(self, event: Mapping[str, Any]) -> None:
        self.usage = _usage(event.get("usage") or {}, self.usage)
        delta = event.get("delta") or {}
        reason = delta.get("stop_reason")
        if reason is None:
            return
        self.stop_string = delta.get("stop_sequence")
        self._reason = STOP_REASONS.get(reason, StopReason.END)
        if self._reason is StopReason.LENGTH:
            # From here on the CLI would ask the model to resume, up to three times.
            self._end(StopReason.LENGTH, Ending.RUNNING)
        elif self.calls and not self._offered and not self.outputs:
            # From here on it would tell the model that there are no such tools, and ask again.
            self._end(self._reason, Ending.RUNNING)

    def _result(self, result: ResultMessage, now: float) -> None:
        if self._reason is StopReason.REFUSAL:
            self._end(StopReason.REFUSAL, Ending.ALTERED)
        elif result.is_error or self._reason is None:
            raise from_messages(self._said, result, self.limit, now=now)
        else:
            is_as_seen = not (self.texts or self.outputs) and self._offered == self.calls
            self._end(self._reason, Ending.SETTLED if is_as_seen else Ending.ALTERED)


def _usage(raw: Mapping[str, Any], before: Usage) -> Usage:
    """`raw` over `before`: the stream's counts are cumulative, and some come only at the start."""
    details = raw.get("output_tokens_details") or {}

    def count(name: str, old: int) -> int:
        value = raw.get(name)
        return value if isinstance(value, int) else old

    thinking = details.get("thinking_tokens")
    return replace(
        before,
        input_tokens=count("input_tokens", before.input_tokens),
        cache_read_tokens=count("cache_read_input_tokens", before.cache_read_tokens),
        cache_write_tokens=count("cache_creation_input_tokens", before.cache_write_tokens),
        output_tokens=count("output_tokens", before.output_tokens),
        reasoning_tokens=thinking if isinstance(thinking, int) else before.reasoning_tokens,
    )
