"""What a person types: `claude-run [OPTIONS] -- COMMAND`, and the verbs beside it.

The wrapped command must not wait for us, so nothing heavy is imported at the top: Rich
comes when there is a table to print, an HTTP client when there is something to ask, and
everything that serves requests lives in the bridge process.
"""

import math
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from claude_run import __version__, child, login
from claude_run.bridge import Bridge, BridgeError
from claude_run.settings import Billing, SessionMode, Settings, parse_model_map
from claude_run.usage.summary import print_summary

BRIDGE_FAILED: Final = 125
INTERRUPTED: Final = 130

MODEL_MAP: Final = "CLAUDE_RUN_MODEL_MAP"
DEFAULT_MODEL: Final = "CLAUDE_RUN_DEFAULT_MODEL"
DEFAULTS: Final = Settings()
HELP: Final = {"help_option_names": ["-h", "--help"]}

_SIZE: Final = re.compile(r"(\d+) *([kmg]?)(i?b)?", re.IGNORECASE)
_UNITS: Final[Mapping[str, int]] = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def _size(text: str | int) -> int:
    match = _SIZE.fullmatch(str(text).strip())
    size = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if size == 0:
        raise typer.BadParameter(f"{text!r} is not a size; write for example 32MB, 512k or 1048576")
    return size


def _seconds(text: str | float) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0 < seconds < math.inf:
            return seconds
    raise typer.BadParameter(f"{text!r} is not a number of seconds above 0")


