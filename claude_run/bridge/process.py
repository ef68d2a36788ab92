"""The bridge process: started, heard, stopped, and what is said of one that has died."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from threading import RLock
from typing import IO, Any, Final, NamedTuple

from claude_run import isolated, login, registry
from claude_run.bridge.errors import BridgeError
from claude_run.bridge.heard import Heard
from claude_run.bridge.hosts import Tcp, Unix
from claude_run.bridge.last_words import Log
from claude_run.bridge.place import (
    environment_in,
    fresh_key,
    listen,
    make_writable,
    place_for,
    run_directory,
    unlinked,
)
from claude_run.settings import Settings
from claude_run.stderr import open_missing, say

SPOOL: Final = "records.jsonl"
"""The records of the run's calls, in its directory."""

STOP_PATIENCE: Final = 8.0
"""Seconds the bridge process has to close its sessions and to report."""

_DYING: Final = 1.0
_IMPORT_PATIENCE: Final = 0.5


class Manner(NamedTuple):
    """`before_exec` is called between fork and exec; `title` is what the run is called where runs
    are listed; cassettes of scopes stand below `scopes`, None where nobody may open scopes. Without
    `alarms` the person is not told of calls that failed."""

    before_exec: Callable[[], None] | None = None
    title: str | None = None
    scopes: str | None = None
    alarms: bool = True


