"""Anthropic's error envelope."""

from collections.abc import Mapping
from typing import Final

from claude_run.dialects.errors import BEGINNINGS, LONGEST_MESSAGE, shortened
from claude_run.turn import Failure, JsonObject

STATUSES: Final[Mapping[str | None, int]] = {
    "billing_not_active": 402,
    "overloaded": 529,
    "machine_exhausted": 529,
    "stopping": 529,
}
"""Anthropic's status for what has another one at OpenAI, by OpenAI's code for it."""

TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Anthropic's name for an error of each of its statuses; what has none is an `api_error`."""

PROMPT_TOO_LONG: Final = "prompt is too long"
"""Anthropic's own words, by which LangChain knows that a conversation is too long."""

NO_THREADS: Final = "thread_unsupported_request"
"""Anthropic's code by which its client knows to send the whole conversation itself."""

_CLIENT: Final = 500


def anthropic_error(
    status: int,
    message: str,
    param: str | None = None,
    code: object = None,
    *,
    request_id: str | None,
) -> JsonObject:
    """The envelope of an error with Anthropic's `status`. It has no room for the field at fault,
    which is therefore named first."""
    other = "invalid_request_error" if status < _CLIENT else "api_error"
    message = _in_anthropics_words(message)
    told = message if param is None or param in message else f"{param}: {message}"
    return {
        "type": "error",
        "error": {
            "type": TYPES.get(status, other),
            "message": shortened(told, LONGEST_MESSAGE),
            **({"details": {"error_code": code}} if code == NO_THREADS else {}),
        },
        "request_id": request_id,
    }


def _in_anthropics_words(message: str) -> str:
    """`message` without the words that only clients of OpenAI's look for."""
    for failure, beginning in BEGINNINGS.items():
        if message.startswith(beginning):
            said = message.removeprefix(beginning).removeprefix(": ")
            return _beginning(PROMPT_TOO_LONG, said) if failure is Failure.CONTEXT_LENGTH else said
    return message


def _beginning(words: str, said: str) -> str:
    """`said`, beginning with `words`, which are not said twice."""
    if said.lower().startswith(words):
        return words + said[len(words) :]
    return f"{words}: {said}" if said else words
