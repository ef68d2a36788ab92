"""The verbs: what each is called, which options it takes, and the room it is done in.

To add a verb, add a row here and a module `claude_run.cli.ROOM` with `act(call: Call) -> int`,
which returns the exit status. A room is imported only when its verb is called.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

from claude_run.cli.ask_options import ASK_OPTIONS
from claude_run.cli.kinds import DURATION, FLAG, PATTERN, choice, text
from claude_run.cli.options import OPTIONS, Group, Option, named, settings_of, unconfigured
from claude_run.cli.serve_options import SERVE_OPTIONS
from claude_run.settings import Settings


class Call(NamedTuple):
    """`values` holds a value for every option of the verb, by field; `given` names the fields
    that the command line itself set; `words` is what was typed besides, and they are `marked`
    if a `--` stands before them. `typed` is what was typed before them."""

    values: Mapping[str, Any]
    given: frozenset[str]
    words: Sequence[str]
    marked: bool = False
    typed: Sequence[str] = ()

    @property
    def settings(self) -> Settings:
        return settings_of(self.values)


class Verb(NamedTuple):
    """`usage` is what follows `claude-run`, `most` how many words it takes (None: any number),
    `about` what its help says under the usage. A `hidden` verb stands in no list."""

    name: str
    room: str
    usage: str
    summary: str
    options: tuple[Option, ...] = ()
    most: int | None = 0
    about: str = ""
    examples: tuple[str, ...] = ()
    hidden: bool = False

    def act(self, call: Call) -> int:
        """Do it; the exit status."""
        status: int = import_module(f"claude_run.cli.{self.room}").act(call)
        return status


RUN: Final = Verb(
    "run",
    "run",
    "[OPTIONS] -- COMMAND [ARGS]...",
    "Run COMMAND with Claude behind OPENAI_BASE_URL, on your own Claude login.",
    OPTIONS,
    most=None,
    about="The exit status is COMMAND's: 128+n if signal n killed it, 127 if it was not found,"
    " 126 if it cannot be executed. Before it starts: 2 for wrong usage, 125 if there is no"
    " login or the bridge cannot start.",
    examples=(
        "claude-run -- python my_script.py",
        "claude-run -m sonnet -- pytest",
        "claude-run --rehearse -- python my_script.py",
        "claude-run ask what is a monad",
    ),
)

VERBS: Final = (
    RUN,
    Verb(
        "ask",
        "ask",
        "ask [OPTIONS] PROMPT...",
        "Ask one question and print the answer as it comes.",
        ASK_OPTIONS,
        most=None,
        about="What is piped in comes before the words, and - among them makes sure that it is read"
        " (from a terminal as well). Where OPENAI_BASE_URL and OPENAI_API_KEY are set, as in a"
        " wrapped command, the question goes there. Otherwise, or with an option for a bridge"
        " (--billing, --model-map, --timeout, --rehearse), one is started for it.",
        examples=(
            "claude-run ask what is a monad",
            "git diff | claude-run ask summarise",
            "claude-run ask -f plot.png -m opus what does this show",
            "claude-run ask -c and in Haskell",
        ),
    ),
    Verb(
        "login",
        "login",
        "login [--ci | --status]",
        "Log in to Claude, with the Claude Code CLI that comes along.",
        (
            Option(
                "ci", FLAG, Group.EVERYDAY,
                "Make a token for where there is no browser, to be set as"
                " CLAUDE_CODE_OAUTH_TOKEN.",
                default=False, configurable=False,
            ),
            Option(
                "status", FLAG, Group.EVERYDAY, "Show the login there is.",
                default=False, configurable=False,
            ),
        ),
    ),
    Verb(
        "check",
        "check",
        "check [OPTIONS]",
        "Look at what a run needs, and say what to do where it is missing.",
        (
            Option("ask", FLAG, Group.EVERYDAY,
                   "Ask Claude as well: a tiny call for each family of models, and one for each"
                   " request field that is passed on.", default=False, configurable=False),
            Option("json", FLAG, Group.EVERYDAY, "As JSON, for a bug report: nothing secret is in"
                   " it.", default=False, configurable=False),
            *named("billing", "model", "model-map", "default-model", "port", "rehearse",
                   "max-sessions", "max-concurrency"),
        ),
        about="The status is 1 if `claude-run -- COMMAND` would fail. `claude-run doctor` is the"
        " same.",
    ),
    Verb(
        "serve",
        "serve",
        "serve [OPTIONS]",
        "Serve OpenAI's API for programs that are started elsewhere.",
        SERVE_OPTIONS,
        about="Ctrl-C or SIGTERM let the answers finish that have begun; a second one ends it at"
        " once. CLAUDE_RUN_KEY may hold the key; without it one is made and shown.",
        examples=(
            "claude-run serve",
            'eval "$(claude-run serve --background --env)"',
            "claude-run serve --stop",
            "claude-run serve --host unix:/run/user/1000/claude.sock",
        ),
    ),
    Verb(
        "models",
        "models",
        "models [OPTIONS] [NAME]...",
        "Tell which names are accepted, and which model answers for each.",
        (
            Option("json", FLAG, Group.EVERYDAY, "As JSON.", default=False, configurable=False),
            *named("model", "model-map", "default-model"),
        ),
        most=None,
        about="Any id that begins with claude- is passed on, and a provider's prefix (openai/,"
        " anthropic/) is left out. With NAMEs the status is 1 if one of"
        " them would be a 404.",
    ),
    Verb(
        "watch",
        "watch",
        "watch [PID]",
        "Watch a run from another terminal: calls, rates, errors, windows, cost.",
        most=1,
        about="PID is claude-run's own, or its bridge's; it may be left out where one run goes on."
        " Ctrl-C ends the watching, not the run. Where stdout is no terminal it is told once.",
    ),
    Verb(
        "log",
        "log",
        "log [OPTIONS] FILE [REQUEST_ID]",
        "List the requests in a log that --log has written, or show one of them.",
        (
            Option("errors", FLAG, Group.EVERYDAY, "Only those that failed.",
                   default=False, configurable=False),
            Option("model", text("MODEL"), Group.EVERYDAY, "Only those that asked for MODEL.",
                   configurable=False),
            Option("label", text("NAME"), Group.EVERYDAY, "Only those labelled NAME.",
                   configurable=False),
            Option("grep", PATTERN, Group.EVERYDAY,
                   "Only those in which REGEX (RE2) is found. May be repeated.", default=(),
                   configurable=False),
            Option("slow", DURATION, Group.EVERYDAY, "Only those that took longer than this.",
                   configurable=False),
            Option("curl", FLAG, Group.EVERYDAY, "Show the request as a line for a shell.",
                   default=False, configurable=False),
        ),
        most=2,
    ),
    Verb(
        "report",
        "report",
        "report [OPTIONS] FILE...",
        "Make a page, JSON or Markdown of runs that were written with --json or --log.",
        unconfigured("json", "markdown", "report"),
        most=None,
        about="Several files, as of a job's matrix, become one report. - is standard output;"
        " without any option Markdown goes there.",
    ),
    Verb(
        "usage",
        "usage",
        "usage [OPTIONS]",
        "Tell what the runs came to that were kept with --history.",
        (
            Option("by", choice("day", "week", "model", "command", "label"), Group.EVERYDAY,
                   "A row for each of these. Without it day.", default="day", configurable=False),
            Option("since", DURATION, Group.EVERYDAY,
                   "Only runs that began within this time: 12h, 30d.", configurable=False),
            Option("json", FLAG, Group.EVERYDAY, "As JSON.", default=False, configurable=False),
        ),
    ),
    Verb(
        "cassette",
        "cassette",
        "cassette list|show|diff|prune|check DIR [RECORDING]...",
        "Look into recordings, compare them, check them, remove what is not used.",
        (
            Option(
                "json", FLAG, Group.EVERYDAY, "Tell it as JSON.", default=False, configurable=False
            ),
            Option(
                "dry-run", FLAG, Group.EVERYDAY, "prune: tell what would be removed.",
                default=False, configurable=False,
            ),
            *named("model-map", "default-model", "ignore", "redact"),
        ),
        most=4,
        about="list: what is there. show DIR RECORDING: one as a conversation. diff DIR RECORDING"
        " OTHER: what differs; OTHER may be a file with the body of a request, which is masked"
        " as the cassette is. prune: remove what the last run"
        " with DIR did not use. check: is every file whole, and does none hold a credential? A"
        " recording is named by the beginning of its name, or by its hash.",
    ),
    Verb(
        "config",
        "config",
        "config [--json]",
        "Print what holds for each option here, and where it was said.",
        (
            Option(
                "json", FLAG, Group.EVERYDAY, "As JSON, times in seconds, sizes in bytes.",
                default=False, configurable=False,
            ),
        ),
        about="The first that says something decides: the command line, CLAUDE_RUN_... in the"
        " environment, [tool.claude-run] in the nearest pyproject.toml, the nearest"
        " claude-run.toml, your own file, whose place is told at the end.",
    ),
    Verb(
        "fields",
        "fields",
        "fields [chat|responses|completions|messages]",
        "Tell what becomes of every field of a request.",
        (
            Option("json", FLAG, Group.EVERYDAY, "As JSON.", default=False, configurable=False),
        ),
        most=1,
    ),
    Verb(
        "completion", "completion", "completion bash|zsh|fish",
        "Print what completes claude-run in your shell.",
        most=1,
        about="Put it where your shell reads it:\n"
        "  bash: eval \"$(claude-run completion bash)\" in ~/.bashrc\n"
        "  zsh:  eval \"$(claude-run completion zsh)\" in ~/.zshrc, after compinit\n"
        "  fish: claude-run completion fish > ~/.config/fish/completions/claude-run.fish",
    ),
    Verb("complete", "completing", "complete -- [WORDS]...", "", most=None, hidden=True),
    Verb("help", "helping", "help [VERB]", "Tell what a verb does.", most=1),
)  # fmt: skip

_BY_NAME: Final = {verb.name: verb for verb in VERBS}
BY_NAME: Final[Mapping[str, Verb]] = {**_BY_NAME, "doctor": _BY_NAME["check"]}
"""With other names that verbs have."""


def configurable() -> dict[str, Option]:
    """Every option that may stand in the environment or in a file, by name."""
    every = (option for verb in VERBS for option in verb.options if option.configurable)
    return {option.name: option for option in [*every, *OPTIONS]}
