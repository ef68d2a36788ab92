"""One live Claude Code process and the conversation it holds."""

import asyncio
import contextlib
import json
import signal
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import Final

import psutil
from claude_agent_sdk import ClaudeSDKClient, Message, ResultMessage

from claude_run.claude.errors import RateLimit, from_exception
from claude_run.claude.session import control
from claude_run.claude.session.options import options_for, tuned_environment
from claude_run.claude.session.replay import History, assistant_message, transcript, user_message
from claude_run.claude.session.shape import Shape, Tuning
from claude_run.claude.tools import ToolNames, offered
from claude_run.patience import within
from claude_run.turn import Failure, JsonObject, Turn, TurnError, UserTurn, bad_request

_STDERR_LINES: Final = 20
_STOP_PATIENCE: Final = 1.0
_END_PATIENCE: Final = 2.0
_TOOLS_PATIENCE: Final = 10.0
_TOOLS_POLL: Final = 0.005


class State(Enum):
    OPENING = auto()
    READY = auto()
    BUSY = auto()
    CLOSED = auto()


class Session:
    """A CLI process, from spawn to end.

    `turns` is what its conversation holds, as a client would send it, or will hold once it is
    open; empty when it is fresh. `noted_after` is the turn that the CLI's own note comes after,
    once it has been given. `exchanges` counts the turns answered since it was fresh, `served`
    those of its whole life. `limit` is what the CLI last said of the plan: it speaks of it again
    only when that changes. All times are of time.monotonic().
    """

    def __init__(self, shape: Shape, tuning: Tuning, directory: Path, history: History) -> None:
        self.shape = shape
        self.tuning = tuning
        self.state = State.OPENING
        self.turns = history.turns
        self.noted_after: int | None = None
        self.exchanges = 0
        self.served = 0
        self.cost_usd: float | None = None
        self.limit: RateLimit | None = None
        self.born = self.used = time.monotonic()
        self._directory = directory
        self._history = history
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._users: list[str] = []
        self._connecting: ClaudeSDKClient | None = None
        self._client: ClaudeSDKClient | None = None
        self._process: psutil.Process | None = None
        self._end = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    # --- birth and death --------------------------------------------------------------

    async def open(self, names: ToolNames, notes: tuple[JsonObject, ...] = ()) -> None:
        """Spawn the process, with its history already in the conversation and `notes` in that.

        Raises:
            TurnError: it could not be started, or does not take a tool of the caller's.
        """
        history = replace(self._history, notes=notes)
        resume = self._transcript(history, names) if history.turns else None
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(opened, resume))
        try:
            await asyncio.shield(opened)
            await self._check_tools(names)
        except BaseException:
            self._end.set()
            raise
        finally:
            if resume is not None:
                resume.unlink(missing_ok=True)
        self.noted_after = history.noted_after if notes else None
        self.state = State.READY

    async def _check_tools(self, names: ToolNames) -> None:
        """The CLI leaves a tool out whose schema the Messages API would refuse, and tells only
        the model."""
        asked = [tool["name"] for tool in json.loads(self.shape.tools)]
        there = await self._offered_tools() if asked else ()
        if missing := [name for name in asked if name not in there]:
            called = ", ".join(repr(names.caller_of_bare(name)) for name in missing)
            raise bad_request(
                f"Claude does not take the parameters of {called}: they must be valid JSON schema "
                "(draft 2020-12), and the names of the properties at the top 1 to 64 letters, "
                "digits or characters of '_.-'.",
                "tools",
            )

    async def _offered_tools(self) -> Collection[str]:
        async def connected() -> Collection[str]:
            while (there := offered(await self._live.get_mcp_status())) is None:  # noqa: ASYNC110
                await asyncio.sleep(_TOOLS_POLL)  # the CLI tells of it only when asked
            return there

        try:
            return await within(_TOOLS_PATIENCE, connected())
        except Exception as error:
            text = f"Claude Code did not take up the tools: {error!r}"
            raise TurnError(Failure.CRASH, text) from error

    async def _keep(self, opened: "asyncio.Future[None]", resume: Path | None) -> None:
        """Hold the client open; the SDK wants it connected and disconnected by one task."""
        client: ClaudeSDKClient | None = None
        try:
            options = options_for(
                self.shape,
                self.tuning,
                directory=self._directory,
                stderr=self._stderr,
                resume=resume,
            )
            client = self._connecting = ClaudeSDKClient(options)
            await client.connect()
            self._client, self._process = client, control.process_of(client)
            if not opened.done():
                opened.set_result(None)
            await self._end.wait()
        except Exception as error:
            if not opened.done():
                opened.set_exception(from_exception(error, "\n".join(self._stderr)))
                opened.exception()
        finally:
            self.state = State.CLOSED
            opened.cancel()  # if it is waited for still
            if client is not None:
                await self._disconnect(client)

    async def _disconnect(self, client: ClaudeSDKClient) -> None:
        """End the process, now. The SDK would let it finish what it is doing; terminated, it is
        gone in 30 ms, and takes its entry among the user's running sessions with it."""
        self._signal(signal.SIGTERM)
        kill = asyncio.get_running_loop().call_later(_END_PATIENCE, self._signal, signal.SIGKILL)
        with contextlib.suppress(Exception):
            await client.disconnect()
        kill.cancel()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(psutil.Error):
                self._process.send_signal(number)

    async def close(self) -> None:
        self.state = State.CLOSED
        self._end.set()
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

    def _transcript(self, history: History, names: ToolNames) -> Path:
        session_id = str(uuid.uuid4())
        text, users = transcript(history, names, session_id, lambda: str(uuid.uuid4()))
        self._users = list(users)
        path = self._directory / f"{session_id}.jsonl"
        path.write_text(text, encoding="utf-8")
        return path

    # --- a turn -----------------------------------------------------------------------

    async def tune(self, tuning: Tuning) -> None:
        """Set model and request fields on the live process, where they differ.

        Raises:
            ControlRefusedError: the CLI would not.
        """
        if tuning.model != self.tuning.model:
            try:
                await self._live.set_model(tuning.model)
            except Exception as error:
                raise control.ControlRefusedError(str(error)) from error
        if tuning.body != self.tuning.body:
            await control.set_environment(self._live, tuned_environment(tuning))
        self.tuning = tuning

    async def converse(
        self, turns: Sequence[Turn], names: ToolNames
    ) -> AsyncGenerator[Message, None]:
        """Add `turns` to the conversation and ask the last, a user turn; its messages, up to
        the result.

        Raises:
            TurnError: the process broke.
        """
        if self.noted_after is None:
            self.noted_after = len(self.turns) + len(turns) - 1
        try:
            for turn in turns[:-1]:
                await self._remember(turn, names)
            await self._say(turns[-1], names, asks=True)
            async for message in self._live.receive_response():
                if isinstance(message, ResultMessage):
                    self.cost_usd = message.total_cost_usd
                    yield message
                    return
                yield message
        except Exception as error:
            raise from_exception(error, "\n".join(self._stderr)) from error
        raise from_exception(EOFError("it closed its output"), "\n".join(self._stderr))

    async def _remember(self, turn: Turn, names: ToolNames) -> None:
        await self._say(turn, names, asks=False)
        if isinstance(turn, UserTurn):
            # Without the wait the CLI takes what follows in another order.
            async for _ in self._live.receive_response():
                pass

    async def _say(self, turn: Turn, names: ToolNames, *, asks: bool) -> None:
        if isinstance(turn, UserTurn):
            self._users.append(str(uuid.uuid4()))
            message = user_message(turn, self._users[-1], asks=asks)
        else:
            message = assistant_message(turn, names)
        await self._live.query(_only(message))

    async def stop(self) -> None:
        """Stop the answer that is being written, and wait until the CLI has.

        Raises:
            ControlRefusedError: it did not within a second.
        """
        try:
            await within(_STOP_PATIENCE, self._stopped())
        except Exception as error:
            raise control.ControlRefusedError("the answer could not be stopped") from error

    async def _stopped(self) -> None:
        await self._live.interrupt()
        async for message in self._live.receive_response():
            if isinstance(message, ResultMessage):
                self.cost_usd = message.total_cost_usd

    async def rewind(self) -> None:
        """Make the session fresh again.

        Raises:
            ControlRefusedError: something of the conversation would stay.
        """
        if self._users:
            await control.rewind(self._live, self._users[0], self._users[-1])
        self._users.clear()
        self.turns, self.noted_after = (), None
        self.exchanges = 0

    # --- what it is -------------------------------------------------------------------

    @property
    def _live(self) -> ClaudeSDKClient:
        if self._client is None or self.state is State.CLOSED:
            raise RuntimeError("the session has no live process")
        return self._client

    @property
    def fresh(self) -> bool:
        return not self.turns

    @property
    def alive(self) -> bool:
        """Whether the process is there; nobody tells when an idle one is killed from outside."""
        with contextlib.suppress(psutil.Error):
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        return False

    @property
    def memory(self) -> int:
        """Resident bytes of the process; 0 when it is gone."""
        if self._process is not None:
            with contextlib.suppress(psutil.Error):
                return int(self._process.memory_info().rss)
        return 0


async def _only(message: JsonObject) -> AsyncIterator[JsonObject]:
    yield message
