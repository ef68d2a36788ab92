"""Many command lines, each typed into a claude-run of its own, at the price of one start.

One process imports the command line and forks a child for each: with its own arguments,
environment, stdin, stdout, stderr and exit status, as a shell would have started it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple, NoReturn


class Typed(NamedTuple):
    """What is typed after `claude-run`, in which environment more than the others', and where."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    directory: str = ""


class Outcome(NamedTuple):
    status: int
    stdout: str
    stderr: str


def outcomes(lines: Iterable[Typed], environment: Mapping[str, str]) -> list[Outcome]:
    """What comes of each of `lines`, in their order."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.typed"],
        cwd=Path(__file__).parents[1],
        env=environment,
        input=json.dumps(list(lines)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [Outcome(*one) for one in json.loads(result.stdout)]


def _outcome(typed: Typed) -> Outcome:
    with TemporaryFile("w+b") as stdout, TemporaryFile("w+b") as stderr:
        pid = os.fork()
        if pid == 0:
            _become(typed, stdout, stderr)
        _, status = os.waitpid(pid, 0)
        return Outcome(os.waitstatus_to_exitcode(status), _text(stdout), _text(stderr))


def _become(typed: Typed, stdout: IO[bytes], stderr: IO[bytes]) -> NoReturn:
    from claude_run.__main__ import main  # noqa: PLC0415 - as `python -m claude_run` does

    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, stdout.fileno(), stderr.fileno())):
        os.dup2(descriptor, number)
    sys.stdin = open(0)  # noqa: SIM115 - what is inherited is read to its end
    os.environ.update(typed.variables)
    os.chdir(typed.directory or os.getcwd())
    sys.argv = ["claude-run", *typed.words]
    status = 1
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else status
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _main(lines: Sequence[Sequence[object]]) -> None:
    import claude_run.cli  # noqa: PLC0415 - once for all

    assert claude_run.cli
    json.dump([_outcome(Typed(*line)) for line in lines], sys.stdout)  # type: ignore[arg-type]


if __name__ == "__main__":
    _main(json.load(sys.stdin))
