"""Whatever the wrapped command does to itself, the wrapper or the bridge: the exit status is the
command's, the person is told what concerns them, and nothing is left behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from claude_run.child import ONE
from tests.wrapped import (
    REHEARSING,
    asker,
    bridge_of,
    dismiss,
    finished,
    said,
    sealed,
    started,
    survivors,
    witness,
)

TERM, PIPE, KILL = 128 + signal.SIGTERM, 128 + signal.SIGPIPE, 128 + signal.SIGKILL

COMMANDS = {
    "ends at once": ("exit 0", 0),
    "leaves a daemon behind": (
        "setsid sh -c 'sleep 30 >/dev/null 2>&1 </dev/null & echo $! >left'; exit 3", 3,
    ),
    "becomes another program, in a group of its own": ("exec timeout 9 sh -c 'exit 8'", 8),
    "closes its stdin": ("exec <&-; exit 4", 4),
    "closes all it has": ("exec <&- >&- 2>&-; exit 5", 5),
    "removes its working directory": ("mkdir d; cd d; rmdir ../d; exit 6", 6),
    "signals its whole group": ("kill -TERM 0; sleep 30", TERM),
    "kills itself": ("kill -KILL $$", KILL),
    "closes every file it can": ("for n in 3 4 5 6 7 8 9; do eval exec $n'>&-'; done; exit 7", 7),
}  # fmt: skip


@pytest.mark.parametrize(("script", "status"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_ends_as_it_would_without_us(script: str, status: int, tmp_path: Path) -> None:
    result = finished(
        [*REHEARSING, "sh", "-c", script],
        sealed(tmp_path),
        cwd=tmp_path,
        start_new_session=True,
    )
    assert (result.stdout, result.stderr, result.returncode) == ("", "", status)
    assert not list((tmp_path / "tmp").iterdir())
    if (left := tmp_path / "left").exists():  # what a command leaves running is its own affair
        os.kill(int(left.read_text()), signal.SIGKILL)


def test_gigabytes_pass_through(tmp_path: Path) -> None:
    command = [*REHEARSING, "head", "-c", "2000000000", "/dev/zero"]
    counted = finished(["sh", "-c", '"$@" | wc -c', "-", *command], sealed(tmp_path))
    assert (counted.stdout.strip(), counted.stderr) == ("2000000000", "")


def test_a_command_whose_reader_is_gone_is_ended_by_that(tmp_path: Path) -> None:
    script = '{ "$@"; echo $? >status; } | true; cat status'
    result = finished(["sh", "-c", script, "-", *REHEARSING, "yes"], sealed(tmp_path), cwd=tmp_path)
    assert (result.stdout.strip(), result.stderr) == (str(PIPE), "")


@dataclass(frozen=True)
class Run:
    """A run whose command has asked Claude once, and reads from its stdin until it ends."""

    wrapper: subprocess.Popen[str]
    bridge: psutil.Process
    everyone: tuple[psutil.Process, ...]


def as_timeout_does(run: Run) -> None:
    """The process is signalled, and then its group."""
    run.wrapper.send_signal(signal.SIGTERM)
    os.killpg(run.wrapper.pid, signal.SIGTERM)


def as_systemd_does(run: Run) -> None:
    """Every process of the unit is signalled, the bridge and the CLIs as well."""
    for process in run.everyone:
        with suppress(psutil.NoSuchProcess):  # whoever was told before it has ended it already
            process.send_signal(signal.SIGTERM)


def kill_bridge(run: Run) -> None:
    run.bridge.kill()
    dismiss_when_told(run)


def end_bridge(run: Run) -> None:
    run.bridge.terminate()
    dismiss_when_told(run)


def stop_bridge(run: Run) -> None:
    run.bridge.suspend()
    dismiss(run.wrapper)


def kill_claude(run: Run) -> None:
    for process in run.bridge.children(recursive=True):
        process.kill()
    dismiss(run.wrapper)


def hang_up(run: Run) -> None:
    run.wrapper.send_signal(signal.SIGHUP)


def dismiss_when_told(run: Run) -> None:
    """The command goes on without a bridge, until its input ends."""
    assert run.wrapper.stderr is not None
    for words in ("the bridge", "the command goes on"):
        assert words in run.wrapper.stderr.readline()
    assert run.wrapper.poll() is None
    dismiss(run.wrapper)


# What happens, the exit status, and what is told after that.
ENDINGS = {
    "SIGTERM as timeout sends it": (as_timeout_does, TERM, ""),
    "SIGTERM to a whole unit": (as_systemd_does, TERM, None),  # whose end comes first is open
    "a hangup": (hang_up, 128 + signal.SIGHUP, ""),
    "the bridge is killed": (kill_bridge, 7, ""),
    "the bridge is told to end": (end_bridge, 7, ""),
    "the bridge is stopped": (
        stop_bridge, 7, "claude-run: the bridge did not end within 8 s, and was killed\n",
    ),
    "Claude is killed": (kill_claude, 7, ""),
}  # fmt: skip


@pytest.mark.parametrize(("happens", "status", "told"), ENDINGS.values(), ids=ENDINGS)
def test_a_run_ends_and_leaves_nothing(
    happens: Callable[[Run], None], status: int, told: str | None, tmp_path: Path
) -> None:
    with started([*REHEARSING, *asker()], sealed(tmp_path)) as wrapper:
        assert said(wrapper) == "asked 0"
        everyone = (psutil.Process(wrapper.pid), *psutil.Process(wrapper.pid).children(True))
        run = Run(wrapper, bridge_of(wrapper.pid), everyone)
        assert len(everyone) > 3
        happens(run)
        assert wrapper.wait() == status
        assert wrapper.stderr is not None
        assert told in {None, wrapper.stderr.read()}
        assert survivors(everyone, 10) == []
    assert not list((tmp_path / "tmp").iterdir())


def test_a_command_that_ignores_sigterm_is_killed_by_a_second_one(tmp_path: Path) -> None:
    with started([*REHEARSING, *witness("SIGTERM")], sealed(tmp_path)) as wrapper:
        assert said(wrapper) == "ready"
        as_timeout_does(Run(wrapper, psutil.Process(), ()))
        # Once from the group and once from the wrapper, which the system may make one of.
        assert said(wrapper) in {"SIGTERM", "SIGTERMSIGTERM"}
        time.sleep(2 * ONE)
        wrapper.send_signal(signal.SIGTERM)
        assert wrapper.wait() == KILL
    assert not list((tmp_path / "tmp").iterdir())
