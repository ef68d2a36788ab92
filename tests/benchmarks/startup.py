"""What claude-run costs a command that does nothing, against a yardstick of any machine."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks import Row
from tests.wrapped import REHEARSING, sealed

RUNS = 9
YARDSTICK = (sys.executable, "-c", "import typer, rich")


def rows() -> list[Row]:
    """What was measured, as a multiple of `python -c "import typer, rich"`, and a note."""
    with tempfile.TemporaryDirectory() as directory:
        environment = sealed(Path(directory))

        def until_end(command: Sequence[str]) -> float:
            return _median(lambda: _seconds_until_end(command, environment))

        yardstick = until_end(YARDSTICK)
        added = until_end([*REHEARSING, "true"]) - until_end(["true"])
        begun = _median(lambda: _seconds_until_output([*REHEARSING, "echo"], environment))
    return [
        Row("`claude-run -- true` minus `true`", added / yardstick, f"{added:.3f} s"),
        Row("until the command starts", begun / yardstick, f"{begun:.3f} s"),
    ]


def _median(measured: Callable[[], float]) -> float:
    measured()  # the first one reads everything from the disk
    return median(measured() for _ in range(RUNS))


def _seconds_until_end(command: Sequence[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True)
    return time.perf_counter() - began


def _seconds_until_output(command: Sequence[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        return time.perf_counter() - began
