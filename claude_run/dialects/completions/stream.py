"""Answers as they come: the texts of each choice, written as chunks."""

from collections.abc import Sequence

from typing_extensions import assert_never

from claude_run.dialects.chat.answer import usage
from claude_run.dialects.completions.answer import FINISH_REASON, choice, frame
from claude_run.dialects.completions.call import CompletionCall
from claude_run.turn import (
    Failure,
    JsonObject,
    RefusalDelta,
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


class TextWriter:
    """Writes one choice of a stream; `created` is in Unix seconds."""

    def __init__(
        self,
        call: CompletionCall,
        index: int,
        id: str,  # noqa: A002 - OpenAI's word
        created: int,
    ) -> None:
        self._index = index
        self._echo = call.echoes[index]
        self._frame = frame(id, created, call.requests[index].model)
        self._usage_to_come = {"usage": None} if call.include_usage else {}
        self._written = False

    def write(self, event: TurnEvent) -> list[JsonObject]:
        """The chunks that tell of `event`, none for some.

        Raises:
            TurnError: UPSTREAM, when what was written turns out to be void.
        """
        match event:
            case TurnStarted(model):
                self._frame["model"] = model
                return self._chunks(self._echo)
            case TextDelta(text) | RefusalDelta(text):
                self._written = self._written or bool(text)
                return self._chunks(text)
            case TurnRestarted() if self._written:
                message = "Claude began its answer anew after a part of it was sent."
                raise TurnError(Failure.UPSTREAM, message)
            case TurnFinished(stop):
                return [self._chunk("", FINISH_REASON[stop])]
            case ThinkingDelta() | ThinkingSigned() | ThinkingRedacted():
                return []
            case TurnRestarted() | ToolCallStarted() | ToolCallDelta():
                return []
            case _:
                assert_never(event)

    def _chunks(self, text: str) -> list[JsonObject]:
        return [self._chunk(text, None)] if text else []

    def _chunk(self, text: str, reason: str | None) -> JsonObject:
        choices = [choice(self._index, text, reason)]
        return {**self._frame, "choices": choices, **self._usage_to_come}


def text_usage_chunk(
    usages: Sequence[Usage],
    *,
    id: str,  # noqa: A002 - OpenAI's word
    created: int,
    model: str,
) -> JsonObject:
    """The last chunk of a stream that was asked to include usage: that of all its choices."""
    return {**frame(id, created, model), "choices": [], "usage": usage(usages)}
