"""What the README says of containers, of other tools and of CI, done as it says, in a rehearsal."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.programs import WAITS, asks
from tests.readme import README
from tests.wrapped import CLAUDE_RUN, finished, sealed

CONTAINER = Path(__file__).parents[1] / "container.sh"
ASKS = WAITS + asks("sonnet")
ANSWER = "This is a rehearsal."


def written(pattern: str) -> str:
    """What the README says where `pattern` is found in it."""
    [said] = re.findall(pattern, README.read_text(), re.DOTALL)
    return " ".join(str(said).split("\n  ")) if "```" not in pattern else str(said)


@pytest.fixture
def here() -> Iterator[Path]:
    """A home with a short name, as a socket needs it, in which claude-run is installed."""
    with TemporaryDirectory() as name:
        place = Path(name)
        (place / ".local" / "bin").mkdir(parents=True)
        ours = place / ".local" / "bin" / "claude-run"
        ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m claude_run "$@"\n')
        ours.chmod(0o755)
        (place / "program.py").write_text(ASKS)
        yield place


def environment_in(here: Path, **more: str) -> dict[str, str]:
    variables = sealed(here, CLAUDE_RUN_REHEARSE="true", **more)
    paths = (here / "bin", here / ".local" / "bin", Path(sys.executable).parent)
    return {**variables, "PATH": ":".join([*map(str, paths), variables["PATH"]])}


def shell(line: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    ran = finished(["sh", "-c", line], environment, cwd=cwd)
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    return ran


def test_tox_nox_and_make_hand_it_on(here: Path) -> None:
    passed = written(r"\*\*tox\*\* takes the environment away: `(pass_env = [^`]+)`")
    (here / "tox.ini").write_text(
        f"[tox]\nno_package = true\n[testenv]\n{passed}\ncommands = python program.py\n"
    )
    (here / "noxfile.py").write_text(
        "import nox\n@nox.session(venv_backend='none')\ndef ask(session):\n"
        "    session.run('python', 'program.py')\n"
    )
    (here / "Makefile").write_text("test: a b\na b:\n\t@python program.py\n")
    python = sys.executable
    line = f"{python} -m tox -q && {python} -m nox && make -j2 test"
    ran = finished([*CLAUDE_RUN, "-q", "--", "sh", "-ec", line], environment_in(here), cwd=here)
    assert (ran.returncode, ran.stdout.count(ANSWER)) == (0, 4), (ran.stdout, ran.stderr)


def test_cron_knows_where_it_is(here: Path) -> None:
    line = written(r"`0 3 \* \* \* (cd ~/project[^`]+)`")
    project, own = here / "project", here / ".config" / "claude-run" / "config.toml"
    project.mkdir()
    (here / "program.py").rename(project / "program.py")
    (project / "Makefile").write_text("nightly:\n\t@python3 program.py\n")
    own.parent.mkdir(parents=True)
    own.write_text("rehearse = true\n")
    environment = {"HOME": str(here), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "me"}
    kept = {name: sealed(here)[name] for name in ("PYTHONPATH", "XDG_CACHE_HOME")}
    ran = shell(line, {**environment, **kept}, here)
    assert ran.stdout.startswith(ANSWER)
    assert (project / "night.html").stat().st_size > 1000


def can_contain() -> bool:
    if shutil.which("unshare") is None or shutil.which("socat") is None:
        return False
    return subprocess.run(["unshare", "-rmpfn", "true"], check=False).returncode == 0


@pytest.mark.skipif(not can_contain(), reason="needs socat, and namespaces of one's own")
def test_a_container_without_a_network_asks_through_a_socket(here: Path) -> None:
    (here / "bin").mkdir()
    shutil.copy(CONTAINER, here / "bin" / "docker")
    (here / "run").mkdir()
    lines = written(r"```sh\n(export CLAUDE_RUN_KEY.*?)```")
    ran = shell(lines, environment_in(here, XDG_RUNTIME_DIR=str(here / "run")), here)
    assert ANSWER in ran.stdout
    assert not list((here / "run").iterdir())


@pytest.mark.parametrize(
    "pattern", [r"- run: (claude-run [^\n]+)", r"`script: \[(pipx run claude-run[^\]]+)\]`"]
)
def test_ci_does_what_stands_in_its_file(pattern: str, here: Path) -> None:
    (here / "test_it.py").write_text(f"def test_it():\n    exec({ASKS!r})\n")
    (here / "bin").mkdir()
    (here / "bin" / "pipx").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (here / "bin" / "pipx").chmod(0o755)
    told = here / "summary.md"
    environment = environment_in(here, CI="true", GITHUB_STEP_SUMMARY=str(told))
    environment["CLAUDE_CODE_OAUTH_TOKEN"] = "sk-ant-oat01-dummy"
    ran = shell(written(pattern), environment, here)
    assert "1 passed" in ran.stdout
    assert "claude-sonnet" in told.read_text()
    assert os.path.exists(here / "run.html") == ("--report" in written(pattern))
