"""A terminal around the wrapper: what is typed, drawn, resized and stopped there."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.wrapped import CLAUDE_RUN, REHEARSING, bridge_of, sealed, survivors, witness

CTRL_C, CTRL_D, CTRL_Z = b"\x03", b"\x04", b"\x1a"
CONTINUE = b"\n"

PORTRAIT = """
import json, os, sys, termios
attributes = termios.tcgetattr(0)
attributes[6] = [str(c) for c in attributes[6]]
print(json.dumps({
    "terminals": [os.isatty(n) for n in range(3)],
    "name": os.ttyname(0) == os.ttyname(1) == os.ttyname(2),
    "attributes": attributes,
    "size": os.get_terminal_size(),
    "in front": os.tcgetpgrp(0) == os.getpgrp(),
    "kind": os.environ["TERM"],
}))
"""

RULER = """
import os, signal
def tell(*_):
    print(*os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, tell)
signal.signal(signal.SIGUSR1, lambda *_: print("USR1", flush=True))
print("ready", flush=True)
while True:
    signal.pause()
"""

JOB_CONTROL = """
import os, signal, sys

def to_front(group):
    os.tcsetpgrp(0, group)

signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    to_front(os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
_, status = os.waitpid(job, os.WUNTRACED)
to_front(os.getpgrp())
print("stopped", os.WIFSTOPPED(status), flush=True)
sys.stdin.readline()
to_front(job)
os.killpg(job, signal.SIGCONT)
_, status = os.waitpid(job, 0)
to_front(os.getpgrp())
print("ended", os.WEXITSTATUS(status), flush=True)
"""
"""What a shell does about a job that is stopped: it is told, and continues it on request."""


class Terminal:
    """The far side of a pseudo-terminal, and the process that has it."""

    def __init__(self, screen: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._screen = screen
        self._unread = b""

    def type(self, text: bytes) -> None:
        os.write(self._screen, text)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def modes(self) -> list[Any]:
        return termios.tcgetattr(self._screen)

    def hang_up(self) -> None:
        if self._screen >= 0:
            os.close(self._screen)
            self._screen = -1

    def line(self) -> str:
        """The next line shown; echo of what was typed included."""
        while b"\n" not in self._unread:
            self._unread += os.read(self._screen, 4096)
        line, self._unread = self._unread.split(b"\n", 1)
        return line.decode().strip()

    def until(self, text: bytes) -> None:
        """Returns when `text` is shown."""
        while text not in self._unread:
            self._unread += os.read(self._screen, 4096)
        self._unread = self._unread.split(text, 1)[1]

    def rest(self) -> str:
        """All that is shown until the process ends."""
        try:
            while shown := os.read(self._screen, 4096):
                self._unread += shown
        except OSError:  # how Linux tells that nobody holds the terminal any more
            pass
        return self._unread.decode()


@contextmanager
def terminal(command: Sequence[str], environment: dict[str, str]) -> Iterator[Terminal]:
    """`command` as the first process of a session that has a terminal of its own."""
    screen, keyboard = pty.openpty()
    process = subprocess.Popen(
        command,
        env={**environment, "TERM": "xterm-256color"},
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nothing else
    )
    os.close(keyboard)
    shown = Terminal(screen, process)
    with process:
        try:
            yield shown
        finally:
            process.kill()
            shown.hang_up()


def test_a_terminal_is_the_commands_as_without_us(tmp_path: Path) -> None:
    def portrait(prefix: Sequence[str]) -> str:
        with terminal([*prefix, sys.executable, "-c", PORTRAIT], sealed(tmp_path)) as shown:
            return shown.line()

    bare = portrait(())
    assert '"in front": true' in bare
    assert portrait(REHEARSING) == bare


def test_what_is_typed_is_read_by_the_command(tmp_path: Path) -> None:
    with terminal([*REHEARSING, *witness()], sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        shown.type(b"hello\n")
        assert shown.line() == "hello"  # the echo
        assert shown.line() == "read hello"
        shown.type(CTRL_D)
        assert shown.process.wait() == 7


def test_ctrl_c_reaches_the_command_exactly_once(tmp_path: Path) -> None:
    command = [*REHEARSING, *witness("SIGINT", "SIGUSR1")]
    with terminal(command, sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        with held_back(shown.process):
            shown.type(CTRL_C)
            assert shown.line() == "^CSIGINT"
        shown.process.send_signal(signal.SIGUSR1)  # a second SIGINT would come before it
        assert shown.line() == "SIGUSR1"


def test_ctrl_c_reaches_a_command_that_has_left_the_terminals_group(tmp_path: Path) -> None:
    command = [*REHEARSING, "setsid", *witness("SIGINT")]
    with terminal(command, sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        shown.type(CTRL_C)
        assert shown.line() == "^CSIGINT"
        shown.type(CTRL_D)
        assert shown.process.wait() == 7


def test_after_a_ctrl_c_that_ends_the_command_the_summary_still_appears(tmp_path: Path) -> None:
    with terminal([*CLAUDE_RUN, "--rehearse", "--", *witness()], sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        shown.type(CTRL_C)
        assert "were made to Claude" in shown.rest()
        assert shown.process.wait() == 128 + signal.SIGINT


def test_a_new_window_size_is_seen_and_told_once(tmp_path: Path) -> None:
    with terminal([*REHEARSING, sys.executable, "-c", RULER], sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        with held_back(shown.process):
            shown.resize(40, 120)
            assert shown.line() == "120 40"
        for _ in range(2):  # one told twice would come before the second of these
            shown.process.send_signal(signal.SIGUSR1)
            assert shown.line() == "USR1"


def test_ctrl_z_stops_wrapper_and_command_and_fg_continues_both(tmp_path: Path) -> None:
    job = [*REHEARSING, *witness()]
    with terminal([sys.executable, "-c", JOB_CONTROL, *job], sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        shown.type(CTRL_Z)
        assert shown.line() == "^Zstopped True"
        [wrapper] = psutil.Process(shown.process.pid).children()
        bridge = bridge_of(wrapper.pid)
        [command] = set(wrapper.children()) - {bridge}
        wait_until(lambda: command.status() == psutil.STATUS_STOPPED)
        assert bridge.status() != psutil.STATUS_STOPPED
        shown.type(CONTINUE)
        assert shown.line() == ""
        shown.type(b"hello\n")
        assert shown.line() == "hello"
        assert shown.line() == "read hello"
        shown.type(CTRL_D)
        assert shown.line() == "ended 7"


def test_a_shell_that_suspends_itself_is_left_and_come_back_to(tmp_path: Path) -> None:
    """It has a process group of its own, which no other shell watches."""
    job = [*REHEARSING, "bash", "--norc", "--noediting", "-i"]
    with terminal([sys.executable, "-c", JOB_CONTROL, *job], sealed(tmp_path)) as shown:
        shown.type(b"PS1=; echo re''ady\n")
        shown.until(b"ready")
        shown.type(b"suspend\n")
        shown.until(b"stopped True")
        shown.type(CONTINUE)
        shown.type(b"sh -c 'exit 5'; exit\n")
        shown.until(b"ended 5")


@pytest.mark.parametrize(
    ("end", "is_put_back"), [("os.kill(os.getpid(), 9)", True), ("os._exit(0)", False)]
)
def test_a_terminal_is_put_back_for_a_command_that_could_not(
    end: str, is_put_back: bool, tmp_path: Path
) -> None:
    """One that ends by itself may mean to leave it so, as `stty` does."""
    raw = f"import os, tty; tty.setraw(0); {end}"
    with terminal([*REHEARSING, sys.executable, "-c", raw], sealed(tmp_path)) as shown:
        before = shown.modes()
        shown.process.wait()
        assert (shown.modes() == before) is is_put_back


def test_when_the_terminal_is_closed_nothing_stays_behind(tmp_path: Path) -> None:
    patient = "import signal; print('ready', flush=True); signal.pause()"
    with terminal([*REHEARSING, sys.executable, "-c", patient], sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        everyone = psutil.Process(shown.process.pid).children(recursive=True)
        assert everyone
        shown.hang_up()
        assert shown.process.wait() == 128 + signal.SIGHUP
        assert survivors(everyone, 5) == []


@contextmanager
def held_back(wrapper: subprocess.Popen[bytes]) -> Iterator[None]:
    """The wrapper comes to look at its signals only when the command has dealt with its own:
    two of a kind would otherwise be made one while the first is waiting."""
    wrapper.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, wrapper.pid, os.WSTOPPED)
    yield
    wrapper.send_signal(signal.SIGCONT)


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():  # the limit is the test's own
        os.sched_yield()
