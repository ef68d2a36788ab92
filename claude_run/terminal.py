"""What a shell does for the terminal of a job, and the wrapper therefore for its command.

A shell sees how its own child ends or stops, and its child is the wrapper: without this a command
that is killed while it draws leaves a terminal in which nothing can be read, and one that stops in
a process group of its own, as the `suspend` of a shell does, leaves nobody to type to.
"""

import os
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Terminal:
    """The one that this process is controlled by; where there is none, nothing is ever done."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self._modes: list[Any] = []
        with suppress(OSError, termios.error):
            self._fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
            self._modes = termios.tcgetattr(self._fd)

    def put_back(self, command: int) -> None:
        """As it was at first: the process `command`, which had it, was killed."""
        if self._fd is None or not self._modes:
            return
        with suppress(OSError, termios.error), _allowed_in_the_background():
            if os.tcgetpgrp(self._fd) in {os.getpgrp(), command}:  # else it is another job's
                termios.tcsetattr(self._fd, termios.TCSANOW, self._modes)

    def follow(self, command: int) -> None:
        """Stop and go on with `command`, if it has stopped in a process group of its own. What
        stops in ours was stopped together with us."""
        with suppress(OSError):
            group = os.getpgid(command)
            if (
                self._fd is not None
                and group != os.getpgrp()
                and os.getsid(command) == os.getsid(0)
                and _is_stopped(command)
                and _stop()
            ):
                with suppress(OSError):  # the terminal may be gone meanwhile
                    self._hand_to(group)
                os.killpg(group, signal.SIGCONT)

    def _hand_to(self, group: int) -> None:
        """Unless we go on in the background."""
        if self._fd is not None and os.tcgetpgrp(self._fd) == os.getpgrp():
            with _allowed_in_the_background():
                os.tcsetpgrp(self._fd, group)


def _is_stopped(process: int) -> bool:
    if sys.platform == "darwin":  # not to be asked there without taking its end away
        return False
    return os.waitid(os.P_PID, process, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def _stop() -> bool:
    """Stop our process group, as Ctrl-Z does; whether it was stopped, and is continued now. A
    group that no shell watches is not stopped: nobody would continue it."""
    if sys.platform == "darwin":
        return False
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCONT})
    try:
        os.kill(0, signal.SIGTSTP)
        return signal.sigtimedwait({signal.SIGCONT}, 0) is not None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _allowed_in_the_background() -> Iterator[None]:
    """Who changes a terminal from the background is stopped, unless this signal is blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
