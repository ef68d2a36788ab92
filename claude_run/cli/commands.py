"""The verbs as Typer commands, made from their rows: Typer takes what was typed apart, and helps.

Values come from the command line, the environment and files alike, so that what a text is worth
is decided in one place, by the kind of its option. Typer's own conversion is not asked: it
imports Pydantic, which takes longer than all that happens before the wrapped command starts.
Only the command that is called is made, and Rich comes with the help.
"""

import inspect
import os
import re
from collections.abc import Sequence, Set
from functools import cache
from typing import Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from claude_run import __version__
from claude_run.cli.arguments import Arguments, UsageError
from claude_run.cli.configuration import command_line, raised, settings
from claude_run.cli.files import standing
from claude_run.cli.nearest import nearest
from claude_run.cli.options import Group, Option
from claude_run.cli.saying import say
from claude_run.cli.verbs import BY_NAME, RUN, VERBS, Call, Verb, configurable

NAME: Final = "claude-run"
SETTINGS: Final = {"help_option_names": ["-h", "--help"], "allow_extra_args": True}
MAPS: Final = frozenset({"model_map", "default_model", "model"})
PANEL: Final = f"Verbs (`{NAME} help VERB` tells more)"
_ORDER: Final = {group: place for place, group in enumerate(Group)}

# Click's UsageError, which has a public name in no version of Typer.
_WRONG: Final = cast(type[Exception], typer.BadParameter.__mro__[1])


