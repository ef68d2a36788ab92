"""An answer as the events of a stream: blocks one after the other, each opened and closed."""

from typing import Any

from typing_extensions import assert_never

from claude_run.dialects.messages.answer import (
    EMPTY,
    counts,
    ended,
    frame,
    redacted_thinking,
    tool_use,
)
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
)


class MessageWriter:
    """Writes one answer. Events cannot be taken back: once a part of the answer is out, a
    restart is an error; thinking that is out may stand, as it is no part of the answer."""

    def __init__(self, id_: str, model: str) -> None:
        self._id = id_
        self._model = model
        self._batch: list[JsonObject] = []
        self._index = -1
        self._open: str | None = None
        self._answering = False
        self._begun = False

    def write(self, event: TurnEvent) -> list[JsonObject]:
        """The events that tell of `event`, none for some.

        Raises:
            TurnError: UPSTREAM, when what was written turns out to be void.
        """
        self._batch = []
        match event:
            case TurnStarted(model):
                self._begin(model)
            case TextDelta(text) | RefusalDelta(text):
                self._say("text", {"type": "text_delta", "text": text}, text)
            case ThinkingDelta(text):
                self._say("thinking", {"type": "thinking_delta", "thinking": text}, text)
            case ThinkingSigned(signature):
                self._sign(signature)
            case ThinkingRedacted(data):
                self._begin_block("thinking", redacted_thinking(data))
                self._end_block()
            case ToolCallStarted(_, id_, name):
                self._begin_block("tool_use", tool_use(id_, name, {}))
            case ToolCallDelta(_, fragment):
                self._delta({"type": "input_json_delta", "partial_json": fragment})
            case TurnRestarted():
                self._restart()
            case TurnFinished():
                self._finish(event)
            case _:
                assert_never(event)
        return self._batch

    def _begin(self, model: str) -> None:
        if not self._begun:
            self._begun = True
            self._emit("message_start", message=frame(self._id, model or self._model))

    def _say(self, kind: str, delta: JsonObject, text: str) -> None:
        if not text:
            return
        if self._open != kind:
            self._begin_block(kind, EMPTY[kind])
        self._delta(delta)

    def _sign(self, signature: str) -> None:
        if self._open != "thinking":
            self._begin_block("thinking", EMPTY["thinking"])
        self._delta({"type": "signature_delta", "signature": signature})
        self._end_block()

    def _begin_block(self, kind: str, block: JsonObject) -> None:
        self._end_block()
        self._answering = self._answering or kind != "thinking"
        self._index += 1
        self._open = kind
        self._emit("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: JsonObject) -> None:
        self._emit("content_block_delta", index=self._index, delta=delta)

    def _end_block(self) -> None:
        if self._open is not None:
            self._open = None
            self._emit("content_block_stop", index=self._index)

    def _restart(self) -> None:
        if self._answering:
            message = "Claude began its answer anew when a part of it had already been sent."
            raise TurnError(Failure.UPSTREAM, message)

    def _finish(self, event: TurnFinished) -> None:
        self._begin(event.model)
        self._end_block()
        self._emit("message_delta", delta=ended(event), usage=counts(event.usage))
        self._emit("message_stop")

    def _emit(self, type_: str, **fields: Any) -> None:
        self._batch.append({"type": type_, **fields})
