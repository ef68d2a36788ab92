"""Every option, defined once: flag, environment variable, key of a file, row of the README.

To add an option, add one row to OPTIONS, and where the bridge has to know it a field of the
same name to Settings, whose default is then the option's. A verb names the options that it
takes in `claude_run.cli.verbs`; `run` takes all of these.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import Enum
from keyword import iskeyword
from typing import Any, Final, NamedTuple

from claude_run.cli.kinds import (
    DURATION,
    FLAG,
    MAPPING,
    PATTERN,
    PORT,
    SIZE,
    VARIABLE,
    Kind,
    choice,
    count,
    number,
    path,
    several,
    text,
)
from claude_run.settings import Settings
from claude_run.usage.verdict import FINDINGS

PREFIX: Final = "CLAUDE_RUN_"
PROGRAMS: Final = ("aider", "codex", "continue", "goose", "opencode", "qwen")
"""Those of `claude_run.cli.programs`, which need not be imported to know their names."""
STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub names the file for a job's tables."""


class Group(Enum):
    """The headings of the help, in their order."""

    EVERYDAY = "Everyday"
    MODELS = "Models"
    LIMITS = "Limits"
    CASSETTES = "Cassettes"
    CI = "Reports and CI"
    ADVANCED = "Advanced"


class Option(NamedTuple):
    """`name` is the flag without its dashes. `default` counts where Settings has no such field.

    An option that is not `configurable` stands on a command line only. `personal` says why a
    project's own file may not set it: a cloned repository is not to spend somebody's money, to
    send a login elsewhere or to open the bridge to others."""

    name: str
    kind: Kind
    group: Group
    help: str
    short: str | None = None
    default: Any = None
    configurable: bool = True
    personal: str = ""

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.replace("-", "_").upper()

    @property
    def field(self) -> str:
        """Its name in Settings, and in the values of a call; `for_` where that is a word of
        Python's."""
        name = self.name.replace("-", "_")
        return f"{name}_" if iskeyword(name) else name

    @property
    def flags(self) -> tuple[str, ...]:
        """As they are typed, the short one first."""
        return (f"-{self.short}", self.flag) if self.short else (self.flag,)