PortOption = Annotated[
    int,
    typer.Option(
        "--port",
        min=0,
        max=65535,
        metavar="PORT",
        show_default=False,
        help="Port on 127.0.0.1; without it a free one is taken.",
    ),
]
BillingOption = Annotated[
    Billing,
    typer.Option(
        "--billing",
        help="Who pays. auto: your Claude subscription if you are logged in, else an API key."
        " subscription: nothing else will do. api-key: the metered API.",
    ),
]
ModelMapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model-map",
        metavar="FROM=TO",
        help="Answer for model FROM with TO; FROM may be a glob: 'gpt-*=sonnet'. May be repeated,"
        f" the first match wins. {MODEL_MAP} holds further entries, between commas or blanks.",
    ),
]
DefaultModelOption = Annotated[
    str | None,
    typer.Option(
        "--default-model",
        metavar="MODEL",
        help="Answer with MODEL for names that are not known; otherwise they are a 404."
        f" {DEFAULT_MODEL} does the same.",
    ),
]
MaxBodyOption = Annotated[
    int,
    typer.Option(
        "--max-body",
        parser=_size,
        metavar="SIZE",
        show_default=False,
        help="Refuse larger requests: 512k, 64MB, or bytes. Without it 32MB.",
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout",
        parser=_seconds,
        metavar="SECONDS",
        show_default=False,
        help="Give up on an answer after SECONDS. Without it 600.",
    ),
]
StrictParamsOption = Annotated[
    bool,
    typer.Option(
        "--strict-params",
        help="Refuse request fields that cannot be honoured, instead of ignoring them.",
    ),
]
SessionsOption = Annotated[
    SessionMode,
    typer.Option(
        "--sessions", help="Recycle Claude processes between requests, or take a fresh one each."
    ),
]
MaxConcurrencyOption = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency",
        min=1,
        metavar="N",
        help="N answers at once, more wait. Without it the machine's size decides.",
    ),
]
MaxSessionsOption = Annotated[
    int | None,
    typer.Option(
        "--max-sessions",
        min=1,
        metavar="N",
        help="N Claude processes at once, idle ones included. Without it the machine's memory"
        " decides.",
    ),
]
RehearseOption = Annotated[
    bool,
    typer.Option(
        "--rehearse",
        help="Run everything for real, but let a built-in stand-in answer: no login, no network,"
        " nothing spent.",
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No summary at the end. What concerns money stays.")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"claude-run {__version__}")
        raise typer.Exit


def _typer() -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=HELP,
    )


class _OnlyWhatIsGiven(TyperCommand):
    """Typer converts options with Pydantic, those left out too, and to import that takes as
    long as all the rest before the command starts. What is left out has its default anyway."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = {argument.partition("=")[0] for argument in args}
        if given & set(HELP["help_option_names"]):
            return super().parse_args(ctx, args)
        all_of_them = self.params
        self.params = [option for option in all_of_them if given & set(option.opts)]
        self.add_help_option = False
        try:
            return super().parse_args(ctx, args)
        finally:
            self.params, self.add_help_option = all_of_them, True


verbs = _typer()
wrapper = _typer()


@verbs.callback()
def _verbs() -> None:
    """Without this, Typer would take a single verb for the program itself."""


@wrapper.command(
    cls=_OnlyWhatIsGiven,
    options_metavar="[OPTIONS] -- COMMAND [ARGS]...",
    context_settings={**HELP, "allow_interspersed_args": False, "allow_extra_args": True},
    epilog="Other commands: `claude-run ask PROMPT` asks one question."
    " `claude-run VERB --help` tells more.",
)
def run(  # noqa: PLR0913 - one parameter for each flag: Typer reads them here
    context: typer.Context,
    *,
    port: PortOption = DEFAULTS.port,
    billing: BillingOption = DEFAULTS.billing,
    model_map: ModelMapOption = None,
    default_model: DefaultModelOption = None,
    max_body: MaxBodyOption = DEFAULTS.max_body,
    timeout: TimeoutOption = DEFAULTS.timeout,
    strict_params: StrictParamsOption = False,
    sessions: SessionsOption = DEFAULTS.sessions,
    max_concurrency: MaxConcurrencyOption = None,
    max_sessions: MaxSessionsOption = None,
    rehearse: RehearseOption = False,
    quiet: QuietOption = False,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Run COMMAND with Claude behind OPENAI_BASE_URL, on your own Claude login.

    The exit status is COMMAND's: 128+n if signal n killed it, 127 if it was not found, 126
    if it cannot be executed. Before it starts: 2 for wrong usage, 125 if there is no login
    or the bridge cannot start.
    """
    if not context.args:
        raise typer.BadParameter(
            "no command was given; for example: claude-run -- python my_script.py",
            param_hint="COMMAND",
        )
    settings = Settings(
        port=port,
        billing=billing,
        model_map=_model_map(model_map or ()),
        default_model=default_model or os.environ.get(DEFAULT_MODEL) or None,
        max_body=max_body,
        timeout=timeout,
        strict_params=strict_params,
        sessions=sessions,
        max_concurrency=max_concurrency,
        max_sessions=max_sessions,
        rehearse=rehearse,
    )
    raise typer.Exit(_wrap(context.args, settings, quiet=quiet))


@verbs.command("ask")
def ask(  # noqa: PLR0913 - one parameter for each flag: Typer reads them here
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="- reads it from standard input.")
    ],
    *,
    model: Annotated[str, typer.Option("--model", "-m", metavar="MODEL")] = "sonnet",
    billing: BillingOption = DEFAULTS.billing,
    model_map: ModelMapOption = None,
    timeout: TimeoutOption = DEFAULTS.timeout,
    rehearse: RehearseOption = False,
) -> None:
    """Ask one question and print the answer as it comes.

    Where OPENAI_BASE_URL and OPENAI_API_KEY are set, as in a wrapped command, the question
    goes there. Otherwise, or with any option but --model, a bridge is started for it.
    """
    from claude_run import ask as asking  # noqa: PLC0415 - its HTTP client would slow `run`

    text = sys.stdin.read() if prompt == "-" else prompt
    if not text.strip():
        raise typer.BadParameter("there is nothing to ask", param_hint="PROMPT")
    options = Settings(
        billing=billing,
        model_map=_pairs(model_map or (), "--model-map"),
        timeout=timeout,
        rehearse=rehearse,
    )
    endpoint = asking.endpoint_in(os.environ) if options == DEFAULTS else None
    try:
        if endpoint is not None:
            asking.ask(text, model, endpoint)
            return
        options = replace(options, model_map=_model_map(model_map or ()))
        with Bridge(_settled(options)) as bridge:
            bridge.wait_ready()
            asking.ask(text, model, asking.Endpoint(bridge.base_url, bridge.api_key))
    except asking.AskError as error:
        _say(str(error))
        raise typer.Exit(1) from None
    except (BridgeError, login.LoginError) as error:
        _say(str(error))
        raise typer.Exit(BRIDGE_FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def main() -> None:
    """The entry point: a known verb, or else the command to wrap."""
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else None
    if first == "run":
        wrapper(arguments[1:], prog_name="claude-run")
    elif first in {command.name for command in verbs.registered_commands}:
        verbs(arguments, prog_name="claude-run")
    else:
        wrapper(arguments, prog_name="claude-run")


def _wrap(command: Sequence[str], settings: Settings, *, quiet: bool) -> int:
    """Run `command` beside a bridge; its exit status, or ours if it never ran."""
    try:
        settings = _settled(settings)
        held = child.hold_signals()
        with Bridge(settings, before_exec=held.release) as bridge:
            environment = child.command_environment(os.environ, bridge.base_url, bridge.api_key)
            began = time.monotonic()
            status = child.run(command, environment, held, lambda: _tell_if_dead(bridge))
            wall = time.monotonic() - began
            if (obituary := bridge.obituary()) is not None:
                _say(obituary)
    except (BridgeError, login.LoginError) as error:
        _say(str(error))
        return BRIDGE_FAILED
    except child.StartError as error:
        _say(str(error))
        return error.status
    if not quiet:
        _summarise(bridge, wall)
    return status


def _summarise(bridge: Bridge, wall: float) -> None:
    if bridge.report is not None:
        # The bridge's own clock starts when its imports are done; the command's is meant.
        print_summary({**bridge.report, "wall_seconds": wall}, stderr=sys.stderr)
    elif bridge.is_ready:
        _say("there is no summary: the bridge ended without its report.")
    else:
        print_summary(None, stderr=sys.stderr)


def _tell_if_dead(bridge: Bridge) -> None:
    if (obituary := bridge.obituary()) is not None:
        _say(f"{obituary}\nclaude-run: the command goes on, but its calls to Claude will fail.")


def _settled(settings: Settings) -> Settings:
    """`settings` with who pays decided, and said where it is about money.

    Raises:
        LoginError: nobody may.
    """
    decision = login.who_pays(settings, os.environ)
    if decision.line is not None:
        _say(decision.line)
    return replace(settings, withheld=decision.withheld, paid_by=decision.paid_by)


def _model_map(flags: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The flags first, then what the environment adds."""
    added = [entry for entry in re.split(r"[\s,]+", os.environ.get(MODEL_MAP, "")) if entry]
    return _pairs(flags, "--model-map") + _pairs(added, MODEL_MAP)


def _pairs(entries: Sequence[str], origin: str) -> tuple[tuple[str, str], ...]:
    try:
        return parse_model_map(entries)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=origin) from None


def _say(message: str) -> None:
    with suppress(OSError, ValueError):
        if sys.stderr is not None:  # print would take stdout instead, which is the command's
            print(f"claude-run: {message}", file=sys.stderr, flush=True)
