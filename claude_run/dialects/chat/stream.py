"""Answers as they come: the events of each choice, written as chunks."""

from collections.abc import Sequence

from typing_extensions import assert_never

from claude_run.dialects.calls import out_of_turn
from claude_run.dialects.chat.answer import SERVICE_TIER, finish_reason, reasoning, usage
from claude_run.dialects.chat.call import ChatCall
from claude_run.dialects.chat.calls import CustomCall, FunctionCall, OpenCall
from claude_run.turn import (
    Failure,
    JsonObject,
    RefusalDelta,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingRedacted,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRestarted,
    TurnStarted,
    Usage,
)


class ChunkWriter:
    """Writes one choice of a stream; `created` is in Unix seconds.

    Tool calls come one after the other, each directly before the pieces of its arguments.
    Chunks cannot be taken back: once a part of the answer is out, a restart is an error.
    Reasoning that is out may stand, as it is no part of the answer.
    """

    def __init__(
        self,
        call: ChatCall,
        index: int,
        id: str,  # noqa: A002 - OpenAI's word
        created: int,
    ) -> None:
        self._call = call
        self._index = index
        self._frame = _frame(id, created, call.request.model)
        self._batch: list[JsonObject] = []
        self._begun = False
        self._answering = False
        self._open: OpenCall | None = None

    def write(self, event: TurnEvent) -> list[JsonObject]:
        """The chunks that tell of `event`, none for some.

        Raises:
            TurnError: UPSTREAM, when what was written turns out to be void.
        """
        self._batch = []
        match event:
            case TurnStarted(model):
                self._begin(model)
            case TextDelta(text):
                self._say("content", text)
            case RefusalDelta(text):
                self._say("refusal", text)
            case ThinkingDelta(text):
                self._think(text)
            case ThinkingSigned() | ThinkingRedacted():
                pass
            case ToolCallStarted():
                self._begin_call(event)
            case ToolCallDelta(index, fragment):
                self._argue(index, fragment)
            case TurnRestarted():
                self._restart()
            case TurnFinished(stop):
                self._end_call(whole=stop is not StopReason.LENGTH)
                self._emit({}, finish_reason(self._call, stop))
            case _:
                assert_never(event)
        return self._batch

    def _begin(self, model: str) -> None:
        self._frame["model"] = model
        if not self._begun:
            self._begun = True
            self._emit({"role": "assistant", "content": "", "refusal": None})

    def _say(self, part: str, text: str) -> None:
        if text:
            self._answering = True
            self._emit({part: text})

    def _think(self, text: str) -> None:
        if text:
            self._emit(reasoning(text))

    def _begin_call(self, event: ToolCallStarted) -> None:
        self._end_call(whole=True)
        kind = CustomCall if event.name in self._call.custom else FunctionCall
        self._open = kind(event)
        self._emit_call(self._open.head())

    def _argue(self, index: int, fragment: str) -> None:
        if self._open is None or self._open.started.index != index:
            raise out_of_turn(index)
        self._emit_call(self._open.write(fragment))

    def _end_call(self, *, whole: bool) -> None:
        if self._open is not None:
            self._emit_call(self._open.end(whole=whole))
            self._open = None

    def _emit_call(self, piece: JsonObject) -> None:
        if self._open is None or not piece:
            return
        self._answering = True
        index = self._open.started.index
        if not self._call.legacy_functions:
            self._emit({"tool_calls": [{"index": index, **piece}]})
        elif index == 0:
            self._emit({"function_call": piece["function"]})

    def _restart(self) -> None:
        if self._answering:
            message = "Claude began its answer anew when a part of it had already been sent."
            raise TurnError(Failure.UPSTREAM, message)

    def _emit(self, delta: JsonObject, reason: str | None = None) -> None:
        choice = {
            "index": self._index,
            "delta": delta,
            "logprobs": None,
            "finish_reason": reason,
        }
        usage_to_come = {"usage": None} if self._call.include_usage else {}
        self._batch.append({**self._frame, "choices": [choice], **usage_to_come})


def usage_chunk(
    usages: Sequence[Usage],
    *,
    id: str,  # noqa: A002 - OpenAI's word
    created: int,
    model: str,
) -> JsonObject:
    """The last chunk of a stream that was asked to include usage: that of all its choices."""
    return {**_frame(id, created, model), "choices": [], "usage": usage(usages)}


def _frame(chunk_id: str, created: int, model: str) -> JsonObject:
    return {
        "id": chunk_id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "service_tier": SERVICE_TIER,
    }
