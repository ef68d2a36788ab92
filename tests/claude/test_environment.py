"""Whatever of Claude Code's settings stands in the user's environment, a request says what the
client asked for."""

import json
import re
from collections.abc import Iterator

import openai
import pytest

from claude_run.bridge import Bridge
from claude_run.claude.environment import DEFAULTS, PASSED, REQUIRED, withheld
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, as_a_persons

# Some of these change what the CLI sends in every version, some only where others are set, too.
PLANTED = {
    "CLAUDE_CODE_EFFORT_LEVEL": "max",
    "MAX_THINKING_TOKENS": "5000",
    "CLAUDE_CODE_DISABLE_THINKING": "1",
    "CLAUDE_CODE_DISABLE_ADAPTIVE_THINKING": "1",
    "CLAUDE_CODE_SIMPLE": "1",
    "CLAUDE_CODE_SIMPLE_SYSTEM_PROMPT": "1",
    "CLAUDE_CODE_RESTRICTED": "1",
    "CLAUDE_CODE_SAFE_MODE": "1",
    "CLAUDE_CODE_HIDE_CWD": "1",
    "CLAUDE_CODE_OVERRIDE_DATE": "2001-01-01",
    "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",
    "CLAUDE_CODE_DISABLE_EXPLORE_PLAN_AGENTS": "1",
    "CLAUDE_CODE_EXTRA_METADATA": '{"planted": "planted-here"}',
    "CLAUDE_CODE_MAX_TURNS": "1",
    "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "100",
    "CLAUDE_CODE_ENTRYPOINT": "planted-here",
    "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
    "CLAUDE_CODE_AGENT": "planted-here",
    "CLAUDE_CODE_REMOTE": "1",
    "CLAUDE_CODE_SESSION_ID": "planted-here",
    "CLAUDE_CODE_ACTION": "1",
    "CLAUDE_CODE_COORDINATOR_MODE": "1",
    "CLAUDE_CODE_BRIEF": "1",
    "CLAUDE_CODE_PROACTIVE": "1",
    "CLAUDE_CODE_USE_GATEWAY": "1",
    "CLAUDE_CODE_UNIX": "planted-here",
    "CLAUDE_CODE_GZIP_REQUEST_BODIES": "1",
    "CLAUDE_CODE_PROCESS_WRAPPER": "/bin/false",
    "CLAUDE_CODE_CUSTOM_OAUTH_URL": "https://planted-here.example",
    "CLAUDE_AGENT_SDK_MCP_NO_PREFIX": "1",
    "CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH": "3",
    "ANTHROPIC_MODEL": "planted-here",
    "ANTHROPIC_UNIX_SOCKET": "/planted-here.sock",
    "ANTHROPIC_PROFILE": "planted-here",
    "ANTHROPIC_IDENTITY_TOKEN": "planted-here",
    "ANTHROPIC_FEDERATION_RULE_ID": "planted-here",
    "ANTHROPIC_ORGANIZATION_ID": "planted-here",
    "CLAUDECODE": "1",
    "DISABLE_COMPACT": "0",
    "ENABLE_TOOL_SEARCH": "true",
    "MAX_MCP_OUTPUT_TOKENS": "1",
    "MCP_CONNECTION_NONBLOCKING": "1",
    "NODE_OPTIONS": "--no-such-option --max-old-space-size=1",
    "BUN_OPTIONS": "--no-such-option",
    "USE_API_CONTEXT_MANAGEMENT": "1",
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}
ASKED: tuple[JsonObject, ...] = (
    {},
    {"tools": [TOOL]},
    {"reasoning_effort": "low", "max_tokens": 2000},
)


@pytest.fixture(scope="module")
def planted(environment: dict[str, str]) -> Iterator[openai.OpenAI]:
    """A client of a bridge in whose environment all of PLANTED stands, and nothing that says that
    less is to be asked: the CLI would ask for the title of a conversation, too."""
    with Bridge(Settings(), environment={**as_a_persons(environment), **PLANTED}) as bridge:
        bridge.wait_ready()
        url, key = bridge.base_url, bridge.api_key
        with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
            yield client


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_planted_value_changes_nothing_of_a_request(
    asked: JsonObject, client: openai.OpenAI, planted: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    for each in (client, planted):
        answer = each.chat.completions.create(
            model="sonnet",
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is Python?"},
            ],
            **asked,
        )
        assert answer.choices[0].message.content == "Hello world"
    bare, with_planted = upstream.requests
    assert comparable(with_planted) == comparable(bare)
    bare_headers, with_planted_headers = upstream.headers
    assert steady(with_planted_headers) == steady(bare_headers)
    assert "planted-here" not in json.dumps([with_planted, with_planted_headers])


def comparable(request: JsonObject) -> str:
    """`request` with its keys in order, without what differs from run to run."""
    text = json.dumps({**request, "metadata": None})
    return re.sub(r"/[^\s\"\\]*claude-run-\w+", "(run)", text)


def steady(headers: dict[str, str]) -> dict[str, str]:
    """`headers` without what differs from request to request."""
    changing = {"content-length", "x-claude-code-session-id", "x-client-request-id"}
    return {name: value for name, value in headers.items() if name not in changing}


def test_what_the_cli_would_obey_is_withheld_unless_it_is_known_to_be_harmless() -> None:
    assert set(withheld([*PLANTED, *PASSED])) == set(PLANTED)
    assert withheld(["CLAUDE_CODE_SOMETHING_NEW", "PATH", "HOME", "TZ", "HTTPS_PROXY"]) == (
        "CLAUDE_CODE_SOMETHING_NEW",
    )


@pytest.mark.parametrize(
    "name",
    ["ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_BEDROCK_BASE_URL", "CLAUDE_CODE_SKIP_VERTEX_AUTH",
     "CLAUDE_STREAM_IDLE_TIMEOUT_MS", "DISABLE_PROMPT_CACHING_OPUS", *DEFAULTS],
)  # fmt: skip
def test_what_says_where_or_how_long_or_what_it_costs_is_passed_on(name: str) -> None:
    assert withheld([name]) == ()


def test_what_must_hold_always_is_never_the_users_to_set() -> None:
    assert set(withheld(REQUIRED)) == set(REQUIRED)
