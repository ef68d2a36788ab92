"""`claude-run ask`: one question, asked of the bridge that is there or of one started for it."""

import os
import sys
from collections.abc import Sequence
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


def _text(words: Sequence[str]) -> str:
    """The words, joined, are the question; what is piped in is the question where there are none,
    and with `-` among them it comes before them. Without that, stdin is left to whoever else reads
    it: a loop over lines would lose them, and a pipe that never ends would be waited for."""
    question = " ".join(word for word in words if word != "-")
    piped = _piped() if "-" in words or not question.strip() else ""
    text = "\n\n".join(part for part in (piped, question) if part.strip())
    if not text:
        raise UsageError(
            "PROMPT: there is nothing to ask; write for example claude-run ask what is a monad, or "
            "git diff | claude-run ask - summarise this"
        )
    return text


def _piped() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageError(f"what is piped in is not UTF-8 text: {error}") from error
