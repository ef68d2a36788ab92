"""An answer as the ordered events of a stream, and the whole response they amount to."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from typing_extensions import assert_never

from claude_run.dialects.calls import out_of_turn
from claude_run.dialects.responses.answer import ENDINGS, ended, error_event, failed, frame
from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.calls import CALLS, Call, Called
from claude_run.dialects.responses.forms import Form
from claude_run.dialects.responses.output import ItemStatus, Message, OutputItem, Reasoning
from claude_run.dialects.responses.reasoning import sealed
from claude_run.turn import (
    Failure,
    JsonObject,
    RedactedThinking,
    RefusalDelta,
    TextDelta,
    Thinking,
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

_STANDING: Final = (TurnStarted, ThinkingDelta, ThinkingSigned, ThinkingRedacted)
"""What stands of an answer that is begun anew."""

ItemT = TypeVar("ItemT", bound=OutputItem)


class ResponseWriter:
    """Writes one answer. At most one item is open at a time; the next opens when it is closed.

    `response` is the response object as it stands. `created_at` is in seconds since 1970.
    """

    def __init__(self, call: ResponseCall, response_id: str, created_at: int) -> None:
        self.response = frame(call, response_id, created_at)
        self._shows_reasoning = call.shows_reasoning
        self._seals_reasoning = call.seals_reasoning
        self._thought = ""
        self._forms = call.forms
        self._seed = response_id.removeprefix("resp_")
        self._batch: list[JsonObject] = []
        self._sequence = 0
        self._items: list[JsonObject] = []
        self._open: OutputItem | None = None

    def write(self, event: TurnEvent, *, now: int | None = None) -> list[JsonObject]:
        """The events of the stream that `event` amounts to. `now`, in seconds since 1970,
        becomes the response's `completed_at` when this event finishes it.

        Raises:
            TurnError: the answer began anew after a part of it was written, or a piece of
                arguments came for a call that is not open.
        """
        match event:
            case TurnStarted(model):
                self._begin(model)
            case TextDelta(text) if text:
                self._current(Message).write("output_text", text)
            case RefusalDelta(text) if text:
                self._current(Message).write("refusal", text)
            case ThinkingDelta() | ThinkingSigned() | ThinkingRedacted():
                self._think(event)
            case TextDelta() | RefusalDelta() | ToolCallDelta(fragment=""):
                pass
            case ToolCallStarted():
                form = self._forms.get(event.name, Form("function", event.name))
                self._next(CALLS[form.kind], Called(event, form))
            case ToolCallDelta(index, fragment):
                self._called(index).write(fragment)
            case TurnRestarted() | TurnFinished():
                self._conclude(event, now)
            case _:
                assert_never(event)
        return self._taken()

    def fail(self, error: TurnError) -> list[JsonObject]:
        """The events of an answer that breaks off here; what was written of it stands."""
        if self._sequence == 0:
            self._begin(self.response["model"])
        broken = [self._open.render("incomplete")] if self._open else []
        self._emit("error", **error_event(error))
        self._end(output=[*self._items, *broken], **failed(error))
        return self._taken()

    def _begin(self, model: str) -> None:
        self.response = {**self.response, "model": model}
        self._emit("response.created", response=self.response)
        self._emit("response.in_progress", response=self.response)

    def _think(self, event: ThinkingDelta | ThinkingSigned | ThinkingRedacted) -> None:
        match event:
            case ThinkingDelta(text):
                self._thought += text
                if text and self._shows_reasoning:
                    self._current(Reasoning).write(text)
            case ThinkingSigned(signature):
                self._seal(Thinking(self._thought, signature))
            case ThinkingRedacted(data):
                self._seal(RedactedThinking(data))

    def _seal(self, thought: Thinking | RedactedThinking) -> None:
        """End a stretch of reasoning, with what takes it back, if that was asked for."""
        self._thought = ""
        if self._seals_reasoning:
            self._current(Reasoning).sealed = sealed(thought)
            self._close("completed")

    def _current(self, kind: type[ItemT]) -> ItemT:
        return self._open if isinstance(self._open, kind) else self._next(kind)

    def _next(self, kind: Callable[..., ItemT], *told: Called) -> ItemT:
        self._close("completed")
        item = kind(len(self._items), self._seed, self._emit, *told)
        self._open = item
        item.announce()
        return item

    def _called(self, index: int) -> Call:
        if isinstance(self._open, Call) and self._open.started.index == index:
            return self._open
        raise out_of_turn(index)

    def _close(self, status: ItemStatus) -> None:
        if self._open is not None:
            self._items.append(self._open.close(status))
            self._open = None

    def _conclude(self, event: TurnRestarted | TurnFinished, now: int | None) -> None:
        if isinstance(event, TurnFinished):
            self._finish(event, now)
        else:
            self._restart()

    def _restart(self) -> None:
        """Reasoning that is out may stand, as it is no part of the answer."""
        self._thought = ""
        is_answering = any(item["type"] != "reasoning" for item in self._items)
        if is_answering or not isinstance(self._open, Reasoning | None):
            raise TurnError(
                Failure.UPSTREAM, "Claude began its answer anew after a part of it was sent."
            )

    def _finish(self, event: TurnFinished, now: int | None) -> None:
        ending = ENDINGS[event.stop]
        self._close(ending.status)
        self._end(model=event.model, output=[*self._items], **ended(ending, event.usage, now))

    def _end(self, **changes: Any) -> None:
        self.response = {**self.response, **changes}
        self._emit(f"response.{self.response['status']}", response=self.response)

    def _emit(self, type_: str, **fields: Any) -> None:
        self._batch.append({"type": type_, "sequence_number": self._sequence, **fields})
        self._sequence += 1

    def _taken(self) -> list[JsonObject]:
        batch, self._batch = self._batch, []
        return batch


def response_object(
    call: ResponseCall,
    events: Iterable[TurnEvent],
    *,
    response_id: str,
    created_at: int,
    completed_at: int | None = None,
) -> JsonObject:
    """The response that a complete sequence of events amounts to, restarts included."""
    counted: list[TurnEvent] = []
    for event in events:
        if isinstance(event, TurnRestarted):
            counted = [kept for kept in counted if isinstance(kept, _STANDING)]
        else:
            counted.append(event)
    writer = ResponseWriter(call, response_id, created_at)
    for event in counted:
        writer.write(event, now=completed_at)
    return writer.response
