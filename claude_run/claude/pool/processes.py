"""The live sessions of a run: how they start, how many there may be, how they end."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from claude_run.claude.limits import Limits
from claude_run.claude.pool.candidates import Wanted, thinks_on
from claude_run.claude.pool.lost import Losses
from claude_run.claude.session.notes import Announcements
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session, State

_SWEEP_SECONDS: Final = 5.0


class Fleet:
    """`changed` is called whenever a session has started or is gone; before that `failed`, with
    one that could not be started. `async with` it: its sessions end with it."""

    def __init__(
        self,
        limits: Limits,
        directory: Path,
        *,
        changed: Callable[[], None],
        failed: Callable[[Session, Exception], None],
    ) -> None:
        self.limits = limits
        self.losses = Losses()
        self.closed = False
        self._directory = directory
        self._changed = changed
        self._failed = failed
        self._sessions: list[Session] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._announcements = Announcements(directory)

    async def __aenter__(self) -> "Fleet":
        self._background(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True
        for task in self._tasks - self._endings:
            task.cancel()
        await asyncio.gather(*(session.close() for session in self._sessions))
        await self._announcements.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- what there is ----------------------------------------------------------------

    def those(self, *states: State) -> list[Session]:
        return [session for session in self._sessions if session.state in states]

    @property
    def is_full(self) -> bool:
        """Whether another process would be one too many, if only until another has ended."""
        return len(self._sessions) + len(self._endings) >= self.limits.sessions

    @property
    def is_ending(self) -> bool:
        """Whether there will soon be room for one more."""
        return bool(self._endings)

    @property
    def is_starting(self) -> bool:
        """Whether as many are starting as may at once."""
        return len(self.those(State.OPENING)) >= self.limits.starts

    # --- starting and ending ----------------------------------------------------------

    def start(self, wanted: Wanted, history: History) -> None:
        """Start a process of this kind, with `history` in its conversation."""
        session = Session(wanted.shape, wanted.tuning, self._directory, history)
        self._sessions.append(session)
        self._background(self._open(session, wanted, history))

    async def _open(self, session: Session, wanted: Wanted, history: History) -> None:
        try:
            was_live = history.noted_after is not None
            notes = await self._announcements.of(wanted.tuning.model) if was_live else ()
            await session.open(wanted.names, notes)
        except Exception as error:
            if session in self._sessions:  # else it has been told to end
                self.retire(session)
                self._failed(session, error)
        self._changed()

    def retire(self, session: Session) -> None:
        """Tell a session to end, whatever it is doing."""
        self.losses.note(session)
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
            for session in self.those(State.READY):
                is_left = time.monotonic() - session.used > self.limits.parked
                if is_left or self.is_worn(session) or not session.alive:
                    self.retire(session)

    def is_worn(self, session: Session) -> bool:
        """Whether a session has been used for long enough: every turn leaves some memory behind,
        wherever its conversation has gone."""
        is_old = time.monotonic() - session.born > self.limits.age
        is_used = session.served >= self.limits.turns
        is_large = session.memory > self.limits.bytes
        return is_large or ((is_old or is_used) and not thinks_on(session))

    def _background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
