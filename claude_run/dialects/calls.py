"""Earlier tool calls and their results: every call is answered once, before the next answer."""

import hashlib
import re
from itertools import chain, count
from typing import Final, NamedTuple

from claude_run.dialects.json_text import json_value
from claude_run.dialects.reading import object_, text
from claude_run.turn import Failure, JsonObject, TurnError, bad_request

SAFE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
MALFORMED: Final = "malformed_arguments"
"""What Claude, to whom arguments are an object, is told those under that are none."""

_NUMBER: Final = re.compile(r"_[0-9]+$")


class _Open(NamedTuple):
    id: str
    param: str


class OpenCalls:
    """The calls of the last answer, and the id each goes upstream by.

    A client's ids need only be distinct within one answer, and may hold any character. The
    ids given here are distinct in the whole conversation and safe, and depend on nothing that
    comes later, so that a growing conversation keeps its beginning. None is another with a
    number after it: `x_2` would be taken for a part of the call `x`, and its result be lost.
    """

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._stems: set[str] = set()
        self._waiting: dict[str, _Open] = {}
        self._answered: set[str] = set()

    def open(self, client_id: str, param: str) -> str:
        """The id of a call that now waits for its result; `param` is where it was made."""
        if client_id in self._waiting:
            raise bad_request(f"{param}: the id {client_id!r} is given to two calls.", param)
        given = self._unused(_safe(client_id))
        self._given.add(given)
        self._stems.add(_stem(given))
        self._waiting[client_id] = _Open(given, param)
        return given

    def answer(self, client_id: str, param: str) -> str:
        """The id of the call that the result at `param` belongs to."""
        if client_id in self._answered:
            raise bad_request(f"{param}: the call {client_id!r} has a result already.", param)
        if client_id not in self._waiting:
            raise bad_request(f"{param}: the answer before made no tool call {client_id!r}.", param)
        self._answered.add(client_id)
        return self._waiting.pop(client_id).id

    def settle(self) -> None:
        """Whatever is not answered now never will be."""
        if self._waiting:
            param = next(iter(self._waiting.values())).param
            ids = ", ".join(repr(client_id) for client_id in self._waiting)
            raise bad_request(
                f"{param}: the results of tool calls must come before the next answer, "
                f"and there is none for {ids}.",
                param,
            )
        self._answered.clear()

    def _unused(self, safe_id: str) -> str:
        numbered = (f"{safe_id[:56]}-{n}" for n in count(2))
        return next(one for one in chain((safe_id,), numbered) if self._is_free(one))

    def _is_free(self, id_: str) -> bool:
        return {id_, _stem(id_)}.isdisjoint(self._given) and id_ not in self._stems


def _stem(id_: str) -> str:
    return _NUMBER.sub("", id_)


def _safe(client_id: str) -> str:
    if SAFE_ID.fullmatch(client_id):
        return client_id
    return f"call_{hashlib.sha256(client_id.encode()).hexdigest()[:32]}"


def out_of_turn(index: int) -> TurnError:
    """Calls are written one after the other, and arguments came for another than the last."""
    return TurnError(Failure.UPSTREAM, f"Claude sent arguments for call {index} out of turn.")


def arguments(value: object, param: str) -> JsonObject:
    """The JSON object a call's arguments spell; null and "" are an empty one. A model that was cut
    off, or erred, has written none: that is told as it stands, so that it reads what it did."""
    written = "" if value is None else text(value, param)
    try:
        return object_(json_value(written or "{}", param), param)
    except TurnError:
        return {MALFORMED: written}
