"""The bridge as a program holds it: started, asked, and stopped with its block."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from claude_run.bridge.errors import BridgeError
from claude_run.bridge.face import Face
from claude_run.bridge.keywords import refuse_unknown, settings_of
from claude_run.bridge.place import absolute, fresh_key
from claude_run.bridge.process import Manner, Process
from claude_run.cassette.mode import settled
from claude_run.child import StartError, begun, status_of
from claude_run.settings import Settings
from claude_run.stderr import say

if TYPE_CHECKING:
    from claude_run.bridge.asynchronous import AsyncBridge
    from claude_run.turn import JsonObject

_NOT_STARTED: Final = (
    "this bridge has not been started: write `with Bridge(...) as bridge:` around what uses it, or"
    " call bridge.start(), and bridge.close() when it is no longer needed"
)
_HEARD_EVERY: Final = 0.5  # seconds


class Bridge(Face):
    """OpenAI's API on `base_url`, for whoever has `api_key`, for the length of a `with` block:

        with Bridge(model_map={"gpt-*": "sonnet"}) as bridge:
            print(bridge.complete("What is a monad?"))

    The options are the fields of `Settings`, as keyword arguments or as one. In an `async with`
    block it is an `AsyncBridge`. `start` and `close` are for where no block can be, as between
    the cells of a notebook.

    Requests sent before the bridge process has finished importing wait in the socket's queue.
    Whatever ends this process ends the bridge process too; a process that this one has forked can
    use the bridge and does not end it. When the block is over, `report()` is what was used.

    `environment` replaces this process's own for the bridge process, and `before_exec` is
    called in it between fork and exec. `title` is what the run is called where runs are listed.
    Cassettes of scopes stand below `scopes`; with None nobody can open a scope.
    `key` is the key to have, instead of one that is made. Without `alarms` nothing is said on
    stderr of calls that failed.

    Whoever starts a bridge passes here, so here it is decided who pays, and said on stderr
    where it is about money. To enter the block raises LoginError where nobody may pay, and
    BridgeError where nothing can be started. Options that cannot be meant raise TypeError or
    ValueError at once.
    """

    def __init__(  # noqa: PLR0913 - each is another's concern
        self,
        settings: Settings | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        before_exec: Callable[[], None] | None = None,
        title: str | None = None,
        scopes: str | os.PathLike[str] | None = os.curdir,
        key: str | None = None,
        alarms: bool = True,
        **options: Any,
    ) -> None:
        super().__init__("", key or f"sk-claude-run-{fresh_key()}")
        variables = dict(os.environ if environment is None else environment)
        read = settings_of(settings, options)
        refuse_unknown(read, variables)
        log = absolute(read.log) if read.log is not None else None
        self._settings = replace(settled(read, variables), log=log)
        below = None if scopes is None else absolute(os.fspath(scopes))
        manner = Manner(before_exec, title, below, alarms)
        self._made = Process(self._settings, self.api_key, variables, manner)
        self._owner: int | None = None
        self._async: AsyncBridge | None = None

    @property
    def base_url(self) -> str:
        return self._process.url

    @property
    def socket_path(self) -> str:
        return self._process.socket_path

    @property
    def spool(self) -> int:
        """The records of the calls, a JSON line each, as an open file. It can be read as long as
        this object lives, also when the bridge process was killed."""
        return self._process.spool

    @property
    def paid_by(self) -> str:
        return self._made.settings.paid_by

    @property
    def news(self) -> int:
        """The pipe on which the bridge process says what `listen` takes in."""
        return self._process.news

    @property
    def pid(self) -> int:
        """The bridge process; it leads a session and a process group of its own."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether requests are served, as far as was heard."""
        return self._made.heard.is_ready

    @property
    def is_stopping(self) -> bool:
        """Whether the command is to be ended, as far as was heard."""
        return self._made.heard.is_stopping

    @property
    def has_failed(self) -> bool:
        """Whether the process said that it can serve nothing, as far as was heard."""
        return self._made.heard.failure is not None

    @property
    def title(self) -> str | None:
        """What a terminal's title is to say, as far as was heard."""
        return self._made.heard.title

    @property
    def last_report(self) -> JsonObject | None:
        """What was used, once the bridge has ended; None if nothing was served."""
        return self._made.heard.report

    def report(self) -> JsonObject:
        """What was used so far: tokens, API-equivalent dollars, seconds. `{}` if nothing was
        served."""
        if self._process.is_over:
            return self._made.heard.report or {}
        return super().report()

    def start(self) -> Bridge:
        """Begin what a `with` block begins; `close` ends it."""
        if self._owner is not None:
            raise BridgeError("a bridge is started once: make another Bridge for another block")
        self._made.start()
        self._owner = os.getpid()
        _STARTED.add(self)
        return self

    def close(self) -> None:
        """End the bridge. A child that this process has forked closes nothing."""
        if self._owner == os.getpid() and not self._made.is_over:
            self._made.stop()

    def __enter__(self) -> Bridge:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._owner == os.getpid():
            try:
                self._mourn(error)
            finally:
                self.close()

    async def __aenter__(self) -> AsyncBridge:
        from claude_run.bridge.aside import imported  # noqa: PLC0415

        asynchronous = await imported("claude_run.bridge.asynchronous")
        made: AsyncBridge = asynchronous.AsyncBridge(self)
        self._async = made
        return await made.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._async is not None:
            await self._async.end(error)

    def __reduce__(self) -> str:
        raise TypeError(
            "a Bridge stays in its process: give another one bridge.env, or base_url and api_key"
        )

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until requests are served.

        Raises:
            BridgeError: the bridge process has ended, or `timeout` seconds have passed.
        """
        self._process.wait_ready(timeout)

    def listen(self) -> None:
        """Take in what the bridge process has said by now; what is for the person is said.

        `is_stopping` is True once the command is to be ended.
        """
        self._process.listen()

    def drain(self, seconds: float) -> None:
        """Have the bridge finish what it has begun, for so long at most, and end. New calls are
        refused with 503 meanwhile; `last_report` is there once it has ended, and `listen` heard."""
        self._process.drain(seconds)

    def obituary(self) -> str | None:
        """What to say of a bridge process that serves no more although nobody has ended it: None
        while it serves, and once it has been said."""
        return self._process.obituary()

    def cause(self, patience: float = 0.0) -> str | None:
        if self._owner is None or not self._made.is_over:
            return self._process.cause(patience)
        return "the bridge has ended: its block is over"

    def run(self, command: Sequence[str], **options: Any) -> int:
        """Run `command` with this bridge in its environment, as `claude-run -- COMMAND` does; its
        exit status, 128+n if signal n killed it, 127 if there is no such command and 126 if it
        cannot be executed. `options` are those of `subprocess.Popen`."""
        running = self.begin(command, **options)
        if isinstance(running, int):
            return running
        with running:
            while (status := running.poll()) is None:
                self.attend(running)
        return status_of(status)

    def begin(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes] | int:
        """`command` started as `run` says, or the status of one that cannot be."""
        if isinstance(command, str):
            raise TypeError(f"a command is a list of words: {shlex.split(command)!r}")
        if not command:
            raise ValueError("a command is a list of words, and this one is empty")
        try:
            return begun(command, self.env_of(options.pop("env", os.environ)), **options)
        except StartError as error:
            say(str(error))
            return error.status

    def attend(self, running: subprocess.Popen[bytes]) -> None:
        """Wait a moment for the end of `running`, and take in what the bridge says meanwhile."""
        with suppress(subprocess.TimeoutExpired):
            running.wait(_HEARD_EVERY)
        self.listen()
        if self.is_stopping and running.poll() is None:
            running.terminate()

    def _mourn(self, error: BaseException | None) -> None:
        """Say why a bridge has died, in the error that came of it where there is one."""
        cause = self.cause()
        if (obituary := self.obituary()) is not None:
            say(obituary)
        if error is not None and cause is not None and sys.version_info >= (3, 11):
            if cause not in str(error):
                error.add_note(f"claude-run: {cause}")

    @property
    def _process(self) -> Process:
        if self._owner is None:
            raise BridgeError(_NOT_STARTED)
        return self._made


_STARTED: Final[weakref.WeakSet[Bridge]] = weakref.WeakSet()


def _in_a_forked_child() -> None:
    for bridge in list(_STARTED):
        bridge._made.abandon()  # noqa: SLF001 - ours


os.register_at_fork(after_in_child=_in_a_forked_child)
