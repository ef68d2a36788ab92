"""`claude-run help [VERB]`: what `--help` says."""

from claude_run.cli.arguments import UsageError
from claude_run.cli.commands import done
from claude_run.cli.nearest import did_you_mean
from claude_run.cli.verbs import BY_NAME, RUN, VERBS, Call


def act(call: Call) -> int:
    name = call.words[0] if call.words else RUN.name
    if name not in BY_NAME:
        meant = did_you_mean(name, [verb.name for verb in VERBS if not verb.hidden])
        raise UsageError(f"there is no verb {name}{meant}")
    return done(["--help"] if name == RUN.name else [name, "--help"])
