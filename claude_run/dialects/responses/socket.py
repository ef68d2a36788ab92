"""The WebSocket mode: what a client says on its connection, and what it is told there."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from claude_run.dialects.errors import headers_of, shortened, status_of
from claude_run.dialects.json_text import json_value
from claude_run.dialects.reading import boolean, object_, optional, required, text
from claude_run.dialects.responses.answer import error_event
from claude_run.dialects.responses.request import previous_id
from claude_run.turn import Failure, JsonObject, TurnError, bad_request

MOST_LANES: Final = 32
MOST_AT_ONCE: Final = 16
"""Responses of one connection that are made or wait; both as OpenAI has them."""

_CREATE: Final = "response.create"
_STEER: Final = "response.steer"
_ENVELOPE: Final = frozenset({"type", "stream_id", "generate", "stream"})
"""What an event has beside the fields of a request; a stream it is without being asked."""


@dataclass(frozen=True, slots=True)
class Create:
    """A response is wanted. Those of one `lane` are made one after the other; one that does not
    generate only lays down what a later one goes on from."""

    body: JsonObject
    lane: str | None = None
    generates: bool = True

    @property
    def previous(self) -> str | None:
        previous = self.body.get("previous_response_id")
        return previous if isinstance(previous, str) else None


@dataclass(frozen=True, slots=True)
class Steer:
    """Something is to be said to a response that is being made."""

    previous: str
    input: object


ClientEvent: TypeAlias = Create | Steer


def client_event(message: str | bytes) -> ClientEvent:
    """
    Raises:
        TurnError: BAD_REQUEST: it is no event that a client can send.
    """
    event = json_value(message)
    if not isinstance(event, dict):
        raise bad_request("An event must be a JSON object.", None)
    match required(event, "type"):
        case "response.create":
            return _create(event)
        case "response.steer":
            previous = text(required(event, "previous_response_id"), "previous_response_id")
            return Steer(previous, event.get("input"))
        case other:
            told = shortened(other) if isinstance(other, str) else "no text"
            message = f"type must be {_CREATE!r}, and is {told!r}."
            raise bad_request(message, "type")


def _create(event: JsonObject) -> Create:
    previous_id(event)  # it is what a failure makes the connection forget
    return Create(
        {name: value for name, value in event.items() if name not in _ENVELOPE},
        optional(text, event, "stream_id"),
        optional(boolean, event, "generate") is not False,
    )


def lane_of(message: str | bytes) -> str | None:
    """The lane of an event that is not understood otherwise."""
    try:
        lane = object_(json_value(message), "").get("stream_id")
    except TurnError:
        return None
    return lane if isinstance(lane, str) else None


def socket_error(error: TurnError) -> JsonObject:
    """The event that says that there is no response, with its status as over HTTP. Unlike that of
    a stream it has the error in one place."""
    told = {"type": "error", "status": status_of(error), "error": error_event(error)["error"]}
    headers = headers_of(error)
    return {**told, "headers": headers} if headers else told


def in_lane(event: JsonObject | str, lane: str | None) -> JsonObject | str:
    return event if lane is None or isinstance(event, str) else {**event, "stream_id": lane}


def steering_failed(steer: Steer) -> JsonObject:
    return {
        "type": "response.steer.failed",
        "sequence_number": 0,
        "steer": {"previous_response_id": steer.previous, "input": steer.input},
        "error": {
            "type": "invalid_request_error",
            "code": "steering_not_supported",
            "message": "Claude cannot be steered while it answers. Send the input with the next "
            "response.create.",
        },
    }


def too_many_lanes() -> TurnError:
    message = f"A connection has at most {MOST_LANES} streams; open another connection."
    return bad_request(message, "stream_id", "websocket_stream_limit_reached")


def too_many_at_once() -> TurnError:
    message = (
        f"At most {MOST_AT_ONCE} responses are made or wait on one connection. Open another"
        " connection, or wait until one of them has ended."
    )
    return TurnError(Failure.CONNECTION_FULL, message, retry_after=1.0)


def too_old(seconds: float) -> TurnError:
    message = (
        f"This connection has reached its limit of {seconds / 60:g} minutes. Open a new one to "
        "go on."
    )
    return bad_request(message, None, "websocket_connection_limit_reached")
