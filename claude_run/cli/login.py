"""`claude-run login`: the login of the Claude Code CLI itself, which comes with the SDK.

It runs in the person's terminal, unmodified; nothing of what it says or stores is read here.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call

NO_CLI: Final = 125


def act(call: Call) -> int:  # noqa: RET503 - execv does not return
    if call.values["ci"] and call.values["status"]:
        raise UsageError("--ci makes a token, --status shows the login; choose one")
    program = bundled_cli()
    if program is None:
        say("the Claude Code CLI was not found in claude-agent-sdk; install that package again.")
        return NO_CLI
    said = words(ci=call.values["ci"], status=call.values["status"])
    os.execv(program, [program, *said])  # noqa: S606 - to become that program is the purpose


def words(*, ci: bool, status: bool) -> list[str]:
    """What the CLI is told."""
    if ci:
        return ["setup-token"]
    return ["auth", "status" if status else "login"]


def bundled_cli() -> str | None:
    """The CLI in the SDK's package, else one on PATH."""
    spec = find_spec("claude_agent_sdk")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        bundled = Path(place) / "_bundled" / "claude"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    return shutil.which("claude")
