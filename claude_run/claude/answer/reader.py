"""SDK messages to turn events.

An answer is one upstream message, from its message_start to its message_stop. The CLI goes
on by itself where a person at a terminal would want it to: after an output limit, a broken
stream, a tool it does not know. None of that is the client's, so a second message is either
the SDK asking again for structured output, or a reason to stop the CLI.
"""

import json
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

from claude_run.claude.answer.structured import KEY, TOOL, Unwrapper, Verbatim
from claude_run.claude.errors import RateLimit, from_messages
from claude_run.claude.schemas import fits
from claude_run.claude.tools import ToolNames
from claude_run.turn import (
    Failure,
    JsonObject,
    RefusalDelta,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRestarted,
    TurnStarted,
    Usage,
)

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
    """How an answer came to its end, which decides what becomes of the session."""

    SETTLED = auto()
    """The CLI is waiting for the next turn and remembers this one as the client saw it."""
    ALTERED = auto()
    """The CLI is waiting, but its conversation is not what the client saw."""
    RUNNING = auto()
    """The answer is complete, but the CLI is going on by itself and must be stopped."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the reader has to know of a request. `schema_wrapped` is None without structured
    output, `unchecked` a schema that the CLI cannot check completely; `cost_before` is the
    session's running total in dollars."""

    names: ToolNames
    thinking: bool
    schema_wrapped: bool | None
    cost_before: float | None
    unchecked: JsonObject | None = None


@dataclass(slots=True)
class _Block:
    """The content block being streamed. `call` is the index among the client's tool calls."""

    kind: str
    call: int | None = None
    written: bool = False


