"""A storm of clients on one bridge, and what is left of it afterwards."""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.benchmarks import Row
from tests.benchmarks.client import Client
from tests.benchmarks.processes import sessions
from tests.benchmarks.storm import Model, Tally, storm
from tests.scripted import PATIENCE, ScriptedUpstream, sealed_environment
from tests.wrapped import survivors

CLIENTS: Final = 50
SECONDS: Final = 60.0
AT_ONCE: Final = 6
MOST_SESSIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Findings:
    """`mixed` counts upstream requests with something of another conversation, `places` how
    many could be asked at once afterwards, `files` the open ones that nothing accounts for,
    `orphans` the processes that outlived the bridge."""

    tally: Tally
    mixed: int
    places: int
    most_sessions: int
    sessions: int
    files: int
    orphans: int


def rows() -> list[Row]:
    found = endure(CLIENTS, SECONDS)
    done = ", ".join(f"{n} {act.replace('_', ' ')}" for act, n in found.tally.done.items())
    wrong = "; ".join(found.tally.wrong[:3]) or f"{CLIENTS} clients, {SECONDS:g} s: {done}"
    most = f"{found.most_sessions} at most, {found.sessions} in the end"
    return [
        Row("wrong answers", len(found.tally.wrong), wrong, at_most=0),
        Row("conversations with something of another", found.mixed, at_most=0),
        Row("places that are left", found.places / AT_ONCE, at_least=1),
        Row("sessions, of those allowed", found.sessions / MOST_SESSIONS, most, at_most=1),
        Row("open files that nothing accounts for", found.files, at_most=0),
        Row("orphans", found.orphans, at_most=0),
    ]


def endure(clients: int, seconds: float) -> Findings:
    model = Model()
    with tempfile.TemporaryDirectory() as directory, ScriptedUpstream(model) as upstream:
        environment = sealed_environment(Path(directory), upstream.url)
        settings = Settings(max_concurrency=AT_ONCE, max_sessions=MOST_SESSIONS)
        with Bridge(settings, environment=environment) as bridge:
            bridge.wait_ready()
            watch = _Watch(psutil.Process(bridge.pid))
            trial = _Trial(Client(bridge), upstream, model, watch)
            tally, places = asyncio.run(trial.run(clients, seconds))
            live, files = len(sessions(watch.bridge)), watch.unexplained_files()
        orphans = len(survivors(tuple(watch.seen), PATIENCE))
    return Findings(tally, len(model.mixed), places, watch.most, live, files, orphans)


class _Watch:
    """Looks at the bridge from outside, several times a second."""

    def __init__(self, bridge: psutil.Process) -> None:
        self.bridge = bridge
        self.seen: set[psutil.Process] = {bridge}
        self.most = 0
        self._files_at_first = bridge.num_fds()
        self._files_each = 0.0

    async def watch(self) -> None:
        while True:
            live = sessions(self.bridge)
            self.seen.update(live)
            self.most = max(self.most, len(live))
            await asyncio.sleep(0.1)

    def take_measure(self) -> None:
        """From now on it is known how many files a session takes."""
        live = sessions(self.bridge)
        self._files_each = (self.bridge.num_fds() - self._files_at_first) / len(live)

    def unexplained_files(self) -> int:
        """How many files are open that were not at first, and belong to no session. A connection
        that has just been left takes a moment to be closed."""
        patience = time.monotonic() + PATIENCE
        while True:
            explained = self._files_at_first + self._files_each * len(sessions(self.bridge))
            files = round(self.bridge.num_fds() - explained)
            if files <= 0 or time.monotonic() > patience:
                return max(0, files)
            time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class _Trial:
    client: Client
    upstream: ScriptedUpstream
    model: Model
    watch: _Watch

    async def run(self, clients: int, seconds: float) -> tuple[Tally, int]:
        await self._filled()
        self.watch.take_measure()
        watching = asyncio.create_task(self.watch.watch())
        tally = await storm(self.client, clients, seconds)
        watching.cancel()
        await asyncio.to_thread(self.upstream.wait_until, lambda: self.upstream.active == 0)
        return tally, await self._filled()

    async def _filled(self) -> int:
        """How many are answered at once, when as many ask as may."""
        asking = [asyncio.create_task(self._wait(number)) for number in range(AT_ONCE)]
        try:
            await asyncio.to_thread(
                self.upstream.wait_until, lambda: self.upstream.active == AT_ONCE
            )
        except TimeoutError:
            return self.upstream.active
        finally:
            self.model.released.set()
            await asyncio.gather(*asking)
            self.model.released.clear()
        return AT_ONCE

    async def _wait(self, number: int) -> None:
        question = {"role": "user", "content": f"[wait] marker-0-{number}-"}
        await self.client.ask({"model": "sonnet", "messages": [question]})
