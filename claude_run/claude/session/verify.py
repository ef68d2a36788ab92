"""What a live session can be given anew, found out instead of believed.

Some of what `control` asks for is not documented, and some builds of the CLI acknowledge it
without doing it. So before any of it is relied on, a process that was changed is compared with
processes born so, against an upstream in this process that answers for nobody: the home is
empty, the login a dummy, and nothing is spent. It is done once for a version of the CLI, in the
background; until then, and for whatever turns out not to work, sessions are born as they are
wanted: slower, never wrong.
"""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import anyio

from claude_run.claude.session.aspects import ALL, Aspect, memory, remember, remembered
from claude_run.claude.session.control import ControlRefusedError
from claude_run.claude.session.options import Place
from claude_run.turn import Notice

_SECONDS: Final = 60.0
_TRIES: Final = 3


class Verifier:
    """Finds it out in the background, and calls `allow` with what works. `async with` it.

    `cache` is a directory that outlives the run; without one it is found out for each run.
    """

    def __init__(
        self, place: Place, cache: Path | None, allow: Callable[[Collection[Aspect]], None]
    ) -> None:
        self._place = place
        self._memory = None if cache is None else memory(place.cli, cache)
        self._allow = allow
        self._task: asyncio.Task[None] | None = None
        self.notices: tuple[Notice, ...] = ()
        """What a person should know of it."""

    async def __aenter__(self) -> "Verifier":
        known = self._recalled()
        if known is not None:
            self._conclude(known)
        else:
            self._task = asyncio.create_task(self._find_out())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _find_out(self) -> None:
        # Imported here: a run that remembers the outcome needs no upstream of ours.
        from claude_run.claude.session.proof import changeable  # noqa: PLC0415

        works, is_certain = frozenset[Aspect](), False
        for _ in range(_TRIES):
            try:
                with anyio.fail_after(_SECONDS):
                    works, is_certain = await changeable(self._place), True
                break
            except ControlRefusedError:
                is_certain = True
            except Exception:  # a machine that is too busy says nothing of the CLI
                is_certain = False
        if is_certain:
            self._remember(works)
        self._conclude(works)

    def _conclude(self, works: frozenset[Aspect]) -> None:
        if missing := ", ".join(sorted(aspect.value for aspect in ALL - works)):
            text = (
                f"this version of Claude Code cannot be given anew while it lives: {missing}; "
                "new processes are started for that, which is slower and not wrong"
            )
            self.notices = (Notice("live sessions", text),)
        self._allow(works)

    def _recalled(self) -> frozenset[Aspect] | None:
        return None if self._memory is None else remembered(self._memory)

    def _remember(self, works: Collection[Aspect]) -> None:
        if self._memory is not None:
            remember(works, self._memory)
