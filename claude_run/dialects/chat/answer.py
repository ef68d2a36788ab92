"""Answers as a chat completion: one object with a choice for each."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Final

from claude_run.dialects.chat.call import ChatCall
from claude_run.dialects.custom import InputReader
from claude_run.turn import Answer, CallText, JsonObject, StopReason, Usage

FINISH_REASON: Final[Mapping[StopReason, str]] = {
    StopReason.END: "stop",
    StopReason.LENGTH: "length",
    StopReason.TOOL_CALLS: "tool_calls",
    StopReason.REFUSAL: "content_filter",
}


SERVICE_TIER: Final = "default"
"""There is one tier, and this is OpenAI's name for it."""


def completion(
    call: ChatCall,
    answers: Sequence[Answer],
    *,
    id: str,  # noqa: A002 - OpenAI's word
    created: int,
) -> JsonObject:
    """The whole response; `answers` holds at least one, `created` is in Unix seconds."""
    return {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": answers[0].finished.model,
        "service_tier": SERVICE_TIER,
        "choices": [_choice(call, index, answer) for index, answer in enumerate(answers)],
        "usage": usage([answer.finished.usage for answer in answers]),
    }


def _choice(call: ChatCall, index: int, answer: Answer) -> JsonObject:
    return {
        "index": index,
        "message": _message(call, answer),
        "logprobs": None,
        "finish_reason": finish_reason(call, answer.finished.stop),
    }


def _message(call: ChatCall, answer: Answer) -> JsonObject:
    """Without text there is no content beside calls or a refusal, and else an empty one."""
    instead = answer.tool_calls or answer.refusal
    return {
        "role": "assistant",
        "content": answer.text or (None if instead else ""),
        "refusal": answer.refusal or None,
        "annotations": [],
        **_calls(call, answer),
        **(reasoning(answer.thinking) if answer.thinking else {}),
    }


def _calls(call: ChatCall, answer: Answer) -> JsonObject:
    made = answer.tool_calls
    if not made:
        return {}
    if call.legacy_functions:
        return {"function_call": {"name": made[0].name, "arguments": made[0].arguments}}
    cut = made[-1] if answer.finished.stop is StopReason.LENGTH else None
    return {"tool_calls": [_tool_call(one, call, whole=one is not cut) for one in made]}


def _tool_call(made: CallText, call: ChatCall, *, whole: bool) -> JsonObject:
    if made.name not in call.custom:
        called = {"name": made.name, "arguments": made.arguments}
        return {"id": made.id, "type": "function", "function": called}
    written = InputReader()
    written.read(made.arguments)
    if whole:
        written.finish()
    return {"id": made.id, "type": "custom", "custom": {"name": made.name, "input": written.text}}


def reasoning(text: str) -> JsonObject:
    """Reasoning under both of the names that clients read it by; OpenAI has none for it."""
    return {"reasoning_content": text, "reasoning": text}


def finish_reason(call: ChatCall, stop: StopReason) -> str:
    if call.legacy_functions and stop is StopReason.TOOL_CALLS:
        return "function_call"
    return FINISH_REASON[stop]


def usage(usages: Sequence[Usage]) -> JsonObject:
    """The token counts of all choices together."""
    total = Usage(*map(sum, zip(*map(astuple, usages), strict=True)))
    return {
        "prompt_tokens": total.prompt_tokens,
        "completion_tokens": total.output_tokens,
        "total_tokens": total.prompt_tokens + total.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": total.cache_read_tokens,
            "audio_tokens": 0,
            "cache_write_tokens": total.cache_write_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": total.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
