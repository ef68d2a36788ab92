"""`claude-run ask`: one question, asked of the bridge that is there or of one started for it."""

import os
import sys
from typing import Final

from claude_run import login
from claude_run.bridge import Bridge, BridgeError
from claude_run.cli.arguments import UsageError
from claude_run.cli.question import AskError, Endpoint, endpoint_in
from claude_run.cli.question import ask as ask_there
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call

FAILED: Final = 1
BRIDGE_FAILED: Final = 125


def act(call: Call) -> int:
    text, model = _text(call.words), call.values["model"]
    endpoint = None if call.given - {"model"} else endpoint_in(os.environ)
    try:
        if endpoint is not None:
            ask_there(text, model, endpoint)
            return 0
        with Bridge(call.settings) as bridge:
            bridge.wait_ready()
            ask_there(text, model, Endpoint(bridge.base_url, bridge.api_key))
    except AskError as error:
        say(str(error))
        return FAILED
    except (BridgeError, login.LoginError) as error:
        say(str(error))
        return BRIDGE_FAILED
    return 0


def _text(words: object) -> str:
    [prompt] = words if isinstance(words, list) and words else [""]
    text = sys.stdin.read() if prompt == "-" else str(prompt)
    if not text.strip():
        raise UsageError("PROMPT: there is nothing to ask")
    return text
