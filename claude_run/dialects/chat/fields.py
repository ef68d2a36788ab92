"""Every field of a chat completions request, and what becomes of it."""

from collections.abc import Mapping
from typing import Final

from claude_run.dialects.fields import Field, Treatment, table

HONOURED: Final = Treatment.HONOURED
IGNORED: Final = Treatment.IGNORED
REFUSED: Final = Treatment.REFUSED

CHAT_FIELDS: Final[Mapping[str, Field]] = table(
    Field("model", HONOURED, "An alias, a Claude id, or a name that is mapped to one."),
    Field(
        "messages",
        HONOURED,
        "Native turns. System and developer texts are joined into the system prompt; a user's "
        "`name` goes before the first text as `NAME: `, other names are not sent; after a last "
        "assistant message the model is asked with an empty user message.",
    ),
    Field("stream", HONOURED, "Token by token."),
    Field("stream_options", HONOURED, "`include_usage` adds the usage chunk."),
    Field("n", HONOURED, "1 to 128 conversations, each its own choice."),
    Field("max_completion_tokens", HONOURED, "The most output tokens, reasoning included."),
    Field("max_tokens", HONOURED, "As `max_completion_tokens`, which wins over it."),
    Field("temperature", HONOURED, "0 to 2; above 1, 1 is used, with a notice."),
    Field("top_p", HONOURED, "0 to 1."),
    Field("top_k", HONOURED, "Not OpenAI's: 1 or more; 0 and -1 mean no limit."),
    Field("stop", HONOURED, "Up to 4 strings; empty ones are dropped."),
    Field(
        "reasoning_effort",
        HONOURED,
        "From `minimal` on the reasoning is shown; `none` thinks least and shows nothing.",
    ),
    Field("response_format", HONOURED, "Text, a JSON object, or JSON that fits a schema."),
    Field(
        "tools",
        HONOURED,
        "Function tools of any schema, and custom tools, whose grammar Claude reads but is not "
        "held to; other types are refused.",
    ),
    Field(
        "tool_choice",
        HONOURED,
        "`auto`, `none`, `required`, one tool, or the tools that are allowed.",
    ),
    Field("parallel_tool_calls", HONOURED, "`false` allows one call in an answer."),
    Field("functions", HONOURED, "The old form of `tools`, answered with a `function_call`."),
    Field("function_call", HONOURED, "The old form of `tool_choice`."),
    Field("frequency_penalty", IGNORED, "Claude has no penalties.", harmless=(0,)),
    Field("presence_penalty", IGNORED, "Claude has no penalties.", harmless=(0,)),
    Field("logit_bias", IGNORED, "Claude's tokens cannot be weighted.", harmless=({},)),
    Field("logprobs", IGNORED, "Claude tells no probabilities; none are made up.", (False,)),
    Field("top_logprobs", IGNORED, "Claude tells no probabilities; none are made up.", (0,)),
    Field("seed", IGNORED, "Claude takes no seed: answers differ from run to run."),
    Field("prediction", IGNORED, "It only makes OpenAI's answers faster."),
    Field("verbosity", IGNORED, "Ask for it in the prompt.", harmless=("medium",)),
    Field("store", IGNORED, "Nothing is stored.", harmless=(False,)),
    Field("metadata", IGNORED, "It labels stored answers, and none are stored.", harmless=({},)),
    Field("service_tier", IGNORED, "There is one tier.", harmless=("auto", "default")),
    Field("prompt_cache_key", IGNORED, "Prompts are cached without a key."),
    Field("prompt_cache_options", IGNORED, "Prompts are cached without being asked."),
    Field("prompt_cache_retention", IGNORED, "How long a prompt is cached is not ours to say."),
    Field("safety_identifier", IGNORED, "The login says who asks."),
    Field("user", IGNORED, "The login says who asks."),
    Field("audio", REFUSED, "Claude answers in text."),
    Field("modalities", REFUSED, 'Only `["text"]` is accepted.', harmless=(["text"], [])),
    Field("moderation", REFUSED, "Nothing here moderates, so nothing would be held back."),
    Field("web_search_options", REFUSED, "Claude is given no search; offer one as a tool."),
)
