"""The pytest plugin in suites of its own, which a real pytest runs, rehearsing or replaying."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import claude_run
from claude_run.pytest_plugin.costs import lines
from claude_run.pytest_plugin.marks import file_name, label_of
from claude_run.settings import LONGEST_LABEL
from tests.readme import README
from tests.wrapped import CLAUDE_RUN, sealed

ROOT = Path(claude_run.__file__).parents[1]
SUITE = """
import asyncio, os, pytest

def ask(client, text="hello", model="sonnet"):
    message = {"role": "user", "content": text}
    answer = client.chat.completions.create(model=model, messages=[message])
    return answer.choices[0].message.content

@pytest.mark.claude(cassette=True)
@pytest.mark.parametrize("word", ["one", "two/three"])
def test_recorded(claude, word):
    assert "rehearsal" in ask(claude, word)

@pytest.mark.claude(model_map={"gpt-*": "haiku"}, max_calls=1)
class TestRules:
    def test_budget(self, claude):
        assert "claude-haiku" in ask(claude, model="gpt-4.1")
        with pytest.raises(Exception, match="budget of .*test_budget is used up"):
            ask(claude.with_options(max_retries=0))

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_async(async_claude, anyio_backend):
    message = {"role": "user", "content": "hello"}
    answer = await async_claude.chat.completions.create(model="sonnet", messages=[message])
    assert "rehearsal" in answer.choices[0].message.content

def test_failing(claude):
    assert ask(claude, "What is the answer?") == "42"

def test_swallowing(claude):
    try:
        ask(claude.with_options(max_retries=0), "What nobody has recorded")
    except Exception:
        pass

def test_of_something_else():
    pass
"""
WRONG = """
import sys
import pytest

@pytest.mark.claude(max_cals=3)
def test_misspelt(claude): pass

@pytest.mark.claude(3)
def test_nameless(claude): pass

@pytest.fixture
def not_installed(monkeypatch): monkeypatch.setitem(sys.modules, "openai", None)

def test_without_openai(not_installed, claude): pass
"""


def suite(directory: Path, **files: str) -> Path:
    """A directory with a suite, and the plugin's entry point as pip would have made it."""
    project = directory / "project"
    project.mkdir()
    for name, text in files.items():
        (project / f"{name}.py").write_text(text)
    if not any("claude_run" in point.value for point in entry_points(group="pytest11")):
        made = directory / "site" / "claude_run_entry-0.dist-info"
        made.mkdir(parents=True)
        table = re.search(
            r"^\[project\.entry-points\.pytest11\]\n(.*?)\n\n",
            (ROOT / "pyproject.toml").read_text(),
            re.DOTALL | re.MULTILINE,
        )
        assert table is not None
        points = table[1].replace('"', "")
        (made / "entry_points.txt").write_text(f"[pytest11]\n{points}\n")
        (made / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: claude-run-entry\nVersion: 0\n"
        )
    return project