class Process:
    """Any thread may call; one at a time is heard.

    Requests sent before the process has finished importing wait in the socket's queue. What
    ends this process ends that one too: it hangs on a leash, its stdin."""

    def __init__(
        self,
        settings: Settings,
        api_key: str,
        environment: Mapping[str, str],
        manner: Manner,
    ) -> None:
        self.settings = settings
        self.heard = Heard(alarms=manner.alarms)
        self._key = api_key
        self._usage_key = fresh_key()
        self._title = manner.title or os.path.basename(sys.argv[0])
        self._environment = dict(environment)
        self._manner = manner
        self._is_ended = self._is_let_go = self._is_told = self._is_draining = False
        self._lock = RLock()
        self._held = ExitStack()

    @property
    def is_over(self) -> bool:
        """Whether it was stopped from here."""
        return self._is_let_go

    @property
    def url(self) -> str:
        """What clients have as their base URL; through a unix socket the host means nothing."""
        if isinstance(self.place, Tcp):
            return f"http://{self.place.url}:{self.port}/v1"
        return "http://localhost/v1"

    @property
    def socket_path(self) -> str:
        """The path of the unix socket that clients connect to; empty where they need none."""
        return self.place.path if isinstance(self.place, Unix) else ""

    @property
    def news(self) -> int:
        return self.heard.news.fileno()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """
        Raises:
            LoginError: nobody may pay.
            BridgeError: nothing can be started.
        """
        open_missing()
        self.place = place_for(self.settings)  # what is typed wrong is said before all else
        decision = self._who_pays()
        if decision.line is not None:
            say(decision.line)
        self.settings = replace(self.settings, paid_by=decision.paid_by)
        with ExitStack() as stack:
            self._directory = stack.enter_context(run_directory())
            self._secretive = self._environment
            self._environment = environment_in(self._directory, self._secretive, decision)
            log = stack.enter_context((self._directory / "bridge.log").open("w+b"))
            self._log = Log(log, self._key, self._secretive)
            make_writable(self.settings.log)
            self.spool = os.open(self._directory / SPOOL, os.O_RDWR | os.O_CREAT, 0o600)
            weakref.finalize(self, os.close, self.spool)  # it is read after the end
            with listen(self.place, self.settings.port) as listening:
                stack.enter_context(unlinked(self.place))
                is_tcp = isinstance(self.place, Tcp)
                self.port: int = listening.getsockname()[1] if is_tcp else 0
                self._entry = registry.path_of(os.getpid(), self._directory.name, self._secretive)
                self._process = self._spawn(listening)
            # Our copy of the socket is closed now: when the bridge process dies, connections
            # are refused instead of waiting for ever.
            stack.callback(self._end_group)
            stack.enter_context(registry.registered(self._running(), self._entry))
            self._leash, stdout = self._pipes(stack)
            self.heard.open(stdout)
            self._held = stack.pop_all()

    def _who_pays(self) -> login.Decision:
        """Raises LoginError where nobody may, unless it is early to ask."""
        try:
            return login.who_pays(self.settings, self._environment)
        except login.LoginError as error:
            if not self.settings.on_demand:
                raise
            self.settings = replace(self.settings, no_login=str(error))
            return login.Decision("replay")

    def stop(self) -> None:
        with self._lock, self._held:
            self._is_let_go = True
            self._stop()
            if self.heard.report is None and self.heard.is_ready:
                self.heard.report = self._spooled_report()
            self._log.keep_faults()

    def drain(self, seconds: float) -> None:
        """Have it finish what it has begun, for so long at most, take nothing new, and end."""
        with self._lock, suppress(BrokenPipeError):
            self._is_draining = True
            self._leash.write(json.dumps({"drain": seconds}).encode() + b"\n")

    def abandon(self) -> None:
        """In a child that this process has forked: the leash is not the child's to hold, nor is
        what the bridge process says for it to hear."""
        self._lock = RLock()  # another thread, which the child has not, may have held it
        self._is_let_go = self._is_told = True
        for pipe in (self._leash, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def wait_ready(self, timeout: float) -> None:
        with self._lock:
            deadline = time.monotonic() + timeout
            while not (self.heard.is_ready or self.heard.failure) and self.heard.take(deadline):
                pass
            if not self.heard.is_ready:
                self._wait(1.0 if self.heard.is_closed else 0.0)
                raise BridgeError(self.obituary() or f"the bridge was not ready in {timeout:g} s")

    def listen(self) -> None:
        """Take in what the process has said by now; what is for the person is said."""
        with self._lock:
            if not self._is_let_go:
                self.heard.take_what_is_there()

    def obituary(self) -> str | None:
        """`cause`, once."""
        with self._lock:
            if self._is_told:
                return None
            cause = self.cause()
            self._is_told = cause is not None
            return cause

    def cause(self, patience: float = 0.0) -> str | None:
        """Why it serves no more although it was not stopped; None while it serves. `patience` is
        for one that is just dying, in seconds."""
        with self._lock:
            if self._is_let_go:
                return None
            self.heard.take_what_is_there()
            if self.heard.failure is None:
                # One that has closed its end of the pipe is as good as dead.
                self._wait(_DYING if self.heard.is_closed else patience)
            if self.heard.failure is not None:  # it lives on, and tells that to whoever asks
                return f"the bridge could not start: {self._log.redacted(self.heard.failure)}"
            if self._process.poll() is None:
                return None
            self._end_group()
            self.heard.take_what_is_there()
            if self.heard.report is not None and self._is_draining:
                return None
            if self.heard.report is not None:
                return "the bridge was told to end (SIGTERM)"
            return f"the bridge died ({_ending(self._process.returncode)}){self._log.last_words()}"

    def _spawn(self, listening: socket.socket) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, isolated.__file__, "claude_run.server"],
            cwd="/",  # nobody's, and never removed
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.file,
            bufsize=0,
            start_new_session=True,
            pass_fds=(listening.fileno(),),
            preexec_fn=self._manner.before_exec,  # noqa: PLW1509 - given by single-threaded callers
        )
        assert process.stdin is not None  # noqa: S101 - it is a PIPE
        with suppress(BrokenPipeError):  # it has died already: `obituary` will say so
            process.stdin.write(self._orders(listening.fileno()))
        return process

    def _orders(self, listening: int) -> bytes:
        orders = {
            "settings": json.loads(self.settings.to_json()),
            "key": self._key,
            "usage_key": self._usage_key,
            "fd": listening,
            "directory": str(self._directory),
            "spool": str(self._directory / SPOOL),
            "registered": str(self._entry),
            "scopes": self._manner.scopes,
        }
        return json.dumps(orders).encode() + b"\n"

    def _running(self) -> registry.Running:
        return registry.Running(
            pid=os.getpid(),
            bridge=self.pid,
            base_url=self.url,
            usage_key=self._usage_key,
            title=self._title,
            began=time.time(),
            paid_by=self.settings.paid_by,
            socket_path=self.socket_path,
        )

    def _pipes(self, stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
        leash, events = self._process.stdin, self._process.stdout
        assert leash is not None and events is not None  # noqa: S101, PT018 - both are PIPEs
        return stack.enter_context(leash), stack.enter_context(events)

    def _stop(self) -> None:
        self.heard.take_what_is_there()
        if self.heard.is_ready:
            self._leash.close()
            deadline = time.monotonic() + STOP_PATIENCE
        else:  # nothing can have been served: what it still imports is not worth waiting for
            self._process.terminate()
            deadline = time.monotonic() + _IMPORT_PATIENCE
        was_ready = self.heard.is_ready
        # With the report everything of it is closed; its interpreter need not be torn down.
        while self.heard.report is None and self.heard.take(deadline):
            if self.heard.is_ready and not was_ready:  # it serves by now, and has sessions to close
                was_ready, deadline = True, time.monotonic() + STOP_PATIENCE
        if self.heard.report is None:
            self._wait(deadline - time.monotonic())
        if self.heard.is_ready and self._process.poll() is None and self.heard.report is None:
            say(f"the bridge did not end within {STOP_PATIENCE:g} s, and was killed")

    def _spooled_report(self) -> dict[str, Any]:
        """The report of a bridge process that ended without one, from the records it left."""
        from claude_run.usage.ledger import Ledger  # noqa: PLC0415 - hardly ever needed
        from claude_run.usage.spool import records_in  # noqa: PLC0415

        ledger = Ledger(self.settings.paid_by)
        for record in records_in(self.spool):
            ledger.enter(record)
        return {**ledger.report(), "bridge_died": True}

    def _wait(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, seconds))

    def _end_group(self) -> None:
        """Once only: later the number may belong to somebody else."""
        if not self._is_ended:
            self._is_ended = True
            with suppress(ProcessLookupError, PermissionError):  # empty, or zombies only (macOS)
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