class VerbCommand(TyperCommand):
    """A verb; words and options may stand in any order."""

    def collect_usage_pieces(self, _ctx: Any) -> list[str]:
        assert self.name is not None  # noqa: S101 - it is a row's
        return [BY_NAME[self.name].usage.removeprefix(self.name).strip()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return _parsed(self, ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _make_plain(self, ctx)
        super().format_help(ctx, formatter)


class Program(TyperGroup):
    """`claude-run` itself: a verb's name calls the verb, and any other word is the command to
    wrap, which ends the options."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return [verb.name for verb in VERBS if verb is not RUN and not verb.hidden]

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        return command_of(BY_NAME[cmd_name]) if cmd_name in BY_NAME else None

    def collect_usage_pieces(self, _ctx: Any) -> list[str]:
        return [RUN.usage]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return _parsed(self, ctx, args)

    def invoke(self, ctx: Any) -> Any:
        taken: Arguments = ctx.obj
        word, *rest = taken.words or ("",)
        if taken.texts or taken.marked or word not in BY_NAME:
            return ctx.invoke(self.callback)
        command = command_of(BY_NAME[word])
        with command.make_context(word, rest, parent=ctx) as inner:
            return command.invoke(inner)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _make_plain(self, ctx)
        for name in self.list_commands(ctx):
            _make_plain(command_of(BY_NAME[name]), ctx)
        super().format_help(ctx, formatter)


def done(arguments: Sequence[str]) -> int:
    """Do what `arguments` say; the exit status. Raises UsageError."""
    status: int = _program().main([*arguments], prog_name=NAME, standalone_mode=False)
    return status


@cache
def _program() -> Any:
    app = _typer()
    app.callback(
        cls=Program,
        invoke_without_command=True,
        help=_help(RUN),
        context_settings={**SETTINGS, "allow_interspersed_args": False},
    )(_callback(RUN, _version()))
    return get_command(app)


@cache
def command_of(verb: Verb) -> Any:
    app = _typer()
    app.command(
        verb.name,
        cls=VerbCommand,
        help=_help(verb),
        short_help=verb.summary,
        rich_help_panel=PANEL,
        hidden=verb.hidden,
        context_settings={**SETTINGS, "allow_interspersed_args": verb is not RUN},
    )(_callback(verb))
    return get_command(app)


def _typer() -> typer.Typer:
    return typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )


def _help(verb: Verb) -> str:
    examples = "\n".join(["Examples:", *(f"  {example}" for example in verb.examples)])
    return "\n\n".join(filter(None, (verb.summary, examples if verb.examples else "", verb.about)))


def _callback(verb: Verb, *more: inspect.Parameter) -> Any:
    """A function with a parameter for each option of `verb`, which Typer reads; called, it does
    the verb with what was typed."""

    def act(context: typer.Context, **_: Any) -> int:
        return _acted(verb, context.obj)

    ordered = sorted(verb.options, key=lambda option: _ORDER[option.group])
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    context = inspect.Parameter("context", kind, annotation=typer.Context)
    parameters = [context, *more, *map(_parameter, ordered)]
    act.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return act


def _parameter(option: Option) -> inspect.Parameter:
    type_: Any = list[str] if option.kind.repeated else str
    long = option.flag
    if option.kind.is_flag:
        type_, long = bool, f"{option.flag}/--no-{option.name}"
    told = typer.Option(
        None,
        *option.flags[:-1],
        long,
        metavar=option.kind.metavar,
        help=option.help,
        rich_help_panel=option.group.value,
    )
    return _keyword(option.field, type_, told)


def _version() -> inspect.Parameter:
    told = typer.Option(None, "--version", metavar="", help="Show the version and exit.")
    return _keyword("version", bool, told)


def _keyword(name: str, annotation: Any, told: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=told, annotation=annotation)


def _parsed(command: Any, context: Any, arguments: Sequence[str]) -> list[str]:
    """What a command's `parse_args` does, without the conversion.

    Raises:
        UsageError: an option is unknown, or lacks its value.
    """
    verb = BY_NAME.get(command.name or "", RUN)
    try:
        given, words, order = command.make_parser(context).parse_args(args=[*arguments])
    except _WRONG as error:
        raise UsageError(_worded(error, verb, arguments)) from None
    flags = {flag for parameter in order for flag in parameter.opts}
    if "--help" in flags:
        typer.echo(context.get_help(), nl=False)
        context.exit()
    if "--version" in flags:
        typer.echo(f"{NAME} {__version__}")
        context.exit()
    before = len(arguments) - len(words)
    marked = before > 0 and arguments[before - 1] == "--"
    names = {parameter.name for parameter in order}
    context.obj = Arguments(_texts(verb, names, given), words, marked, arguments[:before])
    context.args = [*words]
    return [*words]


def _texts(verb: Verb, names: Set[str], given: Any) -> dict[str, list[str]]:
    """What was given for each option; of a flag and its negation the last one counts."""
    return {
        option.name: given[option.field] if option.kind.repeated else [_text(given[option.field])]
        for option in verb.options
        if option.field in names
    }


def _text(given: str | bool) -> str:
    return str(given).lower() if isinstance(given, bool) else given


def _worded(error: Any, verb: Verb, arguments: Sequence[str]) -> str:
    """What Typer found wrong, and what to type instead."""
    flag = getattr(error, "option_name", None)
    if flag is not None and hasattr(error, "possibilities"):  # there is no such option
        return f"there is no option {_meant(flag, verb, arguments)}"
    for option in verb.options:
        if flag in option.flags and option.kind.is_flag:
            return f"{flag} takes no value; --no-{option.name} is its opposite"
        if flag in option.flags:
            return f"{flag} needs a value: {flag} {option.kind.metavar}"
    return str(error.format_message())


def _meant(flag: str, verb: Verb, arguments: Sequence[str]) -> str:
    """`flag`, which there is not, and what it may have been. Letters behind one dash are options
    each, and may have been meant as a name; of a question every word that begins with a dash is
    taken for an option."""
    letters = (word for word in arguments if re.match("-[^-]", word) and flag[1:] in word)
    typed = (flag if flag.startswith("--") else next(letters, flag)).partition("=")[0]
    names = {"help": "--help", **{option.name: option.flag for option in verb.options}}
    if verb is RUN:
        names |= {"version": "--version", "V": "--version"}
    name = nearest(typed.lstrip("-"), names)
    if name is not None:
        return f"{typed}; did you mean {names[name]}?"
    return f"{flag}; behind -- every word is one of the question" if verb.name == "ask" else flag


def _acted(verb: Verb, taken: Arguments) -> int:
    """Do `verb` as it was typed; the exit status. Raises UsageError."""
    if verb.most is not None and len(taken.words) > verb.most:
        raise UsageError(
            f"{verb.name} does not take {taken.words[verb.most]!r}; it is used so:"
            f" {NAME} {verb.usage}"
        )
    given = frozenset(option.field for option in verb.options if option.name in taken.texts)
    values = _values(verb, taken)
    if MAPS & {name for name, value in values.items() if value}:
        from claude_run.cli.targets import refuse_unknown  # noqa: PLC0415 - most have no map

        refuse_unknown(verb, values, given)
    return verb.act(Call(values, given, taken.words, taken.marked, taken.typed))


def _values(verb: Verb, taken: Arguments) -> dict[str, Any]:
    """A value for every option of `verb`, by field; files are only looked for where one counts."""
    sources = [command_line(taken.texts)]
    if any(option.configurable for option in verb.options):
        sources += standing(configurable(), os.environ)
        for sentence in raised(verb.options, sources):
            say(sentence)
    return {found.option.field: found.value for found in settings(verb.options, sources)}


def _make_plain(command: Any, context: Any) -> None:
    """Prepare `command` for its help: what looks like Rich's markup in our texts is none, and
    flags have no type."""
    from rich.markup import escape  # noqa: PLC0415 - only who asks for help waits for it

    for text in ("help", "short_help"):
        setattr(command, text, escape(getattr(command, text) or ""))
    for parameter in command.get_params(context):
        parameter.help = escape(parameter.help or "")
        parameter.metavar = parameter.metavar or ""
        parameter.secondary_opts = []  # `--no-...` is understood, and need not be read
