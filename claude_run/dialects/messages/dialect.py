"""Anthropic's Messages dialect, as it is served."""

from collections.abc import Mapping, Sequence
from typing import Final

from claude_run.dialects.dialect import NO_COUNT, Event, Stamp
from claude_run.dialects.errors import code_of, status_of
from claude_run.dialects.messages.answer import message
from claude_run.dialects.messages.errors import STATUSES, anthropic_error
from claude_run.dialects.messages.request import MessagesCall, parse_messages
from claude_run.dialects.messages.stream import MessageWriter
from claude_run.turn import JsonObject, TurnError, TurnEvent, fold


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
        del call  # a message repeats nothing of its request
        (events,) = answers
        return message(fold(events), stamp.id)

    def writer(self, call: MessagesCall, stamp: Stamp) -> "_Writer":
        return _Writer(MessageWriter(stamp.id, call.request.model), stamp.request_id)


class _Writer:
    def __init__(self, message: MessageWriter, request_id: str | None) -> None:
        self._message = message
        self._request_id = request_id

    def write(self, index: int, event: TurnEvent) -> list[Event]:
        del index  # there is one answer
        return [Event(told, told["type"]) for told in self._message.write(event)]

    def end(self) -> list[Event]:
        return []

    def fail(self, error: TurnError) -> list[Event]:
        status = STATUSES.get(code_of(error), status_of(error))
        told = anthropic_error(status, error.message, error.param, request_id=self._request_id)
        return [Event(told, "error")]
