"""An upstream that leads elsewhere: what follows there."""

import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Refuse, say
from claude_run.settings import Settings
from tests.scripted import ScriptedUpstream

LOGINS = {"authorization", "x-api-key", "cookie", "proxy-authorization"}
API_KEY = "sk-ant-api03-dummy"


def leading_to(elsewhere: ScriptedUpstream, status: int) -> Refuse:
    return Refuse(status, "api_error", "", {"location": f"{elsewhere.url}/v1/messages"})


@pytest.mark.parametrize("status", [307, 308])
def test_a_subscription_does_not_follow_a_redirect(
    bridge: Bridge, upstream: ScriptedUpstream, status: int
) -> None:
    with ScriptedUpstream(say("Elsewhere.")) as elsewhere:
        upstream.answer = leading_to(elsewhere, status)
        assert bridge.complete("hello") == "Elsewhere."
        (here,), (there,) = upstream.headers, elsewhere.headers
    assert here["authorization"].startswith("Bearer ")
    assert LOGINS.isdisjoint(there)


def test_an_api_key_does_as_security_md_says(
    environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    """So that it is noticed when Claude Code no longer does that."""
    login = {**environment, "ANTHROPIC_API_KEY": API_KEY, "CLAUDE_CODE_OAUTH_TOKEN": ""}
    with (
        ScriptedUpstream(say("Elsewhere.")) as elsewhere,
        Bridge(Settings(), environment=login) as bridge,
    ):
        upstream.answer = leading_to(elsewhere, 307)
        assert bridge.complete("hello") == "Elsewhere."
        (there,) = elsewhere.headers
    assert {name: there[name] for name in LOGINS & there.keys()} == {"x-api-key": API_KEY}
