"""What `claude-run serve` takes: options of its own, and those of a run that concern a bridge."""

from typing import Final

from claude_run.cli.kinds import DURATION, FLAG, PORT, path, text
from claude_run.cli.options import OPTIONS, Group, Option

_NOT_TO_SERVE: Final = frozenset(
    {"anthropic", "deadline", "fail-on", "for", "hide-login", "port", "set"}
)
SERVE_OPTIONS: Final = (
    Option(
        "port",
        PORT,
        Group.EVERYDAY,
        "Listen on this port. Without it 8000; 0 takes a free one.",
        default=8000,
    ),
    Option(
        "host",
        text("ADDRESS"),
        Group.EVERYDAY,
        "Listen on this loopback address, on unix:/path, or with --allow-host on the address of a"
        " container network. Without it 127.0.0.1.",
        personal="it decides who can reach your login",
    ),
    Option(
        "allow-host",
        text("NAME", repeated=True),
        Group.EVERYDAY,
        "Answer clients that call this machine by NAME: host.docker.internal. May be repeated.",
        personal="it decides who can reach your login",
    ),
    Option(
        "key",
        path("FILE"),
        Group.EVERYDAY,
        "Take the key from FILE. CLAUDE_RUN_KEY may hold it, too. Without either one is made and"
        " shown once.",
        configurable=False,
    ),
    Option(
        "env",
        FLAG,
        Group.EVERYDAY,
        "Print what a shell's eval takes.",
        default=False,
        configurable=False,
    ),
    Option(
        "background",
        FLAG,
        Group.EVERYDAY,
        "Return once it serves, and leave it running.",
        default=False,
        configurable=False,
    ),
    Option(
        "status", FLAG, Group.EVERYDAY, "Tell what is served.", default=False, configurable=False
    ),
    Option(
        "stop",
        FLAG,
        Group.EVERYDAY,
        "End what is served, and wait for its end.",
        default=False,
        configurable=False,
    ),
    Option(
        "drain",
        DURATION,
        Group.LIMITS,
        "How long answers that have begun may take, once it was told to end. Without it 30s.",
        default=30.0,
    ),
    *(option for option in OPTIONS if option.name not in _NOT_TO_SERVE),
)
