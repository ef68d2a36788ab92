"""The live sessions of a run: how they start, how many there may be, how they end."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from claude_run.claude.limits import Limits
from claude_run.claude.pool.candidates import thinks_on
from claude_run.claude.pool.planner import Waiter
from claude_run.claude.session.notes import EnvironmentNotes
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session, State
from claude_run.claude.tools import ToolNames

_SWEEP_SECONDS: Final = 5.0


class Processes:
    """`changed` is called whenever a session has started or is gone; before that `failed`, with
    one that could not be started. `is_awaited` says whether anybody waits for one. `async with`
    it: its sessions end with it."""

    def __init__(
        self,
        limits: Limits,
        directory: Path,
        *,
        changed: Callable[[], None],
        failed: Callable[[Session, Exception], None],
        is_awaited: Callable[[], bool],
    ) -> None:
        self.closed = False
        self.started_for: dict[Session, Waiter | None] = {}
        """For whom each opening session was started."""
        self._limits = limits
        self._changed = changed
        self._failed = failed
        self._is_awaited = is_awaited
        self._sessions: list[Session] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._notes = EnvironmentNotes(directory)

    async def __aenter__(self) -> "Processes":
        self._background(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True
        for task in self._tasks - self._endings:
            task.cancel()
        await asyncio.gather(*(session.close() for session in self._sessions))
        await self._notes.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- what there is ----------------------------------------------------------------

    @property
    def sessions(self) -> tuple[Session, ...]:
        return tuple(self._sessions)

    def count(self, state: State) -> int:
        return sum(session.state is state for session in self._sessions)

    @property
    def room(self) -> int:
        """How many more processes there may be; one that is ending is still there."""
        return self._limits.sessions - len(self._sessions) - len(self._endings)

    @property
    def starts(self) -> int:
        """How many more may be starting."""
        return self._limits.starts - self.count(State.OPENING)

    @property
    def ending(self) -> int:
        return len(self._endings)

    # --- starting and ending ----------------------------------------------------------

    def start(self, session: Session, waiter: Waiter | None, history: History) -> None:
        """Open `session`, for `waiter` or as a spare, with `history` in its conversation."""
        self._sessions.append(session)
        self.started_for[session] = waiter
        self._background(self._open(session, waiter, history))

    async def _open(self, session: Session, waiter: Waiter | None, history: History) -> None:
        try:
            names = ToolNames(()) if waiter is None else waiter.wanted.names
            was_live = history.noted_after is not None
            notes = await self._notes.of(session.shape.model) if was_live else ()
            await session.open(names, notes)
            if waiter is None and not self._is_awaited():
                await session.warm()
            if session.state is State.OPENING:  # until here it is nobody's: two would share it
                session.state = State.READY
        except Exception as error:
            if session in self._sessions:  # else it has been told to end
                self.retire(session)
                self._failed(session, error)
        finally:
            self.started_for.pop(session, None)
        self._changed()

    def retire(self, session: Session) -> None:
        """Tell a session to end, whatever it is doing."""
        if session in self._sessions:
            self._sessions.remove(session)
        ending = self._background(session.close())
        self._endings.add(ending)
        ending.add_done_callback(self._ended)

    def _ended(self, ending: "asyncio.Task[None]") -> None:
        self._endings.discard(ending)
        self._changed()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            ready = [session for session in self._sessions if session.state is State.READY]
            # One is kept however long nobody asks: whoever asks next finds it.
            latest = max(ready, key=lambda session: session.used, default=None)
            for session in ready:
                is_left = time.monotonic() - session.used > self._limits.parked
                if (
                    (is_left and session is not latest)
                    or self.is_worn(session)
                    or not session.alive
                ):
                    self.retire(session)

    def is_worn(self, session: Session) -> bool:
        """Whether a session has been used for long enough: every turn leaves some memory behind,
        wherever its conversation has gone."""
        is_old = time.monotonic() - session.born > self._limits.age
        is_used = session.served >= self._limits.turns
        is_large = session.memory > self._limits.bytes
        return is_large or ((is_old or is_used) and not thinks_on(session))

    def _background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
