"""A bridge in an `async with` block, and the scopes in it: nothing holds the loop up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import CancelScope, to_thread

from claude_run.bridge.async_face import AsyncFace
from claude_run.child import status_of

if TYPE_CHECKING:
    from types import TracebackType

    from claude_run.bridge.bridge import Bridge
    from claude_run.bridge.scope import Scope
    from claude_run.turn import JsonObject


class AsyncBridge(AsyncFace):
    """What `Bridge` is, with methods to be awaited. Errors are those of the same methods there."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._lock = threading.Lock()
        self._is_started = self._is_given_up = False

    @property
    def paid_by(self) -> str:
        return self._bridge.paid_by

    async def report(self) -> JsonObject:
        return await to_thread.run_sync(self._bridge.report)

    async def wait_ready(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109 - as Bridge has it
        await to_thread.run_sync(self._bridge.wait_ready, timeout)

    def scope(self, label: str, *, unlabelled: bool = False, **options: Any) -> AsyncScope:
        """As `Bridge.scope`, for the length of an `async with` block."""
        return AsyncScope(self._bridge.scope(label, unlabelled=unlabelled, **options))

    async def run(self, command: Sequence[str], **options: Any) -> int:
        """As `Bridge.run`. A command whose waiting is cancelled is ended: SIGTERM."""
        running = await to_thread.run_sync(partial(self._bridge.begin, command, **options))
        if isinstance(running, int):
            return running
        try:
            while (status := running.poll()) is None:
                await to_thread.run_sync(self._bridge.attend, running)
        except BaseException:
            running.terminate()
            raise
        return status_of(status)

    async def start(self) -> AsyncBridge:
        """In a thread, because a process is started, and who pays may be asked of the system."""
        try:
            await to_thread.run_sync(self._start)
        except BaseException:
            with self._lock:
                self._is_given_up = True
                is_started = self._is_started
            if is_started:  # nobody will end it: whoever entered the block was cancelled
                threading.Thread(target=self._bridge.close).start()
            raise
        return self

    async def end(self, error: BaseException | None) -> None:
        await _to_its_end(partial(self._bridge.__exit__, None, error, None))

    def _start(self) -> None:
        self._bridge.start()
        with self._lock:
            self._is_started = True
            is_given_up = self._is_given_up
        if is_given_up:
            self._bridge.close()


class AsyncScope(AsyncFace):
    """What `Scope` is, in an `async with` block."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._scope = scope

    @property
    def outcome(self) -> JsonObject:
        return self._scope.outcome

    async def told(self) -> JsonObject:
        return await to_thread.run_sync(self._scope.told)

    async def __aenter__(self) -> AsyncScope:
        await to_thread.run_sync(self._scope.__enter__)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _to_its_end(partial(self._scope.__exit__, None, error, None))


async def _to_its_end(close: Callable[[], None]) -> None:
    """What must be closed is closed in a block that was cancelled, too."""
    with CancelScope(shield=True):
        await to_thread.run_sync(close)
