"""Wherever and however a run is started: Claude answers, the exit status is the command's, and
nothing is left behind."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.wrapped import CLAUDE_RUN, REHEARSING, finished, sealed

# Modules that the bridge needs, and one that the wrapper does: taken for the real ones they end it.
SHADOWS = (
    *(
        "uvicorn",
        "typing_extensions",
        "fastapi",
        "anyio",
        "rich",
        "mcp",
        "json",
        "asyncio",
        "typing",
    ),
    *("socket", "subprocess", "dataclasses", "signal", "tempfile", "random"),
)


@dataclass(frozen=True)
class Surroundings:
    """`shell` is a line in which "$@" is the run. `unset` and `set` change its environment, where
    {here} is a directory of the test's; `shadowed` names the directories in it that hold modules
    which nobody must import."""

    shell: str = 'exec "$@"'
    unset: tuple[str, ...] = ()
    set: dict[str, str] = field(default_factory=dict)
    shadowed: tuple[str, ...] = ()


TABLE = {
    "stdin and stdout closed": Surroundings('exec "$@" <&- >&-'),
    "stdout and stderr closed": Surroundings('exec "$@" >&- 2>&-'),
    "stdin and stderr closed": Surroundings('exec "$@" <&- 2>&-'),
    "all three closed": Surroundings('exec "$@" <&- >&- 2>&-'),
    "nohup": Surroundings('exec nohup "$@"'),
    "setsid": Surroundings('exec setsid -w "$@"'),
    "cron": Surroundings('exec env -i PATH=/usr/bin:/bin TMPDIR="$TMPDIR" HOME="$HOME" "$@"'),
    "no HOME": Surroundings(unset=("HOME",)),
    "a HOME in which nothing can be written": Surroundings(set={"HOME": "/dev/null/home"}),
    "a working directory that was removed": Surroundings(
        'mkdir "$HOME/gone" && cd "$HOME/gone" && rmdir "$HOME/gone" && exec "$@"'
    ),
    "the C locale": Surroundings(unset=("LANG", "PYTHONUTF8"), set={"LC_ALL": "C"}),
    "others' modules on PYTHONPATH": Surroundings(
        set={"PYTHONPATH": "{here}/theirs"}, shadowed=("theirs",)
    ),
    "others' modules on a PYTHONPATH that is relative": Surroundings(
        'cd "$HOME/.." && exec "$@"', set={"PYTHONPATH": "theirs::"}, shadowed=("theirs", ".")
    ),
    "others' modules in the working directory": Surroundings(
        'cd "$HOME/../theirs" && exec "$@"', shadowed=("theirs",)
    ),
    "warnings are errors": Surroundings(set={"PYTHONWARNINGS": "error"}),
}


@pytest.mark.parametrize("surroundings", TABLE.values(), ids=TABLE)
def test_a_run_works(surroundings: Surroundings, tmp_path: Path) -> None:
    environment = prepared(surroundings, tmp_path)
    answer, told = tmp_path / "answer", tmp_path / "told"
    inside = (*CLAUDE_RUN, "ask", "Qu'est-ce que « Python » ?")
    command = ["sh", "-c", f'"$@" </dev/null >{answer} 2>{told}; exit 7', "-", *inside]
    shell = ["sh", "-c", surroundings.shell, "-", *REHEARSING, *command]
    result = finished(shell, environment)
    assert spoken(told.read_text() + result.stderr) == []
    assert answer.read_text().startswith("This is a rehearsal.")
    assert (result.stdout, result.returncode) == ("", 7)
    assert not list((tmp_path / "tmp").iterdir())


def spoken(stderr: str) -> list[str]:
    """All that was said but by the shell, which misses a working directory itself."""
    return [line for line in stderr.splitlines() if not line.startswith("sh: ")]


def prepared(surroundings: Surroundings, here: Path) -> dict[str, str]:
    for name in surroundings.shadowed:
        (here / name).mkdir(exist_ok=True)
        for module in SHADOWS:
            (here / name / f"{module}.py").write_text("import os; os._exit(99)\n")
    changed = {name: value.format(here=here) for name, value in surroundings.set.items()}
    environment = {**sealed(here), **changed}
    return {name: value for name, value in environment.items() if name not in surroundings.unset}
