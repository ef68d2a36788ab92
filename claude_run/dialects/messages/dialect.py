"""Anthropic's Messages dialect, as it is served."""

from collections.abc import Mapping, Sequence
from typing import Final

from claude_run.dialects.dialect import NO_COUNT, Event, Stamp
from claude_run.dialects.errors import code_of, status_of
from claude_run.dialects.messages.answer import message
from claude_run.dialects.messages.errors import STATUSES, anthropic_error
from claude_run.dialects.messages.request import MessagesCall, parse_messages
from claude_run.dialects.messages.stream import MessageWriter
from claude_run.turn import JsonObject, ThinkingDelta, TurnError, TurnEvent, fold


class Messages:
    path: Final = "/messages"
    id_prefix: Final = "msg_"
    schema_field: Final = "output_config.format"
    absent: Final[Mapping[str, str]] = {
        "count_tokens": NO_COUNT,
        "batches": "Turn batching off; claude-run answers many requests at once.",
    }

    def parse(self, body: object, *, strict: bool) -> MessagesCall:
        return parse_messages(body, strict=strict)

    def answer(
        self, call: MessagesCall, answers: Sequence[Sequence[TurnEvent]], stamp: Stamp
    ) -> JsonObject:
        (events,) = answers
        return message(fold(_shown(call, events)), stamp.id)

    def writer(self, call: MessagesCall, stamp: Stamp) -> "_Writer":
        return _Writer(call, MessageWriter(stamp.id, call.request.model), stamp.request_id)


def _shown(call: MessagesCall, events: Sequence[TurnEvent]) -> list[TurnEvent]:
    """Those of `events` that the client wants to see."""
    return [e for e in events if not (call.omits_thinking and isinstance(e, ThinkingDelta))]


class _Writer:
    def __init__(self, call: MessagesCall, message: MessageWriter, request_id: str | None) -> None:
        self._call = call
        self._message = message
        self._request_id = request_id

    def write(self, index: int, event: TurnEvent) -> list[Event]:
        del index  # there is one answer
        shown = _shown(self._call, [event])
        return [Event(told, told["type"]) for e in shown for told in self._message.write(e)]

    def end(self) -> list[Event]:
        return []

    def fail(self, error: TurnError) -> list[Event]:
        status = STATUSES.get(code_of(error), status_of(error))
        told = anthropic_error(status, error.message, error.param, request_id=self._request_id)
        return [Event(told, "error")]
