"""The CLI's process and the SDK's client of it: how they start, and how they are made to end."""

import asyncio
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
from claude_agent_sdk import ClaudeSDKClient, McpSdkServerConfig

from claude_run.claude.errors import from_exception
from claude_run.claude.session import control
from claude_run.claude.session.options import Birth, forget_files_of, options_for
from claude_run.turn import TurnError

_STDERR_LINES: Final = 20
_END_SECONDS: Final = 2.0
# A stopped process would take a question and never answer.
_NOT_ALIVE: Final = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD, psutil.STATUS_STOPPED})


class Process:
    """`close` it however `open` ended."""

    def __init__(self, birth: Birth, server: McpSdkServerConfig) -> None:
        self._birth = birth
        self._server = server
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._connecting: ClaudeSDKClient | None = None
        self._client: ClaudeSDKClient | None = None
        self._process: psutil.Process | None = None
        self._end = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def open(self, resume: Path | None) -> None:
        """Start the process, with the conversation of the transcript `resume`.

        Raises:
            TurnError: it could not be started.
        """
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(opened, resume))
        await asyncio.shield(opened)

    async def _keep(self, opened: "asyncio.Future[None]", resume: Path | None) -> None:
        """Hold the client open; the SDK wants it connected and disconnected by one task."""
        client: ClaudeSDKClient | None = None
        try:
            options = options_for(self._birth, self._server, stderr=self._stderr, resume=resume)
            client = self._connecting = ClaudeSDKClient(options)
            await client.connect()
            forget_files_of(options)
            self._client, self._process = client, control.process_of(client)
            if not opened.done():
                opened.set_result(None)
            await self._end.wait()
        except Exception as error:
            if not opened.done():
                opened.set_exception(from_exception(error, "\n".join(self._stderr)))
                opened.exception()
        finally:
            opened.cancel()  # if it is waited for still
            if client is not None:
                await self._disconnect(client)

    async def _disconnect(self, client: ClaudeSDKClient) -> None:
        """End the process, now. The SDK would let it finish what it is doing; terminated, it is
        gone in 30 ms, and takes its entry among the user's running sessions with it."""
        self._signal(signal.SIGTERM)
        kill = asyncio.get_running_loop().call_later(_END_SECONDS, self._signal, signal.SIGKILL)
        with suppress(Exception):
            await client.disconnect()
        kill.cancel()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(psutil.Error):
                self._process.send_signal(number)

    def end(self) -> None:
        """Tell the process to end."""
        self._end.set()

    async def close(self) -> None:
        """End the process, and wait until it has."""
        self.end()
        if self._keeper is not None:
            if self._client is None:
                self._stop_connecting(self._keeper)
            await asyncio.wait([self._keeper])

    def _stop_connecting(self, keeper: "asyncio.Task[None]") -> None:
        """On a busy machine it takes seconds, and the SDK leaves a process seconds to end."""
        if self._connecting is not None:
            self._process = control.process_of(self._connecting)
        self._signal(signal.SIGTERM)
        keeper.cancel()

    @contextmanager
    def border(self) -> Iterator[None]:
        """Whatever breaks inside is a TurnError outside."""
        try:
            yield
        except TurnError:
            raise
        except Exception as error:
            raise from_exception(error, "\n".join(self._stderr)) from error

    @property
    def client(self) -> ClaudeSDKClient | None:
        """What speaks with the process, as long as there is one."""
        return self._client

    @property
    def alive(self) -> bool:
        """Whether the process is there; nobody tells when an idle one is killed from outside. One
        that cannot be looked at counts as alive as long as it has not been ended."""
        if self._process is None:
            return self._keeper is not None and not self._keeper.done()
        try:
            return self._process.status() not in _NOT_ALIVE
        except psutil.Error:
            return False
        except OSError:  # no file descriptor to look with: whoever asks it will find out
            return True

    @property
    def memory(self) -> int:
        """Resident bytes of the process; 0 when that cannot be told."""
        if self._process is not None:
            with suppress(psutil.Error, OSError):
                return int(self._process.memory_info().rss)
        return 0
