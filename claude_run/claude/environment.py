"""The environment variables that Claude Code obeys: which are passed on, withheld and set.

The CLI reads well over a thousand of them, and every version some more. Many change what a request
says: its effort, its tools, its system prompt, the model. A request must say what the client asked
for, so of the families below only what stands in PASSED reaches the CLI; what no family holds
(PATH, HOME, TZ, AWS_REGION, HTTPS_PROXY, …) is the machine's, and stays.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

FAMILIES: Final = (
    "ANTHROPIC_*", "API_*", "BUN_*", "CCR_*", "CLAUDE*", "DISABLE_*", "ENABLE_*",
    "FORCE_PROMPT_*", "MAX_*", "MCP_*", "NODE_*", "USE_API_*", "USE_LOCAL_*", "USE_STAGING_*",
)  # fmt: skip
"""What the CLI's own variables are called, and those of the runtime inside it. A NODE_OPTIONS that
is meant for other programs can keep the CLI from starting."""

PASSED: Final[Mapping[str, str]] = {
    # --- whose login, and where it is shown: `login` has decided about these
    "ANTHROPIC_API_KEY": "the metered API's key",
    "ANTHROPIC_AUTH_TOKEN": "a gateway's token",
    "ANTHROPIC_BASE_URL": "another upstream",
    "ANTHROPIC_CUSTOM_HEADERS": "what another upstream wants to be told",
    "CLAUDE_CODE_OAUTH_TOKEN": "a subscription's login",
    "CLAUDE_CONFIG_DIR": "where a login is stored",
    "CLAUDE_CODE_CLIENT_CERT": "mutual TLS",
    "CLAUDE_CODE_CLIENT_KEY": "mutual TLS",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE": "mutual TLS",
    "CLAUDE_CODE_CERT_STORE": "whom the CLI trusts",
    "NODE_EXTRA_CA_CERTS": "whom the CLI trusts",
    "NODE_TLS_REJECT_UNAUTHORIZED": "whom the CLI trusts",
    "NODE_USE_SYSTEM_CA": "whom the CLI trusts",
    # --- clouds: who is billed, where, as whom
    "CLAUDE_CODE_USE_BEDROCK": "Amazon Bedrock",
    "CLAUDE_CODE_USE_MANTLE": "Amazon Bedrock",
    "CLAUDE_CODE_USE_VERTEX": "Google Vertex AI",
    "CLAUDE_CODE_USE_FOUNDRY": "Microsoft Foundry",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": "an AWS account",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": "a Google Cloud account",
    "CLAUDE_CODE_SKIP_*_AUTH": "a gateway before a cloud logs in by itself",
    "ANTHROPIC_AWS_*": "an AWS account",
    "ANTHROPIC_BEDROCK_*": "Amazon Bedrock",
    "ANTHROPIC_FOUNDRY_*": "Microsoft Foundry",
    "ANTHROPIC_GOOGLE_CLOUD_*": "a Google Cloud account",
    "ANTHROPIC_VERTEX_*": "Google Vertex AI",
    # --- what an upstream is called there, and what it takes
    "ANTHROPIC_DEFAULT_*_MODEL": "what an alias means: clouds and gateways have names of their own",
    "ANTHROPIC_DEFAULT_*_MODEL_SUPPORTED_CAPABILITIES": "what such a model takes",
    "ANTHROPIC_SMALL_FAST_MODEL*": "as above, under its old name",
    "ANTHROPIC_BETAS": "further betas, in a header",
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "for gateways that refuse them",
    "DISABLE_INTERLEAVED_THINKING": "for gateways that refuse that beta",
    "CLAUDE_CODE_EXTRA_BODY": "fields for every request; a request's own fields win",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "the limit of requests that have none of their own",
    # --- prompt caching changes what a request costs, not what it says
    "DISABLE_PROMPT_CACHING*": "prompt caching",
    "ENABLE_PROMPT_CACHING_1H*": "prompt caching",
    "FORCE_PROMPT_CACHING_5M": "prompt caching",
    # --- waiting
    "API_TIMEOUT_MS": "how long the CLI waits",
    "CLAUDE_CODE_CONNECT_TIMEOUT_MS": "how long the CLI waits",
    "CLAUDE_CODE_MAX_RETRIES": "how often the CLI asks again",
    "CLAUDE_CODE_STREAM_CLOSE_TIMEOUT": "how long the SDK waits",
    "CLAUDE_*_IDLE_TIMEOUT_MS": "how long the CLI waits",
    "CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS": "how long the CLI waits",
    "CLAUDE_ENABLE_*_WATCHDOG*": "whether the CLI waits",
    # --- what leaves the machine besides requests, and what is written down
    "ANTHROPIC_LOG": "the CLI's own log",
    "CLAUDE_CODE_DEBUG_LOG*": "the CLI's own log",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "less traffic",
    "CLAUDE_CODE_ENABLE_TELEMETRY": "the user's own telemetry",
    "DISABLE_ERROR_REPORTING": "less traffic",
    "DISABLE_TELEMETRY": "less traffic",
    # --- the process
    "BUN_GC_TIMER_DISABLE": "CPU time against memory",
    "CLAUDE_AGENT_SDK_SKIP_VERSION_CHECK": "read by the SDK, not by the CLI",
    "CLAUDE_CODE_TMPDIR": "the run's own directory",
    "CLAUDE_RUN*": "ours",
}
"""What reaches the CLI as the user has set it, and what it is good for. Names may be globs."""

DEFAULTS: Final[Mapping[str, str]] = {
    "CLAUDE_CODE_MAX_RETRIES": "0",  # clients have their own; the CLI's take minutes
    "BUN_GC_TIMER_DISABLE": "1",  # collects what is hardly garbage, at half a turn's CPU time
}
"""Set unless the user has set them."""

REQUIRED: Final[Mapping[str, str]] = {
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",  # asks twice when a stream breaks
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",  # asks again, with a note of the CLI's own
    "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",  # asks another model
    "CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP": "1",  # asks another model than the one named
    "DISABLE_COMPACT": "1",  # would replace a long conversation with a summary
    "DISABLE_AUTOUPDATER": "1",
    "ENABLE_TOOL_SEARCH": "false",  # would hide tools behind a search
    "CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH": "1000000",  # would cut descriptions
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",  # asks the model for a title of each conversation
}
"""Set always: without them a request is not what the client sent."""


def withheld(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that Claude Code would obey and must not see."""
    return tuple(name for name in names if _is_one(name, FAMILIES) and not _is_one(name, PASSED))


def _is_one(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
