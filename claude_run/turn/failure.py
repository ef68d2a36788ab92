"""How a turn can fail."""

from enum import Enum


class Failure(Enum):
    """Why there is no answer. `dialects/errors.py` has a row for each."""

    BAD_REQUEST = "bad_request"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    BILLING = "billing"
    MODEL_NOT_FOUND = "model_not_found"
    NOT_FOUND = "not_found"
    CONTEXT_LENGTH = "context_length"
    TOO_LARGE = "too_large"
    CONNECTION_FULL = "connection_full"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    BUDGET = "budget"
    OVERLOADED = "overloaded"
    UPSTREAM = "upstream"
    CRASH = "crash"
    EXHAUSTED = "exhausted"
    TIMEOUT = "timeout"
    STOPPING = "stopping"
    CASSETTE_MISS = "cassette_miss"


class TurnError(Exception):
    """No answer, and why, in words for the person who asked.

    `param` names the field at fault as the client knows it ("messages[2].tool_call_id"), or, where
    the client's name is not known, the field of TurnRequest. `code` replaces the failure's own
    code, `retry_after` is in seconds.
    """

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after


def bad_request(message: str, param: str | None, code: str | None = None) -> TurnError:
    return TurnError(Failure.BAD_REQUEST, message, param=param, code=code)
