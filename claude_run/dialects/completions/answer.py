"""Answers as a text completion: one object with a choice for each."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from claude_run.dialects.chat.answer import usage
from claude_run.dialects.completions.call import CompletionCall
from claude_run.turn import Answer, JsonObject, StopReason

FINISH_REASON: Final[Mapping[StopReason, str]] = {
    StopReason.END: "stop",
    StopReason.LENGTH: "length",
    StopReason.TOOL_CALLS: "stop",
    StopReason.REFUSAL: "content_filter",
}


def text_completion(
    call: CompletionCall,
    answers: Sequence[Answer],
    *,
    id: str,  # noqa: A002 - OpenAI's word
    created: int,
) -> JsonObject:
    """The whole response; `answers` holds one for each request, `created` is in Unix seconds."""
    texts = [answer.text or answer.refusal for answer in answers]
    return {
        **frame(id, created, answers[0].finished.model),
        "choices": [
            choice(index, echo + text, FINISH_REASON[answer.finished.stop])
            for index, (echo, text, answer) in enumerate(
                zip(call.echoes, texts, answers, strict=True)
            )
        ],
        "usage": usage([answer.finished.usage for answer in answers]),
    }


def frame(completion_id: str, created: int, model: str) -> dict[str, Any]:
    return {"id": completion_id, "object": "text_completion", "created": created, "model": model}


def choice(index: int, text: str, reason: str | None) -> JsonObject:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
