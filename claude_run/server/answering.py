"""Who answers in a run: Claude, Claude with a recorder around it, or a replayer in its place."""

import os
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path

from claude_run.cassette.cassette import Cassette
from claude_run.claude.names import resolve
from claude_run.server.gate import Gate
from claude_run.server.gated import Gated
from claude_run.server.lines import Tell
from claude_run.server.on_demand import Nobody, on_demand
from claude_run.settings import Settings
from claude_run.turn import Answerer, JsonObject


@asynccontextmanager
async def answering(
    settings: Settings, directory: Path, report: JsonObject, tell: Tell, gate: Gate
) -> AsyncIterator[Answerer]:
    """Whoever `settings` want, Claude behind `gate`; at the end `report` has what became of the
    cassette, if any. `tell` hears what the person is told on stderr.

    Raises:
        CassetteError: the cassette cannot be used.
    """
    if settings.cassette is None:
        async with _asked(settings, directory) as claude:
            yield Gated(claude, gate)
        return
    cassette = Cassette(
        settings,
        partial(resolve, settings=settings),
        lambda text: tell({"event": "line", "text": text}),
    )
    if settings.record == "none":
        yield cassette.replayer()
    else:
        async with _asked(settings, directory) as claude:
            yield cassette.recorder(Gated(claude, gate))
    report["cassette"] = cassette.close()


def _asked(settings: Settings, directory: Path) -> AbstractAsyncContextManager[Answerer]:
    """Who is asked where nothing is replayed."""
    if settings.no_login is not None:
        return nullcontext(Nobody(settings.no_login))
    if settings.on_demand:
        return on_demand(partial(_claude, settings, directory))
    return _claude(settings, directory)


@asynccontextmanager
async def _claude(settings: Settings, directory: Path) -> AsyncIterator[Answerer]:
    # Imported here: a run that only replays has neither the SDK nor a second to load it.
    from claude_run.claude.turns import Claude  # noqa: PLC0415

    cache = user_cache_path("claude-run")  # the person's, before a rehearsal seals the home
    async with AsyncExitStack() as stack:
        if settings.rehearse:
            await _rehearse(stack, directory)
        yield await stack.enter_async_context(Claude(settings, directory, cache))


async def _rehearse(stack: AsyncExitStack, directory: Path) -> None:
    from claude_run.rehearsal import rehearse, seal, unsealed  # noqa: PLC0415
    from claude_run.rehearsal.upstream import Upstream  # noqa: PLC0415

    upstream = await stack.enter_async_context(Upstream(rehearse))
    home = directory / "home"
    home.mkdir()
    for name in unsealed(os.environ):
        del os.environ[name]
    os.environ.update(seal(home, upstream.url))
