"""The wrapped command: its environment, its signals, its exit status.

It runs in the wrapper's process group and on its terminal, as it would without us.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from claude_run.proxies import past_proxies
from claude_run.terminal import Terminal

NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
KILLED_BY: Final = 128
"""Added to the number of the signal that ended a command."""

TIMED_OUT: Final = 124
"""The exit status of a command that was ended at its deadline, as `timeout` has it."""

GRACE: Final = 2.0
"""Seconds a command has after a first SIGTERM before a second one kills it."""

ONE: Final = 0.1
"""Seconds within which several SIGTERMs are one: `timeout` and systemd signal the wrapper and then
its whole group."""

RELAYED: Final = frozenset(
    {
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
    }
)
OURS: Final = frozenset({signal.SIGCHLD, signal.SIGALRM, signal.SIGIO})

# A terminal sends these to every process of its foreground group, so the command has them
# already. A hangup is not among them: it comes to the session's leader alone.
SENT_TO_GROUP: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH})

_SI_KERNEL: Final = 0x80  # si_code of what the terminal sends; kill(2) gives SI_USER


class StartError(Exception):
    """The command never ran; `status` is what a shell would exit with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def command_environment(base: Mapping[str, str], url: str, key: str) -> dict[str, str]:
    """`base` with what leads a client of OpenAI's to `url`, and nothing else changed."""
    return {
        "OPENAI_AGENTS_DISABLE_TRACING": "1",  # that client would send our key elsewhere
        **base,
        "OPENAI_BASE_URL": url,
        "OPENAI_API_BASE": url,
        "OPENAI_API_KEY": key,
        **past_proxies(base),
        "CLAUDE_RUN": "1",
    }


class HeldSignals(NamedTuple):
    """Signals that wait in a queue until `run` looks at them, and how things were before."""

    waiting: frozenset[signal.Signals]
    mask_before: frozenset[int]
    ignored_before: frozenset[signal.Signals]

    def release(self) -> None:
        """Put everything back: for a new process, between fork and exec."""
        for number in self.waiting:
            ignored = number in self.ignored_before
            signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask_before)