@dataclass(slots=True)
class AnswerReader:
    """Reads one answer. Feed it every message; `ending` is set once the answer is complete."""

    expected: Expected
    ending: Ending | None = None
    limit: RateLimit | None = None
    _started: bool = False
    _stop: StopReason | None = None
    _model: str = ""
    _usage: Usage = field(default_factory=Usage)
    _spent: Usage = field(default_factory=Usage)
    _block: _Block = field(default_factory=lambda: _Block("text"))
    _unwrapper: Unwrapper | Verbatim = field(default_factory=Verbatim)
    _calls: int = 0
    _offered: int = 0
    _outputs: int = 0
    _altered: bool = False
    _texts: list[str] = field(default_factory=list)
    _written: list[str] = field(default_factory=list)
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
            case ResultMessage():
                yield from self._result(message, now)
            case _:
                pass

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
                yield from self._message_delta(event)
            case _:
                pass

    def _message_start(self, message: Mapping[str, Any]) -> Iterator[TurnEvent]:
        if self._started:
            yield from self._second_message()
        else:
            self._model = str(message.get("model", ""))
            self._started = True
            yield TurnStarted(self._model)
        if self.ending is None:
            self._stop = None
            self._usage = _usage(message.get("usage") or {}, Usage())

    def _second_message(self) -> Iterator[TurnEvent]:
        if self._stop is None:
            raise TurnError(Failure.UPSTREAM, "The answer broke off mid-stream.")
        self._spent += self._usage
        if self.expected.schema_wrapped is None or self._calls:
            self._usage = Usage()
            yield from self._finish(self._stop, Ending.RUNNING, None)
        else:
            self._texts.clear()
            self._written.clear()
            self._outputs, self._altered = 0, True
            yield TurnRestarted()

    def _block_start(self, block: Mapping[str, Any]) -> Iterator[TurnEvent]:
        kind = str(block.get("type"))
        if kind == "tool_use" and block["name"] == TOOL and self._structured:
            self._begin_output()
        elif kind == "tool_use":
            yield self._begin_call(block)
        else:
            self._block = _Block(kind)

    def _begin_output(self) -> None:
        # There is one answer: nothing follows it, and before tools have answered there is none.
        is_answer = not (self._outputs or self._calls)
        self._block = _Block(TOOL if is_answer else "ignored")
        self._unwrapper = Unwrapper() if self.expected.schema_wrapped else Verbatim()
        self._outputs += 1
        self._altered = True

    def _begin_call(self, block: Mapping[str, Any]) -> TurnEvent:
        index, offered = self._calls, self.expected.names.offers(block["name"])
        self._block = _Block("tool_use", index)
        self._calls += 1
        self._offered += offered
        self._altered |= not offered
        return ToolCallStarted(index, block["id"], self.expected.names.caller(block["name"]))

    @property
    def _structured(self) -> bool:
        return self.expected.schema_wrapped is not None

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[TurnEvent]:
        match delta:
            case {"type": "text_delta", "text": str(text)} if self._structured:
                # Words are not part of the answer, unless there is neither JSON nor a call:
                # clients parse whatever text there is, also that beside a call.
                self._texts.append(text)
                self._altered = True
            case {"type": "text_delta", "text": str(text)} if text:
                yield TextDelta(text)
            case {"type": "thinking_delta", "thinking": str(text)} if text:
                if self.expected.thinking:
                    yield ThinkingDelta(text)
            case {"type": "input_json_delta", "partial_json": str(text)} if text:
                yield from self._json(text)
            case _:
                pass

    def _json(self, fragment: str) -> Iterator[TurnEvent]:
        self._block.written = True
        if self._block.call is not None:
            yield ToolCallDelta(self._block.call, fragment)
        elif self._block.kind == TOOL:
            yield from self._hand_on(self._unwrapper.feed(fragment))

    def _hand_on(self, text: str) -> Iterator[TurnEvent]:
        if text:
            self._written.append(text)
            yield TextDelta(text)

    def _block_stop(self) -> Iterator[TurnEvent]:
        if self._block.kind == TOOL and not self._block.written:
            yield from self._hand_on("{}")

    def _message_delta(self, event: Mapping[str, Any]) -> Iterator[TurnEvent]:
        self._usage = _usage(event.get("usage") or {}, self._usage)
        reason = (event.get("delta") or {}).get("stop_reason")
        if reason is None:
            return
        self._stop = STOP_REASONS.get(reason, StopReason.END)
        if self._stop is StopReason.LENGTH:
            # From here on the CLI would ask the model to resume, up to three times.
            yield from self._finish(StopReason.LENGTH, Ending.RUNNING, None)
        elif self._calls and not self._offered and not self._outputs:
            # From here on it would tell the model that there are no such tools, and ask again.
            yield from self._finish(self._stop, Ending.RUNNING, None)

    # --- the result -------------------------------------------------------------------

    def _result(self, result: ResultMessage, now: float) -> Iterator[TurnEvent]:
        if self.ending is not None:
            return
        if self._stop is StopReason.REFUSAL:
            if self._texts:
                yield RefusalDelta("".join(self._texts))
            yield from self._finish(StopReason.REFUSAL, Ending.ALTERED, result)
        elif result.is_error or not self._started or self._stop is None:
            raise self._error(result, now)
        elif self._structured and not self._calls:
            yield from self._structured_result(result)
        else:
            ending = Ending.ALTERED if self._altered else Ending.SETTLED
            yield from self._finish(self._stop, ending, result)

    def _structured_result(self, result: ResultMessage) -> Iterator[TurnEvent]:
        words = "".join(self._texts)
        if result.structured_output is not None:
            yield from self._checked(result.structured_output)
        elif words.strip():
            yield RefusalDelta(words)
        else:
            raise TurnError(Failure.UPSTREAM, "The model gave neither JSON nor a refusal.")
        yield from self._finish(StopReason.END, Ending.ALTERED, result)

    def _checked(self, output: Any) -> Iterator[TurnEvent]:
        """What was handed on is the model's first JSON; of several the CLI took one that fits."""
        value = output[KEY] if self.expected.schema_wrapped else output
        if self._outputs > 1 and value != json.loads("".join(self._written)):
            yield TurnRestarted()
            yield TextDelta(json.dumps(value, ensure_ascii=False))
        schema = self.expected.unchecked
        if schema is not None and not fits(value, schema):
            raise TurnError(Failure.UPSTREAM, "The model's JSON does not fit the schema.")

    def _exhausted(self, result: ResultMessage) -> bool:
        return result.subtype == "error_max_structured_output_retries"

    def _error(self, result: ResultMessage, now: float) -> TurnError:
        if self._exhausted(result):
            text = "; ".join(result.errors or ()) or "The model gave no JSON that fits the schema."
            return TurnError(Failure.UPSTREAM, text)
        return from_messages(self._said, result, self.limit, now=now)

    def _finish(
        self, stop: StopReason, ending: Ending, result: ResultMessage | None
    ) -> Iterator[TurnEvent]:
        self.ending = ending
        total = self._spent + self._usage
        yield TurnFinished(stop, total, self._model, self.cost(result))

    def cut(self) -> Iterator[TurnEvent]:
        """End the answer here, by our own decision, while the model is still writing."""
        yield from self._finish(StopReason.END, Ending.RUNNING, None)

    def cost(self, result: ResultMessage | None) -> float | None:
        """What this turn cost: the CLI's total runs over the whole life of its process."""
        if result is None or result.total_cost_usd is None:
            return None
        return max(0.0, result.total_cost_usd - (self.expected.cost_before or 0.0))


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
