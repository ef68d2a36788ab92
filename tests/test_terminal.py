"""A terminal around the wrapper: what is typed, drawn, resized and stopped there."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.wrapped import REHEARSING, bridge_of, sealed, survivors, witness

CTRL_C, CTRL_Z = b"\x03", b"\x1a"


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

    def hang_up(self) -> None:
        os.close(self._screen)
        self._screen = -1

    def line(self) -> str:
        """The next line shown; echo of what was typed included."""
        while b"\n" not in self._unread:
            self._unread += os.read(self._screen, 4096)
        line, self._unread = self._unread.split(b"\n", 1)
        return line.decode().strip()

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
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(keyboard)
    shown = Terminal(screen, process)
    with process:
        try:
            yield shown
        finally:
            process.kill()
            shown.hang_up()


def test_ctrl_c_reaches_the_command_exactly_once(tmp_path: Path) -> None:
    command = [*REHEARSING, *witness("SIGINT", "SIGUSR1")]
    with terminal(command, sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        shown.type(CTRL_C)
        assert shown.line().endswith("SIGINT")  # after the echoed ^C
        shown.process.send_signal(signal.SIGUSR1)  # a second SIGINT would come before it
        assert shown.line() == "SIGUSR1"


def test_after_a_ctrl_c_that_ends_the_command_the_summary_still_appears(tmp_path: Path) -> None:
    command = [REHEARSING[0], "-m", "claude_run", "--rehearse", "--", *witness()]
    with terminal(command, sealed(tmp_path)) as shown:
        assert shown.line() == "ready"
        shown.type(CTRL_C)
        assert "no calls were made" in shown.rest()
        assert shown.process.wait() == 128 + signal.SIGINT
