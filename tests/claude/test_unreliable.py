"""With a CLI that refuses a change or only says that it made it, no request is ever wrong."""

import time
from pathlib import Path

import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import say
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.claude.faulty_cli import faulty
from tests.scripted import PATIENCE, ScriptedUpstream, system_of
from tests.server.asking import ask
from tests.verified import found_out

CHAT = "/v1/chat/completions"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}


def tool(name: str) -> JsonObject:
    function = {"name": name, "description": f"Does {name}.", "parameters": PARAMETERS}
    return {"type": "function", "function": function}


ASKED: tuple[JsonObject, ...] = (
    {"system": "One.", "tools": ["look_up"]},
    {"system": "Two.", "tools": ["put_down", "measure"], "reasoning_effort": "high"},
    {"system": "", "tools": [], "temperature": 0.5, "model": "haiku"},
    {"system": "One.", "tools": ["put_down"], "model": "claude-opus-4-7"},
)


def body(asked: JsonObject) -> JsonObject:
    messages = [{"role": "system", "content": asked["system"]}] if asked["system"] else []
    others = {k: v for k, v in asked.items() if k not in {"system", "tools"}}
    return {
        "model": "sonnet",
        "messages": [*messages, {"role": "user", "content": "go"}],
        "tools": [tool(name) for name in asked["tools"]],
        **others,
    }


def said(request: JsonObject) -> JsonObject:
    """What of a request upstream the client has a say in."""
    return {
        "system": system_of(request),
        "tools": sorted(t["name"] for t in request.get("tools") or ()),
        "temperature": request.get("temperature"),
        "model": request["model"],
        "effort": (request.get("output_config") or {}).get("effort"),
        "shown": (request.get("thinking") or {}).get("display"),
    }


def rounds(bridge: Bridge, upstream: ScriptedUpstream, times: int = 2) -> list[JsonObject]:
    """What upstream is asked for all of ASKED, several times, one after another."""
    upstream.forget()
    upstream.answer = say("fine")
    for asked in ASKED * times:
        status, answer, _ = ask(bridge, CHAT, body(asked))
        assert status == 200, answer
    return [said(request) for request in upstream.requests]


@pytest.fixture(scope="module")
def right(environment: dict[str, str], shared_upstream: ScriptedUpstream) -> list[JsonObject]:
    """What upstream is asked where everything works."""
    with Bridge(Settings(), environment=environment) as bridge:
        bridge.wait_ready()
        return rounds(bridge, shared_upstream)


@pytest.mark.parametrize(
    ("subtype", "how", "after"),
    [
        ("apply_flag_settings", "ignored", 0),
        ("set_model", "ignored", 0),
        ("set_max_thinking_tokens", "ignored", 0),
        ("mcp_set_servers", "ignored", 0),
        ("rewind_conversation", "refused", 0),
        ("mcp_set_servers", "ignored", 6),
        ("set_model", "refused", 3),
    ],
)
def test_no_request_is_wrong_and_it_is_said(
    environment: dict[str, str],
    upstream: ScriptedUpstream,
    right: list[JsonObject],
    tmp_path: Path,
    subtype: str,
    how: str,
    after: int,
) -> None:
    found = found_out()
    settings = Settings(cli=str(faulty(tmp_path, subtype, how, after)), max_concurrency=2)
    with Bridge(settings, environment=environment) as bridge:
        bridge.wait_ready()
        patience = time.monotonic() + 4 * PATIENCE  # it is tried several times
        while found_out() == found:
            assert time.monotonic() < patience
            time.sleep(0.05)
        # What is wrong from the beginning shows in the first round.
        times = 2 if after else 1
        assert rounds(bridge, upstream, times) == right[: times * len(ASKED)]
    assert bridge.last_report is not None
    subjects = {notice["subject"] for notice in bridge.report()["notices"]}
    assert subjects & {"live sessions", "sessions"}
