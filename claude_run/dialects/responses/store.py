"""The responses of a run, kept in memory for as long as they fit."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.listing import listed
from claude_run.turn import Failure, JsonObject, TurnError

MOST_RESPONSES: Final = 1000
MOST_CHARACTERS: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response to go on from. `input_items` is what its own request brought, every item with
    an id; `conversation` holds all items from the first request to the response's output.
    `size` is in characters."""

    response: JsonObject
    input_items: tuple[JsonObject, ...]
    conversation: tuple[JsonObject, ...]
    size: int

    @property
    def own_items(self) -> Iterator[JsonObject]:
        yield from self.input_items
        yield from self.response["output"]


def stored(call: ResponseCall, response: JsonObject) -> StoredResponse:
    """What is kept of `response`, the finished answer to `call`."""
    seed = response["id"].removeprefix("resp_")
    items = tuple(listed(item, f"{seed}_in_{i}") for i, item in enumerate(call.input_items))
    conversation = (*call.earlier_items, *items, *response["output"])
    size = _characters(response) + _characters(conversation)
    return StoredResponse(response, items, conversation, size)


class ResponseStore:
    """Holds the responses used last, at most so many and so large in all.

    A conversation counts in full with each of its responses although they share it, so that
    the limit holds whichever of them are let go.
    """

    def __init__(
        self, most_responses: int = MOST_RESPONSES, most_characters: int = MOST_CHARACTERS
    ) -> None:
        self._most_responses = most_responses
        self._most_characters = most_characters
        self._size = 0
        self._responses: OrderedDict[str, StoredResponse] = OrderedDict()
        self._items: dict[str, tuple[str, JsonObject]] = {}

    def keep(self, response: StoredResponse) -> None:
        id_ = response.response["id"]
        self._responses[id_] = response
        self._size += response.size
        self._items.update({item["id"]: (id_, item) for item in response.own_items})
        while len(self._responses) > self._most_responses or self._size > self._most_characters:
            self._forget(next(iter(self._responses)))

    def find(self, response_id: str) -> StoredResponse | None:
        response = self._responses.get(response_id)
        if response is not None:
            self._responses.move_to_end(response_id)
        return response

    def item(self, item_id: str) -> JsonObject | None:
        """An item of a kept response, of its input or its output."""
        _, item = self._items.get(item_id, ("", None))
        return item

    def get(self, response_id: str) -> StoredResponse:
        """
        Raises:
            TurnError: NOT_FOUND, for a response that was never kept, deleted or let go.
        """
        response = self.find(response_id)
        if response is None:
            raise TurnError(Failure.NOT_FOUND, unknown(response_id), param="id")
        return response

    def delete(self, response_id: str) -> JsonObject:
        """What a client is told of a deleted response.

        Raises:
            TurnError: NOT_FOUND, as for `get`.
        """
        self.get(response_id)
        self._forget(response_id)
        return {"id": response_id, "object": "response", "deleted": True}

    def evict(self, response_id: str) -> None:
        """Keep it no longer, if it was kept."""
        if response_id in self._responses:
            self._forget(response_id)

    def _forget(self, response_id: str) -> None:
        response = self._responses.pop(response_id)
        self._size -= response.size
        for item in response.own_items:
            owner, _ = self._items.get(item["id"], ("", None))
            if owner == response_id:
                del self._items[item["id"]]


def unknown(response_id: str) -> str:
    """What a client is told of a response that is not here."""
    kept = f"which keeps the last {MOST_RESPONSES:,} at most"
    return f"There is no response {response_id!r} in this run, {kept}."


def _characters(value: object) -> int:
    """About how large a JSON value is; text makes up nearly all of one that is large."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(len(key) + _characters(member) for key, member in value.items())
        case list() | tuple():
            return sum(map(_characters, value))
        case _:
            return 1
