"""The stream of several choices at once: chunks of each as they come, usage and [DONE] last."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from claude_run.dialects.errors import body_of
from claude_run.server.desk import Arrival, Desk
from claude_run.server.sse import DONE, frame
from claude_run.turn import JsonObject, TurnError, TurnEvent, TurnFinished, TurnRequest, Usage

UsageChunk = Callable[[Sequence[Usage], str], JsonObject]


class Writer(Protocol):
    def write(self, event: TurnEvent) -> list[JsonObject]: ...


@asynccontextmanager
async def choice_frames(
    desk: Desk,
    requests: Sequence[TurnRequest],
    writers: Sequence[Writer],
    usage_chunk: UsageChunk | None,
) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    """The frames of a stream with a choice for each request. `usage_chunk` makes the last chunk
    of all usages and the model, where one was asked for."""
    async with (
        desk.arrivals(requests) as arrivals,
        aclosing(_frames(arrivals, writers, usage_chunk)) as frames,
    ):
        yield frames


async def _frames(
    arrivals: AsyncGenerator[Arrival, None],
    writers: Sequence[Writer],
    usage_chunk: UsageChunk | None,
) -> AsyncGenerator[bytes, None]:
    """An error before the first frame is raised; after it, it is the last frame."""
    usages: list[Usage] = []
    model, begun = "", False
    try:
        async for arrival in arrivals:
            match arrival.happened:
                case None:
                    continue
                case TurnError() as error:
                    raise error
                case TurnFinished(_, usage, model):
                    usages.append(usage)
                case _:
                    pass
            for chunk in writers[arrival.index].write(arrival.happened):
                begun = True
                yield frame(chunk)
    except TurnError as error:
        if not begun:
            raise
        yield frame(body_of(error), event="error")
        return
    if usage_chunk is not None:
        yield frame(usage_chunk(usages, model))
    yield DONE
