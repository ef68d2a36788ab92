"""Which description and which type each answer of a bridge has."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

import anthropic.types
import openai.types
import openai.types.chat
import openai.types.responses
import openai.types.shared
from anthropic.pagination import SyncPage as AnthropicPage
from openai.pagination import SyncPage
from openai.types.responses.response_item_list import ResponseItemList
from openai.types.responses.responses_server_event import ResponsesServerEvent
from pydantic import BaseModel

from claude_run.turn import JsonObject
from tests.described import descriptions, types
from tests.described.descriptions import ANTHROPIC, OPEN_RESPONSES, OPENAI, Vendor
from tests.described.fault import Fault


class Deleted(BaseModel, extra="allow"):
    """What OpenAI answers to DELETE, which neither its description nor its client has."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]


@dataclass(frozen=True, slots=True)
class Kind:
    """What something is described as, and its type. `ours` are the paths of what we add, or of
    what the vendors send as well although both forbid it."""

    described: tuple[Vendor, str] | None
    type_: Any
    ours: frozenset[str] = frozenset()

    def faults(self, value: object) -> Iterator[Fault]:
        found = [*types.faults(value, self.type_)]
        if self.described is not None:
            found += descriptions.faults(value, *self.described)
        return (fault for fault in found if fault.path not in self.ours)


class Compacted(openai.types.responses.CompactedResponse):
    """Its client's type has no messages of the user's, which its documentation has."""

    output: list[Any]


CHAT: Final = Kind(
    (OPENAI, "CreateChatCompletionResponse"),
    openai.types.chat.ChatCompletion,
    # The description, not the type, is older than calls of custom tools.
    frozenset(
        {
            "choices.message.reasoning_content",
            "choices.message.reasoning",
            "choices.message.tool_calls",
            "choices.message.tool_calls.type",
        }
    ),
)
CHAT_CHUNK: Final = Kind(
    (OPENAI, "CreateChatCompletionStreamResponse"),
    openai.types.chat.ChatCompletionChunk,
    # Neither knows a custom tool's call in pieces, which OpenAI sends all the same.
    frozenset(
        {
            "choices.delta.reasoning_content",
            "choices.delta.reasoning",
            "choices.delta.tool_calls.type",
            "choices.delta.tool_calls.custom",
        }
    ),
)
COMPLETION: Final = Kind((OPENAI, "CreateCompletionResponse"), openai.types.Completion)
# Until its last piece a choice has no reason why it ended, and a stream no usage, as at OpenAI.
COMPLETION_CHUNK: Final = Kind(
    COMPLETION.described, COMPLETION.type_, frozenset({"choices.finish_reason", "usage"})
)
# OpenAI sends what its client does not know; Open Responses has null for every schema.
KNOWN_OF_RESPONSES: Final = frozenset(
    {"frequency_penalty", "presence_penalty", "store", "text.format"}
)
# The client's version 2 has the name of a call whose arguments are done; Open Responses has an
# error within an error event, OpenAI beside it.
KNOWN_OF_EVENTS: Final = frozenset({"name", "error"})
RESPONSE: Final = Kind(
    (OPEN_RESPONSES, "ResponseResource"), openai.types.responses.Response, KNOWN_OF_RESPONSES
)
ERROR: Final = Kind(
    (OPENAI, "ErrorResponse"), dict[Literal["error"], openai.types.shared.ErrorObject]
)
MESSAGE: Final = Kind((ANTHROPIC, "Message"), anthropic.types.Message)
MESSAGE_EVENT: Final = Kind(
    (ANTHROPIC, "MessageStreamEvent"), anthropic.types.RawMessageStreamEvent
)
# The client reads the details of an error, whose type has none.
ANTHROPIC_ERROR: Final = Kind(
    (ANTHROPIC, "ErrorResponse"), anthropic.types.ErrorResponse, frozenset({"error.details"})
)

