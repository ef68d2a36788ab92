"""Upstream writes what is no Unicode: the client gets valid text all the same."""

import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Reply, TextBlock, ToolUse
from tests.scripted import ScriptedUpstream
from tests.server.asking import ask, frames
from tests.server.chats import TOOLS
from tests.server.tables import CHAT, EVERY_ENDPOINT, Endpoint

HALVES = Reply((TextBlock(("smile \ud83d", "\ude00, half \ud83d", ".")),))


@pytest.mark.parametrize("endpoint", EVERY_ENDPOINT, ids=str)
def test_half_a_character_is_replaced(
    bridge: Bridge, upstream: ScriptedUpstream, endpoint: Endpoint
) -> None:
    upstream.answer = HALVES
    status, answer, _ = ask(bridge, endpoint.path, endpoint.body())
    assert (status, endpoint.text_of(answer)) == (200, "smile \U0001f600, half \ufffd.")
    everything = "".join(frame.data for frame in frames(bridge, endpoint.path, endpoint.body()))
    assert "\\ud83d\\ude00" in everything
    assert "\\ufffd" in everything


def test_in_a_call_too(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = Reply((ToolUse("", "mcp__c__weather", {"city": "\ud800"}),))
    status, answer, _ = ask(bridge, CHAT.path, CHAT.body(tools=TOOLS))
    assert status == 200
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
