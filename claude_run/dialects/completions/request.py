"""A text completions body, understood or refused."""

from typing import Final

from claude_run.dialects.completions.call import CompletionCall
from claude_run.dialects.completions.fields import COMPLETION_FIELDS
from claude_run.dialects.fields import sift
from claude_run.dialects.reading import (
    boolean,
    elements,
    integer,
    model_name,
    object_,
    optional,
    required,
    text,
)
from claude_run.dialects.sampling import sampling
from claude_run.turn import JsonObject, Text, TurnRequest, UserTurn, bad_request

MOST_CHOICES: Final = 128


def parse_completion(body: object, *, strict: bool) -> CompletionCall:
    """What a request body asks. `strict` refuses what would be done otherwise than asked.

    Raises:
        TurnError: BAD_REQUEST, naming the field at fault in `param`.
    """
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.", None)
    asked, notices = sift(body, COMPLETION_FIELDS, strict=strict)
    model = model_name(asked)
    steered, clamped = sampling(asked, "max_tokens", strict=strict)
    n = optional(integer, asked, "n", low=1, high=MOST_CHOICES) or 1
    prompts = [prompt for prompt in _prompts(required(asked, "prompt")) for _ in range(n)]
    echo = optional(boolean, asked, "echo") or False
    stream = optional(boolean, asked, "stream") or False
    return CompletionCall(
        requests=tuple(
            TurnRequest(model, (UserTurn(_said(prompt)),), sampling=steered) for prompt in prompts
        ),
        echoes=tuple(prompt if echo else "" for prompt in prompts),
        stream=stream,
        include_usage=stream and _include_usage(asked),
        notices=notices + clamped,
    )


def _prompts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    prompts = list(elements(value, "prompt"))
    if not prompts:
        raise bad_request("prompt must hold at least one text.", "prompt")
    for path, prompt in prompts:
        if isinstance(prompt, int | list):
            raise bad_request(
                "prompt holds tokens, and Claude's are others than OpenAI's: send text.", path
            )
    return [text(prompt, path) for path, prompt in prompts]


def _said(prompt: str) -> tuple[Text, ...]:
    return (Text(prompt),) if prompt else ()


def _include_usage(asked: JsonObject) -> bool:
    options = optional(object_, asked, "stream_options") or {}
    return optional(boolean, options, "include_usage", "stream_options") or False
