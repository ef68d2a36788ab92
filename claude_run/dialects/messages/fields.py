"""Every field of a Messages request, and what becomes of it.

The members of `output_config` have rows of their own, named by their path, and so have members of
blocks and tools where they change nothing.
"""

from collections.abc import Mapping
from typing import Final

from claude_run.dialects.fields import Field, Treatment, table
from claude_run.dialects.messages.errors import NO_THREADS
from claude_run.turn import JsonObject

HONOURED: Final = Treatment.HONOURED
IGNORED: Final = Treatment.IGNORED
REFUSED: Final = Treatment.REFUSED

NO_CITATIONS: Final[tuple[JsonObject, ...]] = ({}, {"enabled": False})

MESSAGES_FIELDS: Final[Mapping[str, Field]] = table(
    Field("model", HONOURED, "An alias, a Claude id, or a name that is mapped to one."),
    Field(
        "messages",
        HONOURED,
        "Native turns. Thinking is sent back with its signature, without one it is left out; a "
        "live session keeps its own. A last assistant message is refused, as current models "
        "refuse it.",
    ),
    Field(
        "system",
        HONOURED,
        "A text, or text blocks, which are joined, and messages of the system's after them.",
    ),
    Field("max_tokens", HONOURED, "The most output tokens, thinking included."),
    Field("stream", HONOURED, "Token by token."),
    Field("stop_sequences", HONOURED, "Empty ones are dropped; the one that was hit is told."),
    Field("temperature", HONOURED, "0 to 1."),
    Field("top_p", HONOURED, "0 to 1."),
    Field("top_k", HONOURED, "1 or more; 0 means no limit."),
    Field("tools", HONOURED, "Tools with an `input_schema`; Anthropic's own are refused."),
    Field("tool_choice", HONOURED, "`auto`, `any`, `tool` or `none`, and parallel use."),
    Field(
        "thinking",
        HONOURED,
        "`adaptive` and `enabled` show the thinking, with signatures, or only these where "
        "`display` is `omitted`; how much it thinks is the model's to decide, whatever the budget.",
    ),
    Field("output_config.effort", HONOURED, "How hard the model thinks."),
    Field("output_config.format", HONOURED, "JSON that fits a schema."),
    Field("output_format", HONOURED, "As `output_config.format`, which it was called before."),
    Field("metadata", IGNORED, "The login says who asks.", harmless=({},)),
    Field("cache_control", IGNORED, "Wherever it stands: prompts are cached without being asked."),
    Field("document.citations", IGNORED, "No answer cites.", harmless=NO_CITATIONS),
    Field("search_result.citations", IGNORED, "No answer cites.", harmless=NO_CITATIONS),
    Field("image.transformations", IGNORED, "An image is sent as it is.", harmless=({},)),
    Field("tools.input_examples", IGNORED, "Put them into the description.", harmless=([],)),
    Field(
        "tools.allowed_callers",
        IGNORED,
        "Tools are called by the model itself.",
        harmless=([], ["direct"]),
    ),
    Field("service_tier", IGNORED, "There is one tier.", harmless=("auto", "standard_only")),
    Field("inference_geo", IGNORED, "Where the model runs is the login's matter."),
    Field("speed", IGNORED, "There is one speed.", harmless=("standard",)),
    Field("diagnostics", IGNORED, "There are none to send.", harmless=({},)),
    Field("user_profile_id", IGNORED, "The login says who asks."),
    Field("workspace_id", IGNORED, "The login says who asks."),
    Field("context_management", IGNORED, "Nothing is left out unasked.", harmless=({},)),
    Field("betas", IGNORED, "What is here needs none.", harmless=([],)),
    Field("billing_policy", IGNORED, "The login says who pays."),
    Field("fallbacks", IGNORED, "Map names to models with `--model-map`.", harmless=([],)),
    Field("fallback_credit_token", IGNORED, "There are no fallbacks."),
    Field(
        "thread",
        REFUSED,
        "No conversation is held under an id; send all of it. A live session goes on with it.",
        code=NO_THREADS,
    ),
    Field("compaction", REFUSED, "Ask for a summary, or compact through `/v1/responses/compact`."),
    Field("container", REFUSED, "Nothing is executed here; offer a tool instead."),
    Field("mcp_servers", REFUSED, "No servers are connected; offer their tools instead.", ([],)),
)
