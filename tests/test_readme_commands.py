"""Every command that the README shows is run, in a rehearsal, as a person would type it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import asks
from tests.readme import README
from tests.wrapped import sealed

_SHOWN = re.compile(r"```console\n(.*?)```", re.DOTALL)
_ELSEWHERE = {
    "claude-run login": "tests/test_words.py",
    "claude-run check": "tests/test_check.py",
    "claude-run serve": "tests/cli/test_serve.py",
}
"""What needs a person, a login or another process, and where it is tested."""

_PROGRAMS = {
    "my_script.py": asks("sonnet"),
    "program.py": asks("sonnet"),
    "capitals.py": asks("gpt-4.1-mini"),
    "uses_anthropic.py": "import os; assert os.environ['ANTHROPIC_BASE_URL']",
    "evolution/skills/evolve_skill.py": asks("gpt-4.1"),
    "test_it.py": f"def test_it():\n    exec({asks('opus')!r})\n",
    "bin/codex": "#!/bin/sh\nexit 0\n",
    "bin/aider": "#!/bin/sh\nexit 0\n",
    "bin/docker": (Path(__file__).parent / "container.sh").read_text(),
}


def shown() -> list[str]:
    """The commands, in their order."""
    lines = (line for block in _SHOWN.findall(README.read_text()) for line in block.splitlines())
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ claude-run")]


def test_the_readme_shows_how_it_is_used() -> None:
    assert len(shown()) > 10
    assert set(_ELSEWHERE) <= set(shown())
    tests = Path(__file__).parents[1]
    assert all((tests / place).is_file() for place in _ELSEWHERE.values())


@pytest.mark.parametrize("command", [c for c in shown() if c not in _ELSEWHERE])
def test_a_command_of_the_readme_does_what_it_says(command: str, tmp_path: Path) -> None:
    home, place = tmp_path / "home", tmp_path / "place"
    for name, text in _PROGRAMS.items():
        program = place / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o700)
    environment = sealed(home, CLAUDE_RUN_REHEARSE="true")
    environment["PATH"] = f"{place / 'bin'}:{Path(sys.executable).parent}:{environment['PATH']}"
    ran = subprocess.run(
        ["sh", "-c", command],
        env=environment,
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    words = shlex.split(command)
    if "--report" in words:
        assert (place / words[words.index("--report") + 1]).stat().st_size > 1000
    if not {"codex", "aider", "uses_anthropic.py"} & set(words):
        assert ran.stdout.strip()
