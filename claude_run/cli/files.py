"""The files that options may stand in: a project's two, and the person's own.

Every start looks for them, so nothing is imported for that; the parser is imported where there
is something to parse. A project's files come with it, from whoever wrote it: what is personal
they may not set, and what they have written stays below them.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from claude_run.cli.arguments import UsageError, value_of
from claude_run.cli.configuration import Source, environment
from claude_run.cli.kinds import MAPPING
from claude_run.cli.nearest import did_you_mean
from claude_run.cli.options import Option
from claude_run.cli.saying import say

PYPROJECT: Final = "pyproject.toml"
TABLE: Final = "claude-run"
OWN: Final = "claude-run.toml"
PERSONAL: Final = "config.toml"

_HEADINGS: Final = frozenset({"tool", TABLE})
"""What only pyproject.toml needs, and who has read of that writes elsewhere, too."""

_ANYONE: Final = 0o002
_TRUSTED: Final = frozenset({0})  # root


class File(NamedTuple):
    """A file that was found and read; `table` is what it says of claude-run."""

    path: str
    table: Mapping[str, Any]
    is_project: bool = True

    @property
    def directory(self) -> str:
        return os.path.dirname(self.path)

    def said(self, key: str) -> str:
        """How a complaint about `key` begins."""
        return f"{self.path}: {key}"


def standing(known: Mapping[str, Option], variables: Mapping[str, str]) -> list[Source]:
    """What holds beside a command line: the environment, and the files that count here, the
    nearest first. `known` are the options by name.

    Raises:
        UsageError: a file cannot be read, or one of them says what cannot be meant.
    """
    files = [source(file, known) for file in found(variables)]
    return [environment(list(known.values()), variables), *files]


def found(variables: Mapping[str, str]) -> Iterator[File]:
    """The files there are, in the order in which they count."""
    above = list(_above())
    for name in (PYPROJECT, OWN):
        for directory in above:
            path = os.path.join(directory, name)
            if (table := _table(path)) is not None and _is_trusted(path):
                yield File(path, table)
                break
    path = personal_path(variables)
    if (table := _table(path)) is not None:
        yield File(path, table, is_project=False)


def personal_path(variables: Mapping[str, str]) -> str:
    """The person's own file, which need not exist."""
    directory = variables.get("XDG_CONFIG_HOME", "").strip()
    if sys.platform == "linux" and os.path.isabs(directory):  # as platformdirs has it
        return os.path.join(directory, "claude-run", PERSONAL)
    if sys.platform == "linux" and not directory:
        return os.path.join(os.path.expanduser("~"), ".config", "claude-run", PERSONAL)
    from platformdirs import user_config_dir  # noqa: PLC0415 - it takes longer than all the rest

    return os.path.join(user_config_dir("claude-run", appauthor=False), PERSONAL)


def source(file: File, known: Mapping[str, Option]) -> Source:
    """What `file` says of the options that are `known`, by name.

    Raises:
        UsageError: it names another, or says of one what is no value for it.
    """
    texts: dict[str, list[str]] = {}
    for key, value in file.table.items():
        option = _option(file, key, known)
        if option.name in texts:
            raise UsageError(f"{file.said(key)} stands there twice, with a dash and without")
        texts[option.name] = [_placed(file, option, text) for text in _texts(file, option, value)]
        if texts[option.name]:
            value_of(option, file.said(key), texts[option.name])  # also where no verb needs it yet
    return Source(file.path, texts, lambda option: file.said(option.name), file.is_project)


def _above() -> Iterator[str]:
    """The working directory, and those above it."""
    try:
        directory = os.getcwd()
    except OSError:  # it is gone
        return
    yield directory
    while (parent := os.path.dirname(directory)) != directory:
        directory = parent
        yield directory


def _table(path: str) -> Mapping[str, Any] | None:
    """What stands in the file at `path` for claude-run; None if there is nothing."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if os.path.basename(path) != PYPROJECT:
        return _parsed(path, content)
    if TABLE.encode() not in content:  # most have nothing for us, and need no parser
        return None
    tool = _parsed(path, content).get("tool")
    table = tool.get(TABLE) if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: tool.{TABLE} is to be a table: [tool.{TABLE}]")
    return table


def _parsed(path: str, content: bytes) -> Mapping[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:
        import tomli as tomllib  # noqa: PLC0415
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # some editors begin with a mark
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start})") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None


def _is_trusted(path: str) -> bool:
    """Where anyone may write, as in /tmp, another user's file is none of this project."""
    if not os.stat(os.path.dirname(path)).st_mode & _ANYONE:
        return True
    if os.stat(path).st_uid in {*_TRUSTED, os.getuid()}:
        return True
    say(f"{path} is left out: anyone may write to that directory, and it is another user's file")
    return False


def _option(file: File, key: str, known: Mapping[str, Option]) -> Option:
    option = known.get(key.replace("_", "-"))
    if option is None and key in _HEADINGS:
        raise UsageError(
            f"{file.path}: options stand here by themselves, without [{key}] above them; only"
            f" {PYPROJECT} has them in [tool.{TABLE}]"
        )
    if option is None:
        raise UsageError(f"{file.path}: there is no option {key!r}{did_you_mean(key, known)}")
    if option.personal and file.is_project:
        raise UsageError(
            f"{file.said(key)} is not for a project's file to set: {option.personal}. Set it"
            f" yourself: {option.flag}, {option.variable}, or {key} in"
            f" {personal_path(os.environ)}"
        )
    return option


def _texts(file: File, option: Option, value: object) -> list[str]:
    """`value` in the words of a command line."""
    match value:
        case bool() if option.kind.is_flag:
            return ["true" if value else "false"]
        case str() | int() | float() if not isinstance(value, bool):
            return [str(value)]
        case list() if option.kind.repeated:
            return [text for one in value for text in _texts(file, option, one)]
        case list() if option.kind.is_plural and all(isinstance(one, str) for one in value):
            return [",".join(value)]
        case dict() if option.kind is MAPPING and all(isinstance(to, str) for to in value.values()):
            return [f"{name}={to}" for name, to in value.items()]
    raise UsageError(
        f"{file.said(option.name)} = {value!r} is no value; it takes {_wanted(option)}"
    )


def _wanted(option: Option) -> str:
    if option.kind.is_flag:
        return "true or false"
    return " or ".join(option.kind.choices) or option.kind.metavar


def _placed(file: File, option: Option, text: str) -> str:
    """`text` from where it is read; only paths depend on that."""
    if not (option.kind.is_path and text):
        return text
    if not file.is_project:
        return os.path.join(file.directory, os.path.expanduser(text))
    placed = os.path.join(file.directory, text)
    inside = os.path.join(os.path.realpath(file.directory), "")
    if not os.path.realpath(placed).startswith(inside):
        raise UsageError(
            f"{file.said(option.name)} = {text!r} leads out of {file.directory}: a project's file"
            f" may only name what is below it. Elsewhere you say it yourself: {option.flag}"
        )
    return placed
