"""The response object: its frame, how it ends, and what it counts."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from claude_run.dialects.errors import WIRE, said
from claude_run.dialects.responses.call import ResponseCall
from claude_run.turn import Failure, JsonObject, StopReason, TurnError, Usage

ResponseStatus: TypeAlias = Literal["completed", "incomplete", "failed", "in_progress"]


class Ending(NamedTuple):
    """`reason` is set exactly when the status is incomplete."""

    status: Literal["completed", "incomplete"]
    reason: str | None = None


ENDINGS: Final[Mapping[StopReason, Ending]] = {
    StopReason.END: Ending("completed"),
    StopReason.TOOL_CALLS: Ending("completed"),
    StopReason.LENGTH: Ending("incomplete", "max_output_tokens"),
    StopReason.REFUSAL: Ending("incomplete", "content_filter"),
}

FAILED_CODES: Final[Mapping[Failure, str]] = {
    Failure.BAD_REQUEST: "invalid_prompt",
    Failure.CONTEXT_LENGTH: "invalid_prompt",
    Failure.TOO_LARGE: "invalid_prompt",
    Failure.CONNECTION_FULL: "rate_limit_exceeded",
    Failure.RATE_LIMIT: "rate_limit_exceeded",
    Failure.QUOTA: "rate_limit_exceeded",
    Failure.BUDGET: "rate_limit_exceeded",
}
"""The few codes a failed response may have; every other failure is a server_error."""


def frame(call: ResponseCall, response_id: str, created_at: int) -> JsonObject:
    """A response in which nothing has happened yet. `created_at` is in seconds since 1970."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": call.request.model,
        "output": [],
        "usage": None,
        "store": call.store,
        **call.echo,
    }


def ended(ending: Ending, usage: Usage, completed_at: int | None) -> JsonObject:
    """The fields of a frame that an ending changes."""
    return {
        "status": ending.status,
        "completed_at": completed_at if ending.status == "completed" else None,
        "incomplete_details": {"reason": ending.reason} if ending.reason else None,
        "usage": usage_object(usage),
    }


def failed(error: TurnError) -> JsonObject:
    """The fields of a frame that a failure changes."""
    code = FAILED_CODES.get(error.failure, "server_error")
    return {"status": "failed", "error": {"code": code, "message": said(error)}}


def error_event(error: TurnError) -> JsonObject:
    """The fields of an `error` event, flat as OpenAI's reference has them and once more under
    `error`, which is where its servers put them: clients look in one place or the other."""
    wire = WIRE[error.failure]
    told = {
        "code": error.code or wire.code or wire.type,
        "message": said(error),
        "param": error.param,
    }
    return {**told, "error": {"type": wire.type, **told}}


def usage_object(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
    }
