"""Starts, leashes and stops the bridge process, which serves OpenAI's API from Claude."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

from claude_run import fault, isolated, login
from claude_run.cassette.mode import settled
from claude_run.settings import Settings
from claude_run.stderr import open_missing, say

HOST: Final = "127.0.0.1"
QUEUE: Final = 1024
"""Connections that may wait while the bridge process is still importing."""

SPOOL: Final = "records.jsonl"
"""The records of the run's calls, in its directory."""

STOP_PATIENCE: Final = 8.0
"""Seconds the bridge process has to close its sessions and to report."""

_PLACES: Final = frozenset({"CLAUDE_CONFIG_DIR", "PYTHONPATH"})
"""Variables that may be relative to a working directory which is not the bridge process's."""


_IMPORT_PATIENCE: Final = 0.5
_TAIL: Final = 5  # lines


class BridgeError(Exception):
    """The bridge could not start, in words for the person who asked."""


class Bridge:
    """OpenAI's API on `base_url`, for whoever has `api_key`, for the length of a `with` block.

    Requests sent before the bridge process has finished importing wait in the socket's
    queue. Whatever ends this process ends the bridge process too. When the block is over,
    `report` is what was used, or None if nothing was served or the bridge process died.

    `environment` replaces this process's own for the bridge process, and `before_exec` is
    called in it between fork and exec.

    Whoever starts a bridge passes here, so here it is decided who pays, and said on stderr
    where it is about money. To enter the block raises LoginError where nobody may pay, and
    BridgeError where nothing can be started.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        environment: Mapping[str, str] | None = None,
        before_exec: Callable[[], None] | None = None,
    ) -> None:
        self.api_key: Final = f"sk-claude-run-{secrets.token_urlsafe(32)}"
        self.report: dict[str, Any] | None = None
        self.is_ready = False
        self.is_stopping = False
        self._environment = dict(os.environ if environment is None else environment)
        self._settings = settled(settings, self._environment)
        if self._settings.log is not None:
            self._settings = replace(self._settings, log=os.path.abspath(self._settings.log))
        self._before_exec = before_exec
        self._failure: str | None = None
        self._is_ended = False
        self._held = ExitStack()

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._port}/v1"

    @property
    def spool(self) -> int:
        """The records of the calls, a JSON line each, as an open file. It can be read as long as
        this object lives, also when the bridge process was killed."""
        return self._spool

    @property
    def paid_by(self) -> str:
        return self._settings.paid_by

    @property
    def news(self) -> int:
        """The pipe on which the bridge process says what `listen` takes in."""
        return self._events.fileno()

    @property
    def pid(self) -> int:
        """The bridge process; it leads a session and a process group of its own."""
        return self._process.pid

    def __enter__(self) -> Bridge:
        open_missing()
        decision = login.who_pays(self._settings, self._environment)
        if decision.line is not None:
            say(decision.line)
        self._settings = replace(self._settings, paid_by=decision.paid_by)
        with ExitStack() as stack:
            self._directory = stack.enter_context(_run_directory())
            self._environment, self._secretive = self._own_environment(decision), self._environment
            self._log = stack.enter_context((self._directory / "bridge.log").open("w+b"))
            _make_writable(self._settings.log)
            self._spool = os.open(self._directory / SPOOL, os.O_RDWR | os.O_CREAT, 0o600)
            weakref.finalize(self, os.close, self._spool)  # it is read after the end
            with _listen(self._settings.port) as listening:
                self._port: int = listening.getsockname()[1]
                self._process = self._spawn(listening)
            # Our copy of the socket is closed now: when the bridge process dies, connections
            # are refused instead of waiting for ever.
            stack.callback(self._end_group)
            self._leash, stdout = self._pipes(stack)
            self._events = _EventPipe(stdout)
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._held:
            self._stop()
            if self.report is None and self.is_ready:
                self.report = self._spooled_report()
            self._keep_faults()

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until requests are served.

        Raises:
            BridgeError: the bridge process has ended, or `timeout` seconds have passed.
        """
        deadline = time.monotonic() + timeout
        while not self.is_ready and self._take(deadline):
            pass
        if not self.is_ready:
            self._wait(1.0 if self._events.is_closed else 0.0)
            raise BridgeError(self.obituary() or f"the bridge was not ready in {timeout:g} s")

    def listen(self) -> None:
        """Take in what the bridge process has said by now; what is for the person is said.

        `is_stopping` is True once the command is to be ended.
        """
        self._take_what_is_there()

    def obituary(self) -> str | None:
        """What to say of a bridge process that ended by itself: None while it lives, and once
        it has been said. No process of its group is left then."""
        if self._is_ended or self._process.poll() is None:
            return None
        self._end_group()
        self._take_what_is_there()
        if self._failure is not None:
            return f"the bridge could not start: {self._redacted(self._failure)}"
        if self.report is not None:
            return "the bridge was told to end (SIGTERM)"
        return f"the bridge died ({_ending(self._process.returncode)}){self._last_words()}"

    def _spawn(self, listening: socket.socket) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, isolated.__file__, "claude_run.server"],
            cwd="/",  # nobody's, and never removed
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            start_new_session=True,
            pass_fds=(listening.fileno(),),
            preexec_fn=self._before_exec,  # noqa: PLW1509 - given by single-threaded callers
        )
        assert process.stdin is not None  # noqa: S101 - it is a PIPE
        with suppress(BrokenPipeError):  # it has died already: `obituary` will say so
            process.stdin.write(self._orders(listening.fileno()))
        return process

    def _own_environment(self, decision: login.Decision) -> dict[str, str]:
        """Temporary files go where they are removed: the CLI leaves sockets among its own."""
        temporary = dict.fromkeys(("TMPDIR", "CLAUDE_CODE_TMPDIR"), str(self._directory))
        allowed = login.cli_environment(self._environment, decision, self._directory / "no-login")
        environment = {**allowed, **temporary}
        environment.pop("PYTHONWARNINGS", None)  # `error` is meant for the person's own program
        for name in _PLACES & set(environment):
            places = environment[name].split(os.pathsep)
            environment[name] = os.pathsep.join(map(_absolute, places))
        return environment

    def _orders(self, listening: int) -> bytes:
        orders = {
            "settings": json.loads(self._settings.to_json()),
            "key": self.api_key,
            "fd": listening,
            "directory": str(self._directory),
            "spool": str(self._directory / SPOOL),
        }
        return json.dumps(orders).encode() + b"\n"

    def _pipes(self, stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
        leash, events = self._process.stdin, self._process.stdout
        assert leash is not None and events is not None  # noqa: S101, PT018 - both are PIPEs
        return stack.enter_context(leash), stack.enter_context(events)

    def _take(self, deadline: float) -> bool:
        """Take one event in. False if none came by `deadline`, or none can come any more."""
        match self._events.next(deadline):
            case None:
                return False
            case {"event": "ready"}:
                self.is_ready = True
            case {"event": "failed", "message": message}:
                self._failure = message
            case {"event": "report", "report": report}:
                self.report = report
            case {"event": "line", "text": text}:
                say(text)
            case {"event": "stop", "text": text}:
                say(text)
                self.is_stopping = True
            case _:
                pass
        return True

    def _take_what_is_there(self) -> None:
        while self._take(time.monotonic()):
            pass

    def _stop(self) -> None:
        self._take_what_is_there()
        if self.is_ready:
            self._leash.close()
            deadline = time.monotonic() + STOP_PATIENCE
        else:  # nothing can have been served: what it still imports is not worth waiting for
            self._process.terminate()
            deadline = time.monotonic() + _IMPORT_PATIENCE
        was_ready = self.is_ready
        # With the report everything of it is closed; its interpreter need not be torn down.
        while self.report is None and self._take(deadline):
            if self.is_ready and not was_ready:  # it serves by now, and has sessions to close
                was_ready, deadline = True, time.monotonic() + STOP_PATIENCE
        if self.report is None:
            self._wait(deadline - time.monotonic())
        if self.is_ready and self._process.poll() is None and self.report is None:
            say(f"the bridge did not end within {STOP_PATIENCE:g} s, and was killed")

    def _spooled_report(self) -> dict[str, Any]:
        """The report of a bridge process that ended without one, from the records it left."""
        from claude_run.usage.ledger import Ledger  # noqa: PLC0415 - hardly ever needed
        from claude_run.usage.spool import records_in  # noqa: PLC0415

        ledger = Ledger(self._settings.paid_by)
        for record in records_in(self._spool):
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

    def _last_words(self) -> str:
        lines = self._log_so_far().splitlines()[-_TAIL:]
        return "".join(f"\n  {line}" for line in lines)

    def _keep_faults(self) -> None:
        """The log is removed with the run's directory, unless it tells of a fault of ours."""
        log = self._log_so_far()
        if fault.is_fault(log) and (kept := fault.keep(log, self._secretive)) is not None:
            say(f"something went wrong in the bridge; what is known of it: {kept}")

    def _log_so_far(self) -> str:
        self._log.seek(0)  # read from here: the bridge process removes the directory it is in
        return self._redacted(self._log.read().decode(errors="replace"))

    def _redacted(self, text: str) -> str:
        return fault.redacted(text, (self.api_key, *fault.secrets_in(self._secretive)))


class _EventPipe:
    """JSON lines from the bridge process."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._read = b""
        self.is_closed = False

    def fileno(self) -> int:
        return self._pipe.fileno()

    def next(self, deadline: float) -> dict[str, Any] | None:
        """The next event; None at the end, or at `deadline` of the monotonic clock."""
        while b"\n" not in self._read:
            patience = max(0.0, deadline - time.monotonic())
            if self.is_closed or not self._poll.poll(patience * 1000):
                return None
            piece = os.read(self._pipe.fileno(), 65536)
            self._read += piece
            self.is_closed = not piece
        line, self._read = self._read.split(b"\n", 1)
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:  # something else was printed there, which is nothing to us
            return {}
        return event


@contextmanager
def _run_directory() -> Iterator[Path]:
    try:
        directory = tempfile.mkdtemp(prefix="claude-run-")
    except OSError as error:
        raise BridgeError(f"no temporary directory can be made: {error}") from error
    try:
        yield Path(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _absolute(path: str) -> str:
    with suppress(OSError):  # the working directory may be gone
        return os.path.abspath(path)
    return path


def _make_writable(log: str | None) -> None:
    """
    Raises:
        BridgeError: no log can be written there.
    """
    if log is not None:
        try:
            os.makedirs(log, mode=0o700, exist_ok=True)
        except OSError as error:
            raise BridgeError(f"--log {log} cannot be made: {error.strerror}") from error
        if not os.access(log, os.W_OK | os.X_OK):
            raise BridgeError(f"--log {log} cannot be written to")


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=QUEUE)
    except OSError as error:
        raise BridgeError(
            f"port {port} cannot be used ({error.strerror}); without --port a free one is taken"
        ) from error


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