OPTIONS: Final = (
    Option(
        "rehearse", FLAG, Group.EVERYDAY,
        "Run everything for real, but let a built-in stand-in answer: no login, no network,"
        " nothing spent.",
    ),
    Option(
        "billing", choice("auto", "subscription", "api-key"), Group.EVERYDAY,
        "Who pays. auto: your Claude subscription if you are logged in, else an API key."
        " subscription: nothing else will do. api-key: the metered API.",
        personal="it decides who pays",
    ),
    Option(
        "anthropic", FLAG, Group.EVERYDAY,
        "Lead clients of Anthropic's API here as well: sets ANTHROPIC_BASE_URL and"
        " ANTHROPIC_API_KEY for the command, and takes other Claude logins out of its environment.",
        default=False,
    ),
    Option(
        "for", choice(*PROGRAMS, metavar="PROGRAM"), Group.EVERYDAY,
        f"Lead a program that reads no OPENAI_BASE_URL ({', '.join(PROGRAMS)}): sets what it reads"
        " instead, or adds it behind its name. Models that are not known are answered by sonnet"
        " then.",
    ),
    Option(
        "set", VARIABLE, Group.EVERYDAY,
        "Set NAME for the command; {base_url}, {api_key} and {origin} stand for the bridge's. May"
        " be repeated.",
        personal="it could have your command run anything",
    ),
    Option(
        "hide-login", FLAG, Group.EVERYDAY,
        "Keep the variables of your Claude login from the command. What is logged in on this"
        " machine stays in its file, which the command can read as you can.",
        default=False, personal="it decides whether the command sees your login",
    ),
    Option(
        "quiet", FLAG, Group.EVERYDAY,
        "No summary but of what failed. What concerns money stays.",
        short="q", default=False,
    ),
    Option(
        "title", FLAG, Group.EVERYDAY,
        "Keep calls, cost and the fullest window of the plan in the terminal's title.",
    ),
    Option(
        "summary", choice("short", "full", "none"), Group.CI,
        "How much to tell at the end. short: at most a screen. full: every model, every notice.",
        default="short",
    ),
    Option(
        "json", path("FILE"), Group.CI,
        "Write the run and each of its calls to FILE as JSON.",
    ),
    Option(
        "markdown", path("FILE"), Group.CI,
        "Write tables of the run to FILE as Markdown. Without it they are added to"
        f" ${STEP_SUMMARY}, where that is set.",
    ),
    Option(
        "report", path("FILE.html"), Group.CI,
        "Write the run to FILE.html as one page with charts and every call.",
    ),
    Option(
        "log", path("DIR"), Group.CI,
        "Write every request, what was sent for it and its answer into a file in DIR, without keys"
        " and images.",
    ),
    Option(
        "history", FLAG, Group.CI,
        "Keep the run's figures and the command's name, no prompt, for `claude-run usage`.",
        default=False,
    ),
    Option(
        "model", text("MODEL"), Group.MODELS,
        "Answer every request with MODEL, whatever model it names: -m sonnet.",
        short="m",
    ),
    Option(
        "model-map", MAPPING, Group.MODELS,
        "Answer for model FROM with TO; FROM may be a glob: 'gpt-*=sonnet'. May be repeated, the"
        " first match wins. In the environment, entries stand between commas or blanks.",
    ),
    Option(
        "default-model", text("MODEL"), Group.MODELS,
        "Answer with MODEL for names that are not known; otherwise they are a 404.",
    ),
    Option(
        "timeout", DURATION, Group.LIMITS,
        "Give up on an answer after this time: 90, 5m, 1h. Without it 10m.",
    ),
    Option(
        "max-concurrency", count(), Group.LIMITS,
        "N answers at once, more wait. Without it the machine's size decides.",
    ),
    Option(
        "max-sessions", count(), Group.LIMITS,
        "N Claude processes at once, idle ones included. Without it the machine's memory decides.",
    ),
    Option(
        "max-body", SIZE, Group.LIMITS,
        "Refuse larger requests: 512k, 64MB, or bytes. Without it 32MB.",
    ),
    Option(
        "max-calls", count(), Group.LIMITS,
        "Send at most N calls to Claude in this run; more are refused.",
    ),
    Option(
        "max-tokens", count(), Group.LIMITS,
        "Send no more calls once N tokens were read and written.",
    ),
    Option(
        "max-cost", number("USD", example="2.50"), Group.LIMITS,
        "Send no more calls once they would have cost so much on the metered API.",
    ),
    Option(
        "max-window", number("PCT", example="80"), Group.LIMITS,
        "Send no more calls once the plan's five-hour window is PCT percent full.",
    ),
    Option(
        "on-limit", choice("fail", "wait", "stop"), Group.LIMITS,
        "When a window of the plan is used up. fail: refuse calls. wait: hold them until it"
        " resets. stop: end the command. Without it fail.",
    ),
    Option(
        "max-wait", DURATION, Group.LIMITS,
        "With --on-limit wait: refuse what would have to wait longer than this.",
    ),
    Option(
        "extra-usage", choice("stop", "allow"), Group.LIMITS,
        "When a subscription begins to draw on paid extra usage. stop: refuse further calls."
        " allow: go on. Without it stop.",
        personal="it decides what you pay",
    ),
    Option(
        "deadline", DURATION, Group.LIMITS,
        "End the command after this time, with status 124.",
    ),
    Option(
        "fail-on", several(*FINDINGS, metavar="FOUND,..."), Group.CI,
        "Exit with 75 where the command succeeded, but one of these was found:"
        f" {', '.join(FINDINGS)}. Without it miss where a cassette is replayed, else none.",
    ),
    Option(
        "label", text("NAME"), Group.CI,
        "What calls are for, where they do not say so themselves: the summary tells them apart.",
    ),
    Option(
        "cassette", path("DIR"), Group.CASSETTES,
        "Keep what is asked and answered in DIR, and give it again: what was recorded costs"
        " nothing, and needs no login.",
    ),
    Option(
        "record", choice("new", "none", "all"), Group.CASSETTES,
        "new: ask only what was not recorded, and record it. none: only replay; a request that"
        " was not recorded is an error. all: ask everything anew. Without it new, and none where"
        " CI is set or DIR may not be written.",
    ),
    Option(
        "ignore", PATTERN, Group.CASSETTES,
        "Look away from what matches REGEX (RE2) when recordings are compared: a date, a"
        " temporary path. May be repeated.",
    ),
    Option(
        "redact", PATTERN, Group.CASSETTES,
        "Write [redacted] for what matches REGEX (RE2). May be repeated.",
    ),
    Option(
        "record-errors", FLAG, Group.CASSETTES,
        "Record errors of Claude as well: rate limits, crashes.",
    ),
    Option(
        "repeat", FLAG, Group.CASSETTES,
        "Give the last answer of a request again when it is asked more often than it was"
        " recorded.",
    ),
    Option(
        "replay-speed", number("FACTOR", example="1"), Group.CASSETTES,
        "Replay at the recorded pace (1), or faster by a factor. Without it at once.",
    ),
    Option(
        "strict-params", FLAG, Group.ADVANCED,
        "Refuse request fields that cannot be honoured, instead of ignoring them.",
    ),
    Option(
        "sessions", choice("recycled", "fresh"), Group.ADVANCED,
        "Recycle Claude processes between requests, or take a fresh one each.",
    ),
    Option(
        "port", PORT, Group.ADVANCED,
        "Port on 127.0.0.1; without it a free one is taken.",
    ),
)  # fmt: skip
"""What `claude-run -- COMMAND` takes."""

BY_NAME: Final[Mapping[str, Option]] = {option.name: option for option in OPTIONS}
DEFAULTS: Final = Settings()
SETTINGS: Final = frozenset(field.name for field in fields(Settings))


def named(*names: str) -> tuple[Option, ...]:
    """The options of these names. Raises KeyError."""
    return tuple(BY_NAME[name] for name in names)


def unconfigured(*names: str) -> tuple[Option, ...]:
    """The options of these names, for a verb that takes them from its command line alone."""
    return tuple(option._replace(configurable=False) for option in named(*names))


def default(option: Option) -> Any:
    if option.field in SETTINGS and option.default is None:
        return getattr(DEFAULTS, option.field)
    return () if option.kind.repeated and option.default is None else option.default


def settings_of(values: Mapping[str, Any]) -> Settings:
    """The Settings in `values`, which may hold more."""
    said = {name: value for name, value in values.items() if name in SETTINGS}
    return Settings(**said, in_python=False)


def read(option: Option, texts: Iterable[str]) -> Any:
    """The value that `texts` give `option`: all of them if it is repeated, else the last.

    Raises:
        ValueError: one of them is no value for it.
    """
    values = tuple(option.kind.read(text) for text in texts)
    return values if option.kind.repeated else values[-1]
