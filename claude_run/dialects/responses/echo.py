"""What a response repeats of its request, and what holds where the request was silent."""

from collections.abc import Iterable, Mapping
from typing import Final

from claude_run.dialects.reading import optional, text
from claude_run.turn import JsonObject, Sampling

LABELS: Final = ("user", "safety_identifier", "prompt_cache_key")
"""Nothing is done with these, but clients know their responses by them."""

UNTOLD_OF: Final[Mapping[str, JsonObject]] = {
    "function": {"description": None, "parameters": None, "strict": None}
}
"""What a tool of each type says where it says nothing else."""


def echo(
    body: JsonObject,
    asked: JsonObject,
    tools: Iterable[JsonObject],
    summary: str | None,
    sampling: Sampling,
) -> JsonObject:
    """The fields of a response that come from its request. `asked` holds the honoured fields,
    and every one of them has been read before; `sampling` is what is in effect."""
    return {
        "frequency_penalty": 0,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "max_tool_calls": None,
        "metadata": asked.get("metadata", {}),
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "presence_penalty": 0,
        "previous_response_id": asked.get("previous_response_id"),
        "reasoning": {"effort": asked.get("reasoning.effort"), "summary": summary},
        "service_tier": "default",
        "temperature": _in_effect(sampling.temperature),
        "text": {"format": _format(asked.get("text.format"))},
        "tool_choice": asked.get("tool_choice", "auto"),
        "tools": [{**UNTOLD_OF.get(tool["type"], {}), **tool} for tool in tools],
        "top_logprobs": 0,
        "top_p": _in_effect(sampling.top_p),
        "truncation": "disabled",
        **{label: optional(text, body, label) for label in LABELS},
    }


def _in_effect(value: float | None) -> float:
    """1 is the default of the model, and leaves its probabilities as they are."""
    return 1 if value is None else value


def _format(asked: JsonObject | None) -> JsonObject:
    if asked is None:
        return {"type": "text"}
    if asked["type"] != "json_schema":
        return {"type": asked["type"]}
    return {"name": "response", "description": None, "schema": {}, "strict": False, **asked}
