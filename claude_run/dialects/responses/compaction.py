"""Compaction: a conversation as its user's messages and a summary that Claude wrote of the rest.

The summary travels in the item's `encrypted_content`: packed and signed, not encrypted, since
whoever holds the item held the conversation. What is not signed by this user's key was made
elsewhere, and nobody here can read it.
"""

import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from claude_run.dialects.dialect import Stamp
from claude_run.dialects.fields import Field, Treatment, sift, table
from claude_run.dialects.reading import at, required, text
from claude_run.dialects.responses.answer import usage_object
from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.items import kind_of
from claude_run.dialects.responses.listing import listed
from claude_run.dialects.responses.spelling import read, spelt
from claude_run.turn import (
    Answer,
    Failure,
    JsonObject,
    Notice,
    StopReason,
    Text,
    TurnError,
    TurnRequest,
    UserTurn,
    bad_request,
)

Key = Callable[[], bytes]
"""The secret that summaries are signed with; asked for when it is needed."""

_HONOURED: Final = Treatment.HONOURED
_IGNORED: Final = Treatment.IGNORED

COMPACT_FIELDS: Final[Mapping[str, Field]] = table(
    Field("model", _HONOURED, "Who writes the summary."),
    Field("input", _HONOURED, "The conversation, as for a response."),
    Field("instructions", _HONOURED, "The system prompt that the conversation had."),
    Field("previous_response_id", _HONOURED, "The conversation up to a response of this run."),
    Field("prompt_cache_key", _IGNORED, "Prompts are cached without a key."),
    Field("prompt_cache_options", _IGNORED, "Prompts are cached without being asked."),
    Field("prompt_cache_retention", _IGNORED, "How long a prompt is cached is not ours to say."),
    Field("service_tier", _IGNORED, "There is one tier.", harmless=("auto", "default")),
    Field("image", _IGNORED, "Images are sent as they are.", harmless=({},)),
)

ASKED: Final = (
    "Summarise this conversation for yourself: you will go on from your summary and from the "
    "user's own messages, which are kept, and will know nothing else of it. Tell what the user "
    "wants and what is still to be done; what was decided, and why; facts, names, paths, numbers "
    "and code that will be needed, exactly; what tools said, where it still matters; what was "
    "tried and failed. Write the summary alone, without a word before or after it."
)
TOLD: Final = "[A summary of the conversation before this, which you wrote:]\n"

_PREFIX: Final = "claude-run.1."
_LONGEST_SUMMARY: Final = 4 * 1024 * 1024


def checked(body: object, *, strict: bool) -> tuple[JsonObject, tuple[Notice, ...]]:
    """A request for a compaction as one for a response, and what there is to say of the rest.

    Raises:
        TurnError: BAD_REQUEST, naming the field at fault in `param`.
    """
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.", None)
    return sift(body, COMPACT_FIELDS, strict=strict)


def summarised(call: ResponseCall) -> TurnRequest:
    """The request for the summary: the conversation as it is, so that its session and its cache
    serve, and the question after it."""
    *before, last = call.request.turns
    parts = last.parts if isinstance(last, UserTurn) else ()
    return replace(call.request, turns=(*before, UserTurn((*parts, Text(ASKED)))))


def compaction(call: ResponseCall, answer: Answer, stamp: Stamp, key: Key) -> JsonObject:
    """
    Raises:
        TurnError: UPSTREAM: Claude wrote no whole summary.
    """
    if answer.finished.stop is not StopReason.END or not answer.text.strip():
        why = answer.finished.stop.value
        raise TurnError(Failure.UPSTREAM, f"Claude did not write a whole summary ({why}).")
    seed = stamp.id.removeprefix("resp_")
    said = (item for item in (*call.earlier_items, *call.input_items) if _is_users(item))
    kept = [listed(item, f"{seed}_{number}") for number, item in enumerate(said)]
    summary = {
        "id": f"cmp_{seed}",
        "type": "compaction",
        "encrypted_content": seal(answer.text, key()),
    }
    return {
        "id": stamp.id,
        "object": "response.compaction",
        "created_at": stamp.created,
        "output": [*kept, summary],
        "usage": usage_object(answer.finished.usage),
    }


def _is_users(item: JsonObject) -> bool:
    return kind_of(item) == "message" and item.get("role") == "user"


def opened(items: Iterable[tuple[str, JsonObject]], key: Key) -> Iterator[tuple[str, JsonObject]]:
    """`items` with every compaction as the message that Claude is told.

    Raises:
        TurnError: BAD_REQUEST: an item was made elsewhere, or changed.
    """
    for path, item in items:
        if kind_of(item) != "compaction":
            yield path, item
            continue
        where = at(path, "encrypted_content")
        summary = unseal(text(required(item, "encrypted_content", path), where), key)
        if summary is None:
            message = (
                f"{where} was not written by claude-run for this user, or was changed: nobody "
                "here can read it. Send the conversation itself."
            )
            raise bad_request(message, where, "invalid_encrypted_content")
        yield path, {"type": "message", "role": "user", "content": TOLD + summary}


def seal(summary: str, key: bytes) -> str:
    packed = spelt(zlib.compress(summary.encode()))
    return f"{_PREFIX}{packed}.{spelt(_signature(packed, key))}"


def unseal(sealed: str, key: Key) -> str | None:
    """The summary in `sealed`, unless it was made by somebody else."""
    if not sealed.startswith(_PREFIX) or not sealed.isascii():
        return None
    packed, _, signature = sealed.removeprefix(_PREFIX).partition(".")
    if not hmac.compare_digest(signature, spelt(_signature(packed, key()))):
        return None
    try:
        whole = zlib.decompressobj().decompress(read(packed), _LONGEST_SUMMARY)
        return whole.decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return None


def _signature(packed: str, key: bytes) -> bytes:
    return hmac.digest(key, packed.encode(), hashlib.sha256)
