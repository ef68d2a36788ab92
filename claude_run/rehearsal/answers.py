"""Answers of the Messages API as values, and the events and bodies they are sent as."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from claude_run.turn import JsonObject, Usage

# --- what may happen in the middle of an answer ---------------------------------------


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is sent until `released()` is true. It is asked again and again, in the thread
    that serves, so it must return at once; `threading.Event().is_set` will do."""

    released: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is dropped."""


@dataclass(frozen=True, slots=True)
class Fail:
    """An error event, after which the stream ends."""

    error_type: str
    message: str


Interruption: TypeAlias = Pause | Hold | Cut | Fail


# --- what an answer is made of --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A text, streamed in exactly these pieces."""

    deltas: tuple[str | Interruption, ...]


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str
    signature: str = "cmVoZWFyc2Fs"


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    data: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call. With `id` "" it gets one of its own, different in every message."""

    id: str
    name: str
    input: JsonObject


Block: TypeAlias = TextBlock | Thinking | RedactedThinking | ToolUse


SOME_USAGE: Final = Usage(input_tokens=10, output_tokens=5)


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of the model's.

    `stop_reason` None is "tool_use" where a tool is called and "end_turn" elsewhere, `model`
    None is the model that was asked for, and `headers` go with the status 200.
    """

    blocks: tuple[Block | Interruption, ...]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Usage = SOME_USAGE
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refuse:
    """An HTTP error in place of a message."""

    status: int
    error_type: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


Answer: TypeAlias = Reply | Refuse


def say(*deltas: str | Interruption) -> Reply:
    """A reply of one text."""
    return Reply((TextBlock(deltas),))


# --- how it is sent -------------------------------------------------------------------

STATUS_OF: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

# Short enough to split words and escapes, as the API does.
_FRAGMENT: Final = 7


def events(reply: Reply, message_id: str, model: str) -> Iterator[JsonObject | Pause | Hold | Cut]:
    """The stream of `reply`: each object is the data of one server-sent event of its `type`.

    `model` is the one that was asked for. Nothing follows a Cut or an error event.
    """
    for step in _steps(reply, message_id, model):
        match step:
            case Fail(error_type, message):
                yield error_body(error_type, message)
                return
            case Cut():
                yield step
                return
            case _:
                yield step


def message(reply: Reply, message_id: str, model: str) -> JsonObject:
    """The whole message `reply` amounts to, as a request without `stream` gets it."""
    blocks = [part for part in reply.blocks if isinstance(part, Block)]
    return {
        **_head(reply, message_id, model),
        "content": [_content(_named(b, message_id, i)) for i, b in enumerate(blocks)],
        **_ending(reply),
        "usage": _usage(reply.usage),
    }


def error_body(error_type: str, message: str, request_id: str | None = None) -> JsonObject:
    """Anthropic's error envelope."""
    body: JsonObject = {"type": "error", "error": {"type": error_type, "message": message}}
    return body if request_id is None else {**body, "request_id": request_id}


def _steps(reply: Reply, message_id: str, model: str) -> Iterator[JsonObject | Interruption]:
    at_first = {**_usage(replace(reply.usage, reasoning_tokens=0)), "output_tokens": 1}
    opening = {**_head(reply, message_id, model), "usage": at_first}
    yield {"type": "message_start", "message": opening}
    index = 0
    for part in reply.blocks:
        if isinstance(part, Interruption):
            yield part
        else:
            yield from _block(_named(part, message_id, index), index)
            index += 1
    yield {"type": "message_delta", "delta": _ending(reply), "usage": _usage(reply.usage)}
    yield {"type": "message_stop"}


def _block(block: Block, index: int) -> Iterator[JsonObject | Interruption]:
    yield {"type": "content_block_start", "index": index, "content_block": _opening(block)}
    for delta in _deltas(block):
        if isinstance(delta, Interruption):
            yield delta
        else:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _opening(block: Block) -> JsonObject:
    match block:
        case TextBlock():
            return {"type": "text", "text": ""}
        case Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case RedactedThinking():
            return _content(block)
        case ToolUse():
            return {**_content(block), "input": {}}


def _deltas(block: Block) -> Iterator[JsonObject | Interruption]:
    match block:
        case TextBlock(deltas):
            for delta in deltas:
                yield {"type": "text_delta", "text": delta} if isinstance(delta, str) else delta
        case Thinking(text, signature):
            for piece in _fragments(text):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": signature}
        case RedactedThinking():
            pass
        case ToolUse(input=arguments):
            for piece in ("", *_fragments(json.dumps(arguments))):
                yield {"type": "input_json_delta", "partial_json": piece}


def _content(block: Block) -> JsonObject:
    match block:
        case TextBlock(deltas):
            return {"type": "text", "text": "".join(d for d in deltas if isinstance(d, str))}
        case Thinking(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case RedactedThinking(data):
            return {"type": "redacted_thinking", "data": data}
        case ToolUse(id_, name, arguments):
            return {"type": "tool_use", "id": id_, "name": name, "input": arguments}


def _named(block: Block, message_id: str, index: int) -> Block:
    if isinstance(block, ToolUse) and not block.id:
        return replace(block, id=f"toolu_{message_id.removeprefix('msg_')}_{index}")
    return block


def _fragments(text: str) -> Iterator[str]:
    return (text[start : start + _FRAGMENT] for start in range(0, len(text), _FRAGMENT))


def _head(reply: Reply, message_id: str, model: str) -> JsonObject:
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": reply.model or model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _ending(reply: Reply) -> JsonObject:
    calls = any(isinstance(block, ToolUse) for block in reply.blocks)
    reason = reply.stop_reason or ("tool_use" if calls else "end_turn")
    return {"stop_reason": reason, "stop_sequence": reply.stop_sequence}


def _usage(usage: Usage) -> JsonObject:
    counts: JsonObject = {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return counts
