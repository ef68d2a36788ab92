"""Every field of a text completions request, and what becomes of it."""

from collections.abc import Mapping
from typing import Final

from claude_run.dialects.fields import Field, Treatment, table

HONOURED: Final = Treatment.HONOURED
IGNORED: Final = Treatment.IGNORED
REFUSED: Final = Treatment.REFUSED

COMPLETION_FIELDS: Final[Mapping[str, Field]] = table(
    Field("model", HONOURED, "An alias, a Claude id, or a name that is mapped to one."),
    Field("prompt", HONOURED, "A user message; each of several texts is a request of its own."),
    Field("stream", HONOURED, "Token by token."),
    Field("stream_options", HONOURED, "`include_usage` adds the usage chunk."),
    Field("n", HONOURED, "1 to 128 answers to each prompt."),
    Field("echo", HONOURED, "Each text begins with its prompt."),
    Field("max_tokens", HONOURED, "The most output tokens; without it Claude's own limit."),
    Field("temperature", HONOURED, "0 to 2; above 1, 1 is used, with a notice."),
    Field("top_p", HONOURED, "0 to 1."),
    Field("top_k", HONOURED, "Not OpenAI's: 1 or more; 0 and -1 mean no limit."),
    Field("stop", HONOURED, "Up to 4 strings; empty ones are dropped."),
    Field("best_of", IGNORED, "Without probabilities there is no best.", harmless=(1,)),
    Field("logprobs", IGNORED, "Claude tells no probabilities; none are made up.", (0, False)),
    Field("frequency_penalty", IGNORED, "Claude has no penalties.", harmless=(0,)),
    Field("presence_penalty", IGNORED, "Claude has no penalties.", harmless=(0,)),
    Field("logit_bias", IGNORED, "Claude's tokens cannot be weighted.", harmless=({},)),
    Field("seed", IGNORED, "Claude takes no seed: answers differ from run to run."),
    Field("user", IGNORED, "The login says who asks."),
    Field("suffix", REFUSED, "Claude does not write towards a given end.", harmless=("",)),
)