def pytested(
    project: Path, *options: str, under: tuple[str, ...] = (), **variables: str
) -> "subprocess.CompletedProcess[str]":
    """pytest in `project`, in a sealed environment, perhaps `under` claude-run."""
    environment = sealed(project.parent, CLAUDE_RUN_REHEARSE="1", **variables)
    environment.pop("CI", None)
    environment["PYTHONPATH"] = f"{environment['PYTHONPATH']}:{project.parent / 'site'}"
    environment |= {name: text for name, text in variables.items() if name == "CI"}
    command = [*under, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    [example] = re.findall(
        r"^## In pytest\n.*?```python\n(.*?)```", README.read_text(), re.DOTALL | re.MULTILINE
    )
    return suite(tmp_path_factory.mktemp("suite"), test_claude=SUITE, test_readme=example)


@pytest.fixture(scope="module")
def first(project: Path) -> str:
    """What pytest says of the suite, which it runs for the first time."""
    result = pytested(project, "--claude-costs", "-v")
    return result.stdout


def test_each_test_has_its_own_rules_and_its_own_figures(first: str) -> None:
    assert re.search(r"1 failed, 7 passed", first), first
    summary = first.partition(" Claude ")[2]
    row = re.compile(r"^ *(\d+) +(\d+) +\d+ +\S+ \S+ +[\d,]+ +- +\S+?::(\S.*)$", re.MULTILINE)
    assert sorted(row.findall(summary)) == [
        ("1", "0", "test_async[asyncio]"),
        ("1", "0", "test_failing"),
        ("1", "0", "test_recorded[one]"),
        ("1", "0", "test_recorded[two/three]"),
        ("1", "0", "test_swallowing"),
        ("1", "0", "test_translation"),
        ("2", "0", "TestRules::test_budget"),
    ]
    assert re.search(r"^8 calls: 0 replayed, 8 asked, .* 1 failed$", summary, re.MULTILINE)


def test_a_failed_test_shows_what_it_asked(first: str) -> None:
    report = first.partition("Asked of Claude")[2].partition("short test summary")[0]
    assert "user:\nWhat is the answer?" in report
    assert "This is a rehearsal." in report


def test_cassettes_stand_beside_the_tests(project: Path, first: str) -> None:
    assert first
    made = sorted(path.name for path in (project / "cassettes" / "test_claude").iterdir())
    assert made[0].startswith("test_recorded-one-")
    assert len(made) == 2


def test_who_only_replays_asks_nobody_and_is_told_how_to_record(project: Path, first: str) -> None:
    assert first
    wanted = ("-k", "failing or recorded or swallowing")
    result = pytested(project, *wanted, "--claude-record=none")
    assert re.search(r"1 failed, 3 passed, .*1 error", result.stdout), result.stdout
    assert "4 calls: 2 replayed, 0 asked, 2 missed, 0 tokens, 2 failed" in result.stdout
    assert "1 request of this test had no recording, and it passed all the same." in result.stdout
    assert "Nothing recorded answers this request" in result.stdout
    assert "pytest --claude-record=new 'test_claude.py::test_failing'" in result.stdout


def test_what_is_unused_is_told_of_a_tests_own_cassette_only() -> None:
    sums = {"calls": 1, "replayed": 1, "tokens": 0, "cost_usd": 0.0, "errors": 0}
    cassette = {"unused": ["a.json"], "problems": [], "missed": 0}
    told = [
        {**sums, "test": name, "cassette": {**cassette, "is_own": is_own}}
        for name, is_own in (("own", True), ("of_many", False))
    ]
    assert [*lines(told, is_full=False)] == [
        "2 calls: 2 replayed, 0 asked, 0 tokens, $0.00 at API prices",
        "1 recording not used by own",
    ]


def test_under_xdist_every_worker_has_a_bridge_and_the_figures_come_together(
    project: Path, first: str
) -> None:
    assert first
    options = ("-n", "2", "-k", "recorded or something", "--claude-costs")
    result = pytested(project, *options, CI="1")  # where recordings are only replayed
    assert "3 passed" in result.stdout, result.stdout + result.stderr
    assert "2 calls: 2 replayed, 0 asked" in result.stdout


def test_under_claude_run_it_is_that_runs_bridge(project: Path, first: str) -> None:
    assert first
    report = project / "run.json"
    under = (*CLAUDE_RUN, "--rehearse", "-q", "--json", str(report), "--")
    result = pytested(project, "-k", "budget or async", "--claude-costs", under=under)
    assert "2 passed" in result.stdout, result.stdout + result.stderr
    told = json.loads(report.read_text())
    labels = {call["label"] for call in told["calls"]}
    assert "test_claude.py::TestRules::test_budget" in labels


def test_what_cannot_be_is_told_in_a_sentence(tmp_path: Path) -> None:
    result = pytested(suite(tmp_path, test_wrong=WRONG))
    assert "a scope has no option 'max_cals'; did you mean max_calls?" in result.stdout
    assert "it takes arguments by name, as in max_calls=3" in result.stdout
    assert "the openai package is not installed: pip install openai, or use" in result.stdout
    assert "3 errors" in result.stdout
    assert "claude_run" not in result.stdout  # no line of ours, no traceback


LOADED = """
import sys

def test_nothing_is_loaded():
    loaded = {name for name in sys.modules if name.startswith("claude_run.")}
    assert loaded == {"claude_run.pytest_plugin"}
    assert "openai" not in sys.modules and "h11" not in sys.modules
"""


def test_where_nobody_asks_nothing_is_loaded_and_it_can_be_turned_off(tmp_path: Path) -> None:
    project = suite(tmp_path, test_other=LOADED)
    unused = pytested(project)
    assert "1 passed" in unused.stdout, unused.stdout
    assert "Claude" not in unused.stdout
    off = pytested(project, "-p", "no:claude-run", "--claude-costs")
    assert "unrecognized arguments: --claude-costs" in off.stderr


@pytest.mark.parametrize("nodeid", ["a.py::test", "a.py::test[" + "x" * 200 + "]", "a.py::t[\n]"])
def test_a_label_is_short_and_a_tests_own(nodeid: str) -> None:
    label = label_of(nodeid)
    assert label.isprintable()
    assert len(label) <= LONGEST_LABEL
    assert label != label_of(nodeid + "]")


def test_a_place_for_a_cassette_is_a_tests_own() -> None:
    names = ["test", "test[a/b]", "test[a-b]", "test[" + "x" * 200 + "]", "test[" + "x" * 201 + "]"]
    assert len({file_name(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[\w.=+-]{1,80}", file_name(name)) for name in names)