WHOLE: Final[tuple[tuple[str, str, bool, Kind], ...]] = (
    ("POST", r"/chat/completions", False, CHAT),
    ("POST", r"/completions", False, COMPLETION),
    ("POST", r"/responses", False, RESPONSE),
    ("POST", r"/responses/compact", False, Kind((OPEN_RESPONSES, "CompactResource"), Compacted)),
    ("GET", r"/responses/[^/]+", False, RESPONSE),
    ("DELETE", r"/responses/[^/]+", False, Kind(None, Deleted)),
    (
        "GET",
        r"/responses/[^/]+/input_items",
        False,
        Kind((OPENAI, "ResponseItemList"), ResponseItemList),
    ),
    (
        "GET",
        r"/models",
        False,
        Kind((OPENAI, "ListModelsResponse"), SyncPage[openai.types.Model]),
    ),
    ("GET", r"/models/.+", False, Kind((OPENAI, "Model"), openai.types.Model)),
    ("POST", r"/messages", True, MESSAGE),
    (
        "GET",
        r"/models",
        True,
        Kind((ANTHROPIC, "ListResponse_ModelInfo_"), AnthropicPage[anthropic.types.ModelInfo]),
    ),
    ("GET", r"/models/.+", True, Kind((ANTHROPIC, "ModelInfo"), anthropic.types.ModelInfo)),
)
"""Method, path and whether it is asked in Anthropic's form."""

OURS: Final = ("/health", "/usage")
"""What no vendor has."""


def whole(method: str, path: str, status: int, *, anthropic_form: bool) -> Kind | None:
    """What an answer in one piece should be; None for what is ours alone.

    Raises:
        LookupError: nothing is known of it: it needs a row in WHOLE.
    """
    if status >= 400:
        return ANTHROPIC_ERROR if anthropic_form else ERROR
    served = _served(path)
    if served in OURS:
        return None
    for row_method, pattern, in_anthropic_form, kind in WHOLE:
        asked = (row_method, in_anthropic_form) == (method, anthropic_form)
        if asked and re.fullmatch(pattern, served):
            return kind
    raise LookupError(f"Nothing says what {method} {path} is answered with.")


def event(path: str, data: JsonObject) -> Kind:
    """What one event of a stream should be."""
    return EVENTS[_served(path)](data)


def _response_event(data: JsonObject) -> Kind:
    name = descriptions.names_of_events().get(data["type"])
    described = None if name is None else (OPEN_RESPONSES, name)
    known = frozenset(f"response.{path}" for path in KNOWN_OF_RESPONSES) | KNOWN_OF_EVENTS
    return Kind(described, openai.types.responses.ResponseStreamEvent, known)


def socket_event(data: JsonObject) -> Kind:
    """What one event of a WebSocket should be."""
    kind = replace(_response_event(data), type_=ResponsesServerEvent)
    if data["type"] == "error":
        # Its headers, which Codex reads, OpenAI's own client does not know.
        described = (OPEN_RESPONSES, "WebSocketErrorEvent")
        return replace(kind, described=described, ours=kind.ours | {"headers"})
    return kind


def _either(kind: Kind, error: Kind, data: JsonObject) -> Kind:
    return error if "error" in data else kind


EVENTS: Final[dict[str, Callable[[JsonObject], Kind]]] = {
    "/chat/completions": partial(_either, CHAT_CHUNK, ERROR),
    "/completions": partial(_either, COMPLETION_CHUNK, ERROR),
    "/responses": _response_event,
    "/messages": partial(_either, MESSAGE_EVENT, ANTHROPIC_ERROR),
}


def _served(path: str) -> str:
    """The path as the routes know it: without label, version and what Azure's have before it."""
    before = r"^(/label/[^/]+)?(/openai(/deployments/[^/]+)?)?(/v1)*(?=/)"
    return re.sub(before, "", path.partition("?")[0])


def faults(kind: Kind, value: object) -> Iterator[str]:
    told = json.dumps(value)[:2000]
    return (f"{fault}\n    in {told}" for fault in kind.faults(value))
