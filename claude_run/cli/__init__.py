"""What a person types: `claude-run [OPTIONS] -- COMMAND`, and the verbs beside it.

The wrapped command must not wait for us, so nothing heavy is imported at the top: Rich
comes when there is a table to print, an HTTP client when there is something to ask, and
everything that serves requests lives in the bridge process. Options are defined in `options`,
verbs in `verbs`, and Typer takes a command line apart by them, in `commands`; each verb is done
in a room of its own.
"""

import sys
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.commands import done
from claude_run.cli.saying import say

WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130


def main() -> None:
    """The entry point: a known verb, or else the command to wrap."""
    try:
        status = done(sys.argv[1:])
    except UsageError as error:
        say(str(error))
        status = WRONG_USAGE
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)
