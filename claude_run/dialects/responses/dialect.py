"""The Responses dialect, as it is served: responses are kept, and gone on from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from claude_run.dialects.dialect import NO_COUNT, Event, Stamp
from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.compaction import (
    Key,
    checked,
    compaction,
    opened,
    summarised,
)
from claude_run.dialects.responses.request import parse_response, previous_id
from claude_run.dialects.responses.store import ResponseStore, StoredResponse, stored
from claude_run.dialects.responses.stream import ResponseWriter, response_object
from claude_run.turn import (
    Answer,
    JsonObject,
    StopReason,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnStarted,
    Usage,
)

MOST_REMEMBERED: Final = 64
MOST_CHARACTERS_REMEMBERED: Final = 64 * 1024 * 1024
"""Of the responses of one connection."""


class Responses:
    path: Final = "/responses"
    id_prefix: Final = "resp_"
    schema_field: Final = "text.format"
    absent: Final[Mapping[str, str]] = {"input_tokens": NO_COUNT}

    def __init__(self, store: ResponseStore, key: Key) -> None:
        self._store = store
        self._key = key

    def parse(self, body: object, *, strict: bool) -> ResponseCall:
        id_ = previous_id(body)
        previous = self._find(id_) if id_ is not None else None
        return parse_response(
            body,
            strict=strict,
            previous=previous,
            kept_item=self._item,
            opened=lambda items: opened(items, self._key),
        )

    def parse_compaction(self, body: object, *, strict: bool) -> ResponseCall:
        """What a request for a compaction asks; raises as `parse`."""
        asked, notices = checked(body, strict=strict)
        call = self.parse(asked, strict=strict)
        return replace(call, request=summarised(call), notices=notices + call.notices)

    def compaction(self, call: ResponseCall, answer: Answer, stamp: Stamp) -> JsonObject:
        """Raises TurnError where `answer` is no whole summary."""
        return compaction(call, answer, stamp, self._key)

    def answer(
        self, call: ResponseCall, answers: Sequence[Sequence[TurnEvent]], stamp: Stamp
    ) -> JsonObject:
        (events,) = answers
        response = response_object(
            call,
            events,
            response_id=stamp.id,
            created_at=stamp.created,
            completed_at=stamp.clock(),
        )
        self.keep(call, response)
        return response

    def writer(self, call: ResponseCall, stamp: Stamp) -> "_Writer":
        return _Writer(self, call, stamp)

    def keep(self, call: ResponseCall, response: JsonObject) -> None:
        """Keep the finished answer to `call`, if it is to be kept."""
        if call.store:
            self._store.keep(stored(call, response))

    def _find(self, response_id: str) -> StoredResponse | None:
        return self._store.find(response_id)

    def _item(self, item_id: str) -> JsonObject | None:
        return self._store.item(item_id)


class ConnectedResponses(Responses):
    """The same on one connection, which remembers its responses whether they are stored or not.

    A failed continuation makes it forget what was to be continued, as OpenAI does: its client
    then sends the whole conversation. A response that breaks off ends with one event, for what
    came after a first one would be taken for the next response's.
    """

    def __init__(self, store: ResponseStore, key: Key) -> None:
        super().__init__(store, key)
        self._memory = ResponseStore(MOST_REMEMBERED, MOST_CHARACTERS_REMEMBERED)

    def keep(self, call: ResponseCall, response: JsonObject) -> None:
        super().keep(call, response)
        self._memory.keep(stored(call, response))

    def forget(self, response_id: str | None) -> None:
        if response_id is not None:
            self._memory.evict(response_id)

    def writer(self, call: ResponseCall, stamp: Stamp) -> "_Writer":
        return _ConnectedWriter(self, call, stamp)

    def prepared(self, call: ResponseCall, stamp: Stamp) -> list[Event]:
        """The events of a response that nothing is generated for."""
        writer = self.writer(call, stamp)
        model = call.request.model
        finished = TurnFinished(StopReason.END, Usage(), model)
        return [*writer.write(0, TurnStarted(model)), *writer.write(0, finished)]

    def _find(self, response_id: str) -> StoredResponse | None:
        return self._memory.find(response_id) or super()._find(response_id)

    def _item(self, item_id: str) -> JsonObject | None:
        return self._memory.item(item_id) or super()._item(item_id)


class _Writer:
    def __init__(self, dialect: Responses, call: ResponseCall, stamp: Stamp) -> None:
        self._dialect = dialect
        self._call = call
        self._clock = stamp.clock
        self._response = ResponseWriter(call, stamp.id, stamp.created)

    def write(self, index: int, event: TurnEvent) -> list[Event]:
        del index  # there is one answer
        events = self._response.write(event, now=self._clock())
        if isinstance(event, TurnFinished):
            self._dialect.keep(self._call, self._response.response)
        return [*map(_named, events)]

    def end(self) -> list[Event]:
        return []

    def fail(self, error: TurnError) -> list[Event]:
        return [*map(_named, self._response.fail(error))]


class _ConnectedWriter(_Writer):
    def __init__(self, dialect: ConnectedResponses, call: ResponseCall, stamp: Stamp) -> None:
        super().__init__(dialect, call, stamp)
        self._memory = dialect
        self._continued = call.echo["previous_response_id"]

    def fail(self, error: TurnError) -> list[Event]:
        self._memory.forget(self._continued)
        return super().fail(error)[-1:]


def _named(event: JsonObject) -> Event:
    return Event(event, event["type"])
