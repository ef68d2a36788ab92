"""Every field of a Responses request, and what becomes of it.

The members of `text` and `reasoning` have rows of their own, named by their path.
"""

from collections.abc import Mapping
from typing import Final

from claude_run.dialects.fields import Field, Treatment, table

HONOURED: Final = Treatment.HONOURED
IGNORED: Final = Treatment.IGNORED
REFUSED: Final = Treatment.REFUSED

RESPONSES_FIELDS: Final[Mapping[str, Field]] = table(
    Field("model", HONOURED, "An alias, a Claude id, or a name that is mapped to one."),
    Field(
        "input",
        HONOURED,
        "A text, or items as native turns. System and developer texts join the system prompt; "
        "reasoning that was encrypted here is sent back, other is left out; a live session keeps "
        "its own.",
    ),
    Field("instructions", HONOURED, "The system prompt, for this response alone."),
    Field("previous_response_id", HONOURED, "Goes on from a response of this run."),
    Field(
        "store",
        HONOURED,
        "Unless `false`, kept while the run lasts: the last 1,000 at most, in memory.",
    ),
    Field("stream", HONOURED, "Token by token."),
    Field(
        "stream_options", IGNORED, "Nothing is obfuscated.", ({}, {"include_obfuscation": False})
    ),
    Field(
        "tools",
        HONOURED,
        "Functions of any schema. Custom tools, namespaces and a search that the client makes are "
        "offered as functions, and called in their own form. Others are ignored with a notice.",
    ),
    Field(
        "tool_choice",
        HONOURED,
        "`auto`, `none`, `required`, one tool, or the tools that are allowed; a choice that needs "
        "a type that is ignored is refused.",
    ),
    Field("parallel_tool_calls", HONOURED, "`false` allows one call in an answer."),
    Field("max_output_tokens", HONOURED, "The most output tokens, reasoning included."),
    Field("temperature", HONOURED, "0 to 2; above 1, 1 is used, with a notice."),
    Field("top_p", HONOURED, "0 to 1."),
    Field("top_k", HONOURED, "Not OpenAI's: 1 or more; 0 and -1 mean no limit."),
    Field("text.format", HONOURED, "Text, a JSON object, or JSON that fits a schema."),
    Field("text.verbosity", IGNORED, "Ask for it in the prompt.", harmless=("medium",)),
    Field("reasoning.effort", HONOURED, "`none` thinks least; from `minimal` on Claude thinks."),
    Field("reasoning.summary", HONOURED, "Any of them shows the reasoning, as a summary."),
    Field("reasoning.generate_summary", HONOURED, "The old name of `reasoning.summary`."),
    Field("reasoning.context", IGNORED, "The session keeps what Claude thought.", ("auto",)),
    Field("reasoning.mode", IGNORED, "There is one mode.", harmless=("standard",)),
    Field("metadata", HONOURED, "Repeated in the response; values are strings."),
    Field(
        "include",
        HONOURED,
        "`reasoning.encrypted_content` adds what Claude thought, signed, to be sent back; there is "
        "nothing else to add.",
    ),
    Field("truncation", IGNORED, "Nothing is left out unasked.", harmless=("disabled",)),
    Field("max_tool_calls", IGNORED, "It limits built-in tools, and there are none."),
    Field("top_logprobs", IGNORED, "Claude tells no probabilities; none are made up.", (0,)),
    Field("service_tier", IGNORED, "There is one tier.", harmless=("auto", "default")),
    Field("prompt_cache_key", IGNORED, "Prompts are cached without a key."),
    Field("prompt_cache_options", IGNORED, "Prompts are cached without being asked."),
    Field("prompt_cache_retention", IGNORED, "How long a prompt is cached is not ours to say."),
    Field("safety_identifier", IGNORED, "The login says who asks."),
    Field("user", IGNORED, "The login says who asks."),
    Field("client_metadata", IGNORED, "It describes the client to OpenAI.", harmless=({},)),
    Field("context_management", IGNORED, "Nothing is left out unasked.", harmless=([],)),
    Field("access_programs", IGNORED, "They are OpenAI's.", harmless=({},)),
    Field("image", IGNORED, "Images are sent as they are.", harmless=({},)),
    Field("background_options", IGNORED, "There are no background responses.", harmless=({},)),
    Field("background", REFUSED, "A response is made while the client waits.", harmless=(False,)),
    Field("conversation", REFUSED, "No conversations are kept; use `previous_response_id`."),
    Field("moderation", REFUSED, "Nothing here moderates, so nothing would be held back."),
    Field("prompt", REFUSED, "No prompt templates are kept; send the text itself."),
)
