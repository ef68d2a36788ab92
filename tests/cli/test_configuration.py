"""Where values come from: the order of the sources, and what each may say."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from claude_run.cli import files
from claude_run.cli.arguments import UsageError
from claude_run.cli.configuration import command_line, environment, raised, settings
from claude_run.cli.files import personal_path, standing
from claude_run.cli.options import BY_NAME, DEFAULTS, OPTIONS, Option
from claude_run.cli.verbs import configurable
from tests.wrapped import CLAUDE_RUN, finished, sealed

KNOWN = configurable()

# Where a value may stand, the nearest first: what a test has to do to put it there.
Places = Mapping[str, Callable[[str, str], None]]
ORDER = ("command line", "environment", "pyproject.toml", "claude-run.toml", "config.toml")

# Five values for each kind of option, in the words of a command line.
FIVE = {
    "timeout": ("1s", "2m", "3h", "4d", "5"),
    "max-body": ("1k", "2MB", "3GB", "4", "5m"),
    "max-concurrency": ("1", "2", "3", "4", "5"),
    "max-cost": ("5", "4.5", "4", "3.5", "3"),
    "default-model": ("a", "b", "c", "d", "e"),
    "history": ("true", "false", "true", "false", "true"),
    "sessions": ("fresh", "recycled", "fresh", "recycled", "fresh"),
    "fail-on": ("miss", "limit,budget", "errors", "no-calls", "unused"),
}


class Here:
    """A directory with every source of a configuration in it."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self.below = self.project / "deep" / "down"
        self.below.mkdir(parents=True)
        self.personal = directory / "config" / "claude-run" / "config.toml"
        self.personal.parent.mkdir(parents=True)
        self.variables = {"XDG_CONFIG_HOME": str(directory / "config")}
        self.typed: dict[str, list[str]] = {}

    def write(self, place: str, line: str) -> None:
        heading = "[tool.claude-run]\n" if place == "pyproject.toml" else ""
        path = self.personal if place == "config.toml" else self.project / place
        path.write_text(heading + line)

    def say(self, place: str, name: str, text: str) -> None:
        match place:
            case "command line":
                self.typed[name] = [text]
            case "environment":
                self.variables[BY_NAME[name].variable] = text
            case _:
                self.write(place, f"{name} = {json.dumps(text)}\n")

    def value(self, name: str) -> Any:
        [setting] = [one for one in self.settings() if one.option.name == name]
        return setting.value

    def settings(self) -> Any:
        return settings(OPTIONS, self.sources())

    def sources(self) -> Any:
        return [command_line(self.typed), *standing(KNOWN, self.variables)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    here = Here(tmp_path)
    monkeypatch.chdir(here.below)
    return here


@pytest.mark.parametrize("name", FIVE)
@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_nearest_source_that_says_something_decides(name: str, first: int, here: Here) -> None:
    texts = dict(zip(ORDER, FIVE[name], strict=True))
    for place in reversed(ORDER[first:]):
        here.say(place, name, texts[place])
    assert here.value(name) == BY_NAME[name].kind.read(texts[ORDER[first]])


def test_what_may_be_repeated_gathers_from_every_source_the_nearest_first(here: Here) -> None:
    for place in ORDER:
        here.say(place, "model-map", f"{place[:3]}=sonnet")
    mapped = [source for source, _ in here.value("model-map")]
    assert mapped == [place[:3] for place in ORDER]


def test_a_model_for_everything_leaves_only_the_maps_that_are_nearer(here: Here) -> None:
    for place in ("command line", "pyproject.toml", "config.toml"):
        here.say(place, "model-map", f"{place[:3]}=sonnet")
    here.say("environment", "model", "opus")
    assert here.value("model-map") == (("com", "sonnet"),)


def test_without_any_source_the_library_and_the_command_line_have_the_same_defaults(
    here: Here,
) -> None:
    for setting in here.settings():
        assert setting.sources == ()
        if hasattr(DEFAULTS, setting.option.field):
            assert setting.value == getattr(DEFAULTS, setting.option.field)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_value_can_be_shown_as_it_is_written(option: Option) -> None:
    kind = option.kind
    written = {
        "": "true", "N": "3", "FROM=TO": "gpt-*=sonnet", "TIME": "90m", "SIZE": "512k",
        "PORT": "8000", "USD": "2.5", "PCT": "80", "FACTOR": "2", "REGEX": "a, b",
        "NAME=VALUE": "A={base_url}",
    }.get(kind.metavar, kind.choices[0] if kind.choices else "text")  # fmt: skip
    value = kind.read(written)
    assert kind.read(kind.show(value)) == value


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("history = true", "history", True),
        ("timeout = 90", "timeout", 90.0),
        ("max_cost = 2.5", "max-cost", 2.5),
        ("max-cost = 2", "max-cost", 2.0),
        ('max-body = "64MB"', "max-body", 64 * 1024 * 1024),
        ('fail-on = ["miss", "errors"]', "fail-on", ("miss", "errors")),
        ('fail-on = "miss, errors"', "fail-on", ("miss", "errors")),
        ('ignore = ["a, b", "c"]', "ignore", ("a, b", "c")),
        ('model-map = ["a=opus", "b=haiku"]', "model-map", (("a", "opus"), ("b", "haiku"))),
        ('model-map = { a = "opus", b = "c" }', "model-map", (("a", "opus"), ("b", "c"))),
        ('model-map = "a=opus"', "model-map", (("a", "opus"),)),
    ],
)  # fmt: skip
def test_values_stand_in_a_file_as_toml_has_them(
    line: str, name: str, value: Any, here: Here
) -> None:
    here.write("pyproject.toml", line)
    assert here.value(name) == value


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("modle-map = 'a=b'", "there is no option 'modle-map'; did you mean model-map?"),
        ("timeout = 'soon'", "timeout: 'soon' is not a time above 0"),
        ("timeout = true", "timeout = True is no value; it takes TIME"),
        ("sessions = 'recycle'", "'recycle' is none of recycled, fresh; did you mean recycled?"),
        ("fail-on = ['mis']", "'mis' is none of limit, budget, errors"),
        ("history = []", "history = [] is no value; it takes true or false"),
        ("label = [1]", "label = [1] is no value; it takes NAME"),
        ("max-calls = -1", "'-1' is not a whole number, 1 or more"),
        ("max-calls = 2.5", "'2.5' is not a whole number, 1 or more"),
        ("max-calls = 1\nmax_calls = 2", "stands there twice"),
        ("model-map = { a = 1 }", "is no value; it takes FROM=TO"),
        ("label = 1979-05-27", "is no value; it takes NAME"),
        ("ignore = '('", "'(' is not a regular expression of RE2"),
        ("label = '", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),
    ],
)
@pytest.mark.parametrize("place", ["pyproject.toml", "claude-run.toml", "config.toml"])
def test_what_a_file_cannot_mean_is_said_with_its_place(
    place: str, line: str, told: str, here: Here
) -> None:
    here.write(place, line)
    with pytest.raises(UsageError) as caught:
        here.settings()
    assert told in str(caught.value)
    assert place in str(caught.value)


