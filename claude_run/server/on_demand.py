"""Claude, who is started by the first call that needs him: a suite that only replays needs none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from claude_run.turn import Answerer, Emit, Failure, Trace, TurnError, TurnRequest


class OnDemand:
    def __init__(self, started: "asyncio.Future[Answerer]", wanted: asyncio.Event) -> None:
        self._started = started
        self._wanted = wanted

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        self._wanted.set()
        # Whoever goes away does not take the start with it.
        answerer = await asyncio.shield(self._started)
        await answerer.answer(request, trace, emit)


class Nobody:
    """Answers nothing: there is no login, and `why` says what to do."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:  # noqa: ARG002
        raise TurnError(Failure.AUTHENTICATION, self._why)


@asynccontextmanager
async def on_demand(
    start: Callable[[], AbstractAsyncContextManager[Answerer]],
) -> AsyncIterator[Answerer]:
    """What `start` gives, once somebody asks. One task owns it from its start to its end."""
    wanted, over = asyncio.Event(), asyncio.Event()
    started: asyncio.Future[Answerer] = asyncio.get_running_loop().create_future()

    async def own() -> None:
        await wanted.wait()
        try:
            async with start() as answerer:
                started.set_result(answerer)
                await over.wait()
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    owner = asyncio.create_task(own())
    try:
        yield OnDemand(started, wanted)
    finally:
        over.set()
        if not wanted.is_set():
            owner.cancel()
        await asyncio.wait([owner])
