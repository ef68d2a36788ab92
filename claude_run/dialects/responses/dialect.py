"""The Responses dialect, as it is served: responses are kept, and gone on from."""

from collections.abc import Mapping, Sequence
from typing import Final

from claude_run.dialects.dialect import Event, Stamp
from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.request import parse_response, previous_id
from claude_run.dialects.responses.store import ResponseStore, stored
from claude_run.dialects.responses.stream import ResponseWriter, response_object
from claude_run.turn import JsonObject, TurnError, TurnEvent, TurnFinished


class Responses:
    path: Final = "/responses"
    id_prefix: Final = "resp_"
    schema_field: Final = "text.format"
    absent: Final[Mapping[str, str]] = {
        "compact": "Send the conversation as it is, or have the client summarize it.",
        "input_tokens": "An answer's usage says how many tokens its input had.",
    }

    def __init__(self, store: ResponseStore) -> None:
        self._store = store

    def parse(self, body: object, *, strict: bool) -> ResponseCall:
        id_ = previous_id(body)
        previous = self._store.find(id_) if id_ is not None else None
        return parse_response(body, strict=strict, previous=previous, kept_item=self._store.item)

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


def _named(event: JsonObject) -> Event:
    return Event(event, event["type"])
