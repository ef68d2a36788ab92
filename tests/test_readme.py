"""What the README says is what the code does."""

import re
import subprocess
import sys
from pathlib import Path

from tests.picture import PICTURE, drawn, said_in, shown
from tests.readme import README, TABLES, filled
from tests.scripted import ScriptedUpstream
from tests.wrapped import answered_by, finished

TEXT = README.read_text()
CI = (Path(README).parent / ".ci" / "run").read_text()


def test_the_field_tables_are_those_of_the_code() -> None:
    assert filled(TEXT) == TEXT
    assert all(f"<!-- fields: {name} -->" in TEXT for name in TABLES)


def test_every_flag_stands_in_the_readme() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "claude_run", "--help"], capture_output=True, text=True, check=True
    ).stdout
    flags = set(re.findall(r"--[a-z][a-z-]+", told))
    assert "--model-map" in flags
    assert {flag for flag in flags if f"`{flag}" not in TEXT and f" {flag} " not in TEXT} == set()


def test_the_examples_of_the_library_run(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    section = TEXT.partition("\n## From Python\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 2
    program = [sys.executable, "-c", "\n".join(blocks)]
    result = finished(program, answered_by(upstream, tmp_path))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Hello world") == 4


def test_ci_runs_the_readmes_test_command() -> None:
    assert "pip install -e '.[dev]' && pytest" in TEXT
    assert re.search(r"pip install .*-e '\.\[dev\]'", CI)
    assert re.search(r"^\s*.*\bpytest$", CI, re.MULTILINE)


def test_the_picture_is_what_a_terminal_shows() -> None:
    told = said_in(PICTURE.read_text())
    assert told[0].startswith("$ claude-run")
    assert said_in(drawn(shown())) == told