def test_a_misspelt_variable_is_told_and_others_with_the_prefix_are_somebody_elses() -> None:
    environment(OPTIONS, {"CLAUDE_RUN": "1", "CLAUDE_RUN_ID": "7", "CLAUDE_RUN_STARTED_BY": "me"})
    with pytest.raises(UsageError, match="did you mean CLAUDE_RUN_MODEL_MAP"):
        environment(OPTIONS, {"CLAUDE_RUN_MODLE_MAP": "a=b"})


# --- which files --------------------------------------------------------------------------


def test_the_nearest_file_of_each_name_counts_and_one_without_our_table_is_passed_by(
    here: Here,
) -> None:
    here.write("pyproject.toml", "label = 'far'")
    (here.below / "pyproject.toml").write_text("[tool.other]\nlabel = 'no'\n[broken\n")
    assert here.value("label") == "far"
    (here.below.parent / "pyproject.toml").write_text("[tool]\nclaude-run.label = 'near'")
    assert here.value("label") == "near"
    (here.below.parent / "pyproject.toml").write_text("[tool]\nclaude-run = 'near'")
    with pytest.raises(UsageError, match="is to be a table"):
        here.settings()


def test_the_persons_own_file_is_where_platformdirs_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for place in (str(tmp_path), " ", "relative", ""):
        monkeypatch.setenv("XDG_CONFIG_HOME", place)
        expected = platformdirs.user_config_path("claude-run", appauthor=False) / "config.toml"
        assert personal_path(os.environ) == str(expected), place
    monkeypatch.delenv("XDG_CONFIG_HOME")
    expected = platformdirs.user_config_path("claude-run", appauthor=False) / "config.toml"
    assert personal_path(os.environ) == str(expected)


