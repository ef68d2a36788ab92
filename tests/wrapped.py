"""A real claude-run around a real command, sealed off from whoever runs the tests."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

import claude_run
from claude_run.rehearsal import unsealed
from tests.scripted import ScriptedUpstream, sealed_environment
from tests.verified import CACHE

CLAUDE_RUN = (sys.executable, "-m", "claude_run")
REHEARSING = (*CLAUDE_RUN, "--rehearse", "--quiet", "--")

LIGHT = {"PYTEST_ADDOPTS": "-p no:hypothesispytest"}
"""A pytest inside a test has no use for what takes it longer to load than all the rest."""

WITNESS = """
import os, signal, sys

def tell(number, _frame):
    os.write(1, f"{signal.Signals(number).name}\\n".encode())  # print may be at work already

for name in sys.argv[1:]:
    signal.signal(signal.Signals[name], tell)
print("ready", flush=True)
for line in sys.stdin:
    print("read", line.strip(), flush=True)
sys.exit(7)
"""
"""Tells of each signal named on its command line and of each line it reads; ends with 7."""

ASKER = """
import subprocess, sys

asked = subprocess.run([sys.executable, "-m", "claude_run", "ask", "What is Python?"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print("asked", asked.returncode, flush=True)
for line in sys.stdin:
    print("read", line.strip(), flush=True)
sys.exit(7)
"""
"""Asks Claude once, so that there is a Claude process, and goes on as a witness does."""


def witness(*signals: str) -> list[str]:
    return [sys.executable, "-c", WITNESS, *signals]


def asker() -> list[str]:
    return [sys.executable, "-c", ASKER]


def sealed(directory: Path, **variables: str) -> dict[str, str]:
    """An environment without any login, with a home and a temporary directory of its own."""
    outside = unsealed(os.environ)
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    own = {"HOME": directory / "home", "TMPDIR": directory / "tmp"}
    for path in own.values():
        path.mkdir(parents=True, exist_ok=True)
    package = Path(claude_run.__file__).parents[1]
    return {
        **kept,
        **{name: str(path) for name, path in own.items()},
        "PYTHONPATH": str(package),
        "XDG_CACHE_HOME": str(CACHE),
        **LIGHT,
        **variables,
    }


def answered_by(upstream: ScriptedUpstream, directory: Path) -> dict[str, str]:
    """`sealed`, with a login that leads to `upstream` and nowhere else."""
    login = sealed_environment(directory, upstream.url)
    own = sealed(directory)
    kept = ("HOME", "TMPDIR", "PYTHONPATH", *LIGHT)
    return {**login, **{name: own[name] for name in kept}}


def finished(
    command: Sequence[str], environment: dict[str, str], **options: Any
) -> subprocess.CompletedProcess[str]:
    """`command`, run to its end with nothing to read."""
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, **options}
    return subprocess.run(command, env=environment, text=True, check=False, **options)


@contextmanager
def started(
    command: Sequence[str], environment: dict[str, str], **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """`command` with pipes to talk to it, killed at the end if it still runs."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen(
        command, env=environment, text=True, start_new_session=True, **{**pipes, **options}
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()


def said(process: subprocess.Popen[str]) -> str:
    """The next line of its stdout."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def dismiss(process: subprocess.Popen[str]) -> int:
    """End its input, and wait for its exit status."""
    assert process.stdin is not None
    process.stdin.close()
    return process.wait()


def bridge_of(wrapper: int) -> psutil.Process:
    """The bridge process of a wrapper that has started one."""
    [bridge] = [
        child
        for child in psutil.Process(wrapper).children()
        if "claude_run.server" in child.cmdline()
    ]
    return bridge


def survivors(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after `seconds`; returns as soon as there are none."""
    deadline = time.monotonic() + seconds
    return [process for process in processes if not _ends(process.pid, deadline)]


def _ends(pid: int, deadline: float) -> bool:
    # Whoever inherits an orphan may be slow to reap it, so that its number lives on.
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        patience = max(0.0, deadline - time.monotonic())
        return bool(select.select([process], [], [], patience)[0])
    finally:
        os.close(process)