def hold_signals() -> HeldSignals:
    """Hold, until this process ends, every signal a command should see.

    Held before anything is started, none is lost on the way; held to the end, a late one
    cannot replace the command's exit status. A signal that came ignored (nohup, a shell's
    background job) stays ignored, here and in the command.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, RELAYED | OURS)
    ignored = frozenset(n for n in RELAYED | OURS if signal.getsignal(n) is signal.SIG_IGN)
    waiting = OURS | (RELAYED - ignored)
    for number in waiting:
        # With the default action some systems drop SIGCHLD and SIGWINCH instead of queueing
        # them, and an ignored SIGCHLD would take the exit statuses away. It is never called.
        signal.signal(number, lambda *_: None)
    return HeldSignals(waiting, frozenset(before), ignored)


class Watch(NamedTuple):
    """What is looked at while a command runs, and when it is to end.

    `on_child` is called whenever a child of this process has ended and the command has not.
    `on_news` is called when something can be read from the pipe `news`; if it returns True, the
    command is ended. So it is after `deadline` seconds.
    """

    on_child: Callable[[], None]
    news: int | None = None
    on_news: Callable[[], bool] = lambda: False
    deadline: float | None = None


def run(
    argv: Sequence[str], environment: Mapping[str, str], held: HeldSignals, watch: Watch
) -> int:
    """Run a command to its end and return its exit status: 128+n if signal n killed it, and
    TIMED_OUT if it was ended at the deadline.

    Raises:
        StartError: there is no such command, or it cannot be executed.
    """
    if watch.news is not None:
        _signal_news(watch.news)
    terminal = Terminal()
    # The wrapper has a single thread, so that something may be called between fork and exec.
    command = begun(argv, environment, preexec_fn=held.release)
    status = _Supervision(command, held, watch, terminal).to_its_end()
    if command.returncode < 0:
        terminal.put_back(command.pid)
    return status


def _signal_news(pipe: int) -> None:
    """Have the system send SIGIO when something can be read from `pipe`."""
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)


def shown(name: str) -> str:
    """`name` as a message can have it: quoted where it is empty or has blanks."""
    return name if name.split() == [name] else repr(name)


def look_for(name: str, path: str | None) -> None:
    """Look for the program `name` before anything is started for it; `path` is a PATH.

    Raises:
        StartError: it cannot be started.
    """
    if shutil.which(name, path=path) is not None:
        return
    path = os.defpath if path is None else path
    places = [""] if os.path.dirname(name) else os.get_exec_path({"PATH": path})
    if any(os.path.isfile(os.path.join(place, name)) for place in places):
        raise StartError(f"{shown(name)}: Permission denied", NOT_EXECUTABLE)
    if os.path.isdir(name) and os.path.dirname(name):
        raise StartError(f"{shown(name)}: Is a directory", NOT_EXECUTABLE)
    raise StartError(f"{shown(name)}: command not found", NOT_FOUND)


def begun(
    argv: Sequence[str], environment: Mapping[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    """A command that has been started; `options` are those of Popen.

    Raises:
        StartError: there is no such command, or it cannot be executed.
    """
    try:
        # Running what the person asked for is the purpose.
        return subprocess.Popen(argv, env=environment, **options)  # noqa: S603
    except FileNotFoundError:
        if shutil.which(argv[0], path=environment.get("PATH")) is None:
            raise StartError(f"{shown(argv[0])}: command not found", NOT_FOUND) from None
        raise StartError(f"{argv[0]}: its interpreter was not found", NOT_EXECUTABLE) from None
    except OSError as error:
        raise StartError(f"{argv[0]}: {error.strerror}", NOT_EXECUTABLE) from None


def status_of(returncode: int) -> int:
    """The exit status that a shell would give for what Popen does."""
    return returncode if returncode >= 0 else KILLED_BY - returncode


class _Supervision:
    """A command's run. Times are of the monotonic clock."""

    def __init__(
        self,
        command: subprocess.Popen[bytes],
        held: HeldSignals,
        watch: Watch,
        terminal: Terminal,
    ) -> None:
        self._command = command
        self._held = held
        self._watch = watch
        self._terminal = terminal
        self._terminated_at: list[float] = []
        self._deadline = None if watch.deadline is None else time.monotonic() + watch.deadline
        self._kill_at: float | None = None
        self._timed_out = False

    def to_its_end(self) -> int:
        """The exit status."""
        self._set_alarm()
        self._hear()  # what was said before this was listened for
        while (status := self._status()) is None:
            number, command_has_it = _next_signal(self._held)
            self._take(number, command_has_it=command_has_it)
        return status

    def _status(self) -> int | None:
        status = self._command.poll()
        if status is None:
            return None
        if self._timed_out:
            return TIMED_OUT
        return status_of(status)

    def _take(self, number: int, *, command_has_it: bool) -> None:
        match number:
            case signal.SIGCHLD:
                if self._command.poll() is None:
                    self._terminal.follow(self._command.pid)
                    self._watch.on_child()
            case signal.SIGIO:
                self._hear()
            case signal.SIGALRM:
                self._look_at_the_clock()
            case signal.SIGTERM:
                self._terminate()
            case _ if not (command_has_it and _is_in_our_group(self._command.pid)):
                self._command.send_signal(number)
            case _:
                pass

    def _hear(self) -> None:
        if self._watch.on_news():
            self._end()
            self._set_alarm()

    def _terminate(self) -> None:
        """Hand a SIGTERM on; a second one kills when the grace that the first gave is over."""
        now = time.monotonic()
        if self._terminated_at and now - self._terminated_at[-1] < ONE:
            return
        self._command.send_signal(signal.SIGTERM)
        self._terminated_at.append(now)
        if len(self._terminated_at) > 1:
            self._kill_at = self._kill_at or self._terminated_at[0] + GRACE
            self._set_alarm()

    def _end(self) -> None:
        """SIGTERM, and SIGKILL when the grace is over; once only."""
        if self._kill_at is None:
            self._command.send_signal(signal.SIGTERM)
            self._kill_at = time.monotonic() + GRACE

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None and now >= self._kill_at:
            self._command.kill()
            return
        if self._deadline is not None and now >= self._deadline and self._kill_at is None:
            self._timed_out = True
            self._end()
        self._set_alarm()

    def _set_alarm(self) -> None:
        """For the deadline, and once the command is to end for its grace."""
        at = self._deadline if self._kill_at is None else self._kill_at
        if at is not None:
            _alarm_in(at - time.monotonic())


def _is_in_our_group(pid: int) -> bool:
    """Not after `setsid`, for example: then the terminal's signals pass it by."""
    try:
        return os.getpgid(pid) == os.getpgrp()
    except ProcessLookupError:  # it has ended: nothing can be sent to it anyway
        return True


def _alarm_in(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))  # zero would disarm it


def _next_signal(held: HeldSignals) -> tuple[int, bool]:
    """The next signal, and whether the command got it too, as part of the terminal's group."""
    if sys.platform == "darwin":  # it does not tell who sent a signal
        number = signal.sigwait(held.waiting)
        return number, number in SENT_TO_GROUP and _has_the_terminal()
    info = signal.sigwaitinfo(held.waiting)
    return info.si_signo, info.si_signo in SENT_TO_GROUP and info.si_code == _SI_KERNEL


def _has_the_terminal() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