def test_a_working_directory_that_is_gone_has_no_project(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.write("config.toml", "label = 'mine'")
    monkeypatch.chdir(here.below)
    here.below.rmdir()
    assert here.value("label") == "mine"


def test_where_anyone_may_write_another_users_file_is_left_out(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here.write("claude-run.toml", "label = 'theirs'")
    here.project.chmod(0o777)
    assert here.value("label") == "theirs"  # it is ours
    monkeypatch.setattr(os, "getuid", lambda: os.stat(here.project).st_uid + 1)
    monkeypatch.setattr(files, "_TRUSTED", frozenset())
    assert here.value("label") is None
    assert "is left out: anyone may write" in capsys.readouterr().err


# --- what a project may not ---------------------------------------------------------------

PERSONAL = {"allow-host", "billing", "extra-usage", "hide-login", "host", "keep", "set"}
PROJECTS = {
    "drain", "for", "rehearse", "anthropic", "quiet", "summary", "json", "markdown", "report",
    "log", "title",
    "history", "model", "model-map", "default-model", "timeout", "max-concurrency", "max-sessions",
    "max-body", "max-calls", "max-tokens", "max-cost", "max-window", "on-limit", "max-wait",
    "deadline", "fail-on", "label", "cassette", "record", "ignore", "redact", "record-errors",
    "repeat", "replay-speed", "strict-params", "sessions", "port",
}  # fmt: skip


def test_of_every_option_it_is_decided_whether_a_project_may_set_it() -> None:
    """A new one: may a cloned repository spend somebody's money by it, send a login elsewhere,
    open the bridge to others, or run a program? Then say so in its row: personal=..."""
    assert {name for name, option in KNOWN.items() if option.personal} == PERSONAL
    assert {name for name, option in KNOWN.items() if not option.personal} == PROJECTS


@pytest.mark.parametrize("place", ["pyproject.toml", "claude-run.toml"])
@pytest.mark.parametrize("name", sorted(PERSONAL))
def test_a_project_may_not_set_what_is_personal(name: str, place: str, here: Here) -> None:
    by_name = {"set": "A=b", "host": "127.0.0.2", "allow-host": "box"}
    value = next(reversed(KNOWN[name].kind.choices), by_name.get(name, "true"))
    assert KNOWN[name].configurable
    here.say("config.toml", name, value)
    here.settings()
    here.say(place, name, value)
    with pytest.raises(UsageError) as caught:
        here.settings()
    assert f"{name} is not for a project's file to set: {KNOWN[name].personal}" in str(caught.value)
    assert str(personal_path(os.environ)) in str(caught.value)


def test_paths_in_a_file_are_relative_to_it_and_a_projects_stay_below_it(here: Here) -> None:
    here.write("pyproject.toml", "log = 'logs/here'")
    assert here.value("log") == str(here.project / "logs" / "here")
    here.write("config.toml", "report = '~/runs.html'\njson = '../run.json'")
    assert here.value("report") == os.path.expanduser("~/runs.html")
    assert here.value("json") == f"{here.personal.parent}/../run.json"
    (here.project / "out").symlink_to(here.personal.parent)
    for leading_out in ("../logs", "/tmp/logs", "out/logs", "a/../../logs", "out"):
        here.write("claude-run.toml", f"log = '{leading_out}'")
        with pytest.raises(UsageError, match="leads out of"):
            here.settings()


def test_a_budget_that_a_project_raises_is_told(here: Here) -> None:
    here.say("config.toml", "max-cost", "5")
    here.say("pyproject.toml", "max-cost", "500")
    [told] = raised(OPTIONS, here.sources())
    assert "max-cost is 500, as " in told
    assert "your own is 5 (" in told
    here.say("pyproject.toml", "max-cost", "4")
    assert list(raised(OPTIONS, here.sources())) == []
    here.say("environment", "max-cost", "50")
    assert list(raised(OPTIONS, here.sources())) == []


# --- as a person sees it ------------------------------------------------------------------


def claude_run(here: Here, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = sealed(here.project, **here.variables, **variables)
    return finished([*CLAUDE_RUN, *arguments], environment, cwd=here.below)


def test_config_prints_what_holds_and_who_says_so(here: Here) -> None:
    here.write("pyproject.toml", "history = true\nmodel-map = { 'gpt-*' = 'sonnet' }")
    result = claude_run(here, "config", CLAUDE_RUN_TIMEOUT="5m")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["history", "true", f"{here.project}/pyproject.toml"] in rows
    assert ["timeout", "5m", "environment"] in rows
    assert ["max-body", "32MB", "default"] in rows
    document = json.loads(claude_run(here, "config", "--json").stdout)
    assert document["options"]["model-map"]["value"] == [["gpt-*", "sonnet"]]
    assert document["files"] == [f"{here.project}/pyproject.toml"]


@pytest.mark.usefixtures("verified")
def test_a_run_does_what_the_file_says(here: Here) -> None:
    here.write("claude-run.toml", "rehearse = true\nhistory = true\nsummary = 'none'")
    state = {"XDG_STATE_HOME": str(here.project / "state")}
    assert claude_run(here, "--", *CLAUDE_RUN, "ask", "hi", **state).returncode == 0
    [kept] = here.project.glob("state/**/history.jsonl")
    assert json.loads(kept.read_text())["paid_by"] == "rehearsal"
    assert "total" in claude_run(here, "usage", **state).stdout


def test_a_wrong_file_stops_the_command_and_no_verb_that_needs_no_option(here: Here) -> None:
    here.write("pyproject.toml", "billing = 'api-key'")
    result = claude_run(here, "--rehearse", "--", "true")
    assert (result.returncode, result.stdout) == (2, "")
    assert "billing is not for a project's file to set" in result.stderr
    assert claude_run(here, "help", "ask").returncode == 0


IMPORTED = """
import sys
from claude_run.cli import main
sys.argv = ["claude-run", "--rehearse", "-q", "--", "true"]
try:
    main()
finally:
    print(*sys.modules)
"""


def test_a_start_without_files_imports_nothing_to_read_them(here: Here) -> None:
    (here.project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    environment = sealed(here.project, **here.variables)
    imported = finished([sys.executable, "-c", IMPORTED], environment, cwd=here.below)
    assert "claude_run.cli.run" in imported.stdout.split()
    unread = {"tomllib", "tomli", "claude_run.turn"}  # nor what only a request needs
    assert not unread & set(imported.stdout.split())
