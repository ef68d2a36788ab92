"""The wrapper: a command, with a bridge beside it for as long as it runs."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from claude_run import child, login
from claude_run.bridge import Bridge, BridgeError
from claude_run.cli.arguments import UsageError
from claude_run.cli.helping import first_words
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.settings import Settings
from claude_run.usage.summary import print_summary

BRIDGE_FAILED: Final = 125


def act(call: Call) -> int:
    if not call.words:
        raise UsageError(f"no command was given.\n{first_words()}")
    return wrap(call.words, call.settings, quiet=call.values["quiet"])


def wrap(command: Sequence[str], settings: Settings, *, quiet: bool) -> int:
    """Run `command` beside a bridge; its exit status, or ours if it never ran."""
    try:
        held = child.hold_signals()
        with Bridge(settings, before_exec=held.release) as bridge:
            environment = child.command_environment(os.environ, bridge.base_url, bridge.api_key)
            began = time.monotonic()
            status = child.run(command, environment, held, lambda: _tell_if_dead(bridge))
            wall = time.monotonic() - began
            if (obituary := bridge.obituary()) is not None:
                say(obituary)
    except (BridgeError, login.LoginError) as error:
        say(str(error))
        return BRIDGE_FAILED
    except child.StartError as error:
        say(str(error))
        return error.status
    if not quiet:
        _summarise(bridge, wall)
    return status


def _summarise(bridge: Bridge, wall: float) -> None:
    if bridge.report is not None:
        # The bridge's own clock starts when its imports are done; the command's is meant.
        print_summary({**bridge.report, "wall_seconds": wall}, stderr=sys.stderr)
    elif bridge.is_ready:
        say("there is no summary: the bridge ended without its report.")
    else:
        print_summary(None, stderr=sys.stderr)


def _tell_if_dead(bridge: Bridge) -> None:
    if (obituary := bridge.obituary()) is not None:
        say(f"{obituary}\nclaude-run: the command goes on, but its calls to Claude will fail.")
