"""OpenAI's error envelope: what status, type and code each failure has on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from claude_run.turn import Failure, JsonObject, TurnError

LONGEST_NAME: Final = 256
LONGEST_MESSAGE: Final = 4_000


@dataclass(frozen=True, slots=True)
class WireError:
    """`retry` False tells clients not to try again, whatever the status."""

    status: int
    type: str
    code: str | None
    retry: bool = True


WIRE: Final[Mapping[Failure, WireError]] = {
    Failure.BAD_REQUEST: WireError(400, "invalid_request_error", None),
    Failure.AUTHENTICATION: WireError(401, "authentication_error", "claude_login_required"),
    Failure.PERMISSION: WireError(403, "permission_error", "permission_denied"),
    Failure.BILLING: WireError(403, "billing_error", "billing_not_active"),
    Failure.MODEL_NOT_FOUND: WireError(404, "invalid_request_error", "model_not_found"),
    Failure.NOT_FOUND: WireError(404, "invalid_request_error", "not_found"),
    Failure.CONTEXT_LENGTH: WireError(400, "invalid_request_error", "context_length_exceeded"),
    Failure.TOO_LARGE: WireError(413, "invalid_request_error", "request_too_large"),
    Failure.CONNECTION_FULL: WireError(429, "rate_limit_error", "rate_limit_exceeded"),
    Failure.RATE_LIMIT: WireError(429, "rate_limit_error", "rate_limit_exceeded"),
    Failure.QUOTA: WireError(429, "insufficient_quota", "insufficient_quota", retry=False),
    Failure.BUDGET: WireError(429, "insufficient_quota", "insufficient_quota", retry=False),
    Failure.OVERLOADED: WireError(503, "server_error", "overloaded"),
    Failure.UPSTREAM: WireError(502, "server_error", "upstream_error"),
    Failure.CRASH: WireError(502, "server_error", "claude_crashed"),
    Failure.EXHAUSTED: WireError(503, "server_error", "machine_exhausted"),
    Failure.TIMEOUT: WireError(504, "server_error", "timeout"),
    Failure.STOPPING: WireError(503, "server_error", "stopping", retry=False),
    Failure.CASSETTE_MISS: WireError(409, "invalid_request_error", "cassette_miss", retry=False),
}


BEGINNINGS: Final[Mapping[Failure, str]] = {
    Failure.CONTEXT_LENGTH: "This model's maximum context length is exceeded",
    Failure.RATE_LIMIT: "Rate limit reached",
    Failure.QUOTA: "You exceeded your current quota",
}
"""OpenAI's own words, where clients tell errors apart by them: litellm and LangChain look for
"this model's maximum context length is" and "rate limit"."""


def error_body(
    message: str, type_: str, *, param: str | None = None, code: str | None = None
) -> JsonObject:
    named = None if param is None else shortened(param)
    return {
        "error": {
            "message": shortened(message, LONGEST_MESSAGE),
            "type": type_,
            "param": named,
            "code": code,
        }
    }


def shortened(text: str, longest: int = LONGEST_NAME) -> str:
    """`text`, cut where it is longer: what a client sent stands in messages and notices, and
    may be megabytes long. It can be shown and encoded whatever it holds."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return cut.encode("utf-8", "replace").decode()


def said(error: TurnError) -> str:
    """The message of `error` as a client is told it: OpenAI's words first, where it has some."""
    beginning = BEGINNINGS.get(error.failure)
    if beginning is None or beginning in error.message:
        return error.message
    if error.message.startswith("Prompt"):  # LangChain looks for "prompt is too long"
        return f"{beginning}: p{error.message[1:]}"
    return f"{beginning}: {error.message}"


def body_of(error: TurnError, *, output_schema: str = "response_format") -> JsonObject:
    """`output_schema` is what the client calls that field of a TurnRequest."""
    type_ = WIRE[error.failure].type
    param = output_schema if error.param == "output_schema" else error.param
    return error_body(said(error), type_, param=param, code=code_of(error))


def code_of(error: TurnError) -> str | None:
    return error.code or WIRE[error.failure].code


def status_of(error: TurnError) -> int:
    return WIRE[error.failure].status


def headers_of(error: TurnError) -> dict[str, str]:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if not WIRE[error.failure].retry:
        headers["x-should-retry"] = "false"
    return headers
