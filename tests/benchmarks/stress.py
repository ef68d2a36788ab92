"""A storm of clients on one bridge, and what is left of it afterwards."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.benchmarks import Row
from tests.benchmarks.client import Client
from tests.benchmarks.processes import sessions
from tests.benchmarks.storm import ACTS, Act, Model, Tally, storm
from tests.scripted import PATIENCE, ScriptedUpstream, sealed_environment
from tests.verified import remember_what_works
from tests.wrapped import survivors

CLIENTS: Final = 50
SECONDS: Final = 60.0
AT_ONCE: Final = 6
MOST_SESSIONS: Final = 8
_WARM: Final = 60.0
"""Seconds of a storm after which whatever is kept once is there."""


@dataclass(frozen=True, slots=True)
class Findings:
    """`mixed` counts upstream requests with something of another conversation, `places` how
    many could be asked at once afterwards, `killed` the CLIs that were, `files` the open ones
    that nothing accounts for, `orphans` the processes that outlived the bridge, `left` the files
    that did. `memory` is what the bridge holds afterwards, as a multiple of what it held when it
    had warmed up; `report` is what it says of the run."""

    tally: Tally
    killed: int
    mixed: int
    places: int
    most_sessions: int
    sessions: int
    files: int
    orphans: int
    left: int
    memory: float
    report: JsonObject


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


def endure(
    clients: int,
    seconds: float,
    acts: Mapping[Act, int] = ACTS,
    kill_every: float | None = None,
    model: Model | None = None,
    client_of: Callable[[Bridge], Client] = Client,
) -> Findings:
    """So many clients for so long. A CLI, any, is killed every `kill_every` seconds."""
    model = Model() if model is None else model
    with tempfile.TemporaryDirectory() as directory, ScriptedUpstream(model) as upstream:
        environment = sealed_environment(Path(directory), upstream.url)
        temporary = Path(directory) / "tmp"
        temporary.mkdir()
        environment["TMPDIR"] = str(temporary)
        remember_what_works(environment)  # or there were processes beside the sessions
        settings = Settings(max_concurrency=AT_ONCE, max_sessions=MOST_SESSIONS)
        with Bridge(settings, environment=environment) as bridge:
            bridge.wait_ready()
            watch = _Watch(psutil.Process(bridge.pid))
            trial = _Trial(client_of(bridge), upstream, model, watch, acts, kill_every)
            tally, places = asyncio.run(trial.run(clients, seconds))
            live, files = len(sessions(watch.bridge)), watch.unexplained_files()
            memory = watch.memory()
        return Findings(
            tally,
            watch.killed,
            len(model.mixed),
            places,
            watch.most,
            live,
            files,
            orphans=len(survivors(tuple(watch.seen), PATIENCE)),
            left=sum(1 for _ in temporary.rglob("*")),
            memory=memory,
            report=bridge.last_report or {},
        )


class _Watch:
    """Looks at the bridge from outside, several times a second."""

    def __init__(self, bridge: psutil.Process) -> None:
        self.bridge = bridge
        self.seen: set[psutil.Process] = {bridge}
        self.most = 0
        self.killed = 0
        self._sessions_at_first = len(sessions(bridge))
        self._files_at_first = bridge.num_fds()
        self._files_each = 0.0
        self._warm: int | None = None

    async def watch(self) -> None:
        while True:
            live = sessions(self.bridge)
            self.seen.update(live)
            self.most = max(self.most, len(live))
            await asyncio.sleep(0.1)

    async def kill(self, every: float) -> None:
        chance = random.Random(1)
        while True:
            await asyncio.sleep(every)
            if live := sessions(self.bridge):
                chance.choice(live).kill()
                self.killed += 1

    async def warm_up(self, seconds: float) -> None:
        """Take the measure of its memory once it has worked so long."""
        await asyncio.sleep(seconds)
        self._warm = self.bridge.memory_full_info().uss

    def memory(self) -> float:
        return float(self.bridge.memory_full_info().uss / self._warm) if self._warm else 1.0

    def take_measure(self) -> None:
        """From now on it is known how many files a session takes."""
        more = len(sessions(self.bridge)) - self._sessions_at_first
        if more > 0:
            self._files_each = (self.bridge.num_fds() - self._files_at_first) / more

    def unexplained_files(self) -> int:
        """How many files are open that were not at first, and belong to no session. A connection
        that has just been left takes a moment to be closed. One that was killed while it was idle
        keeps its pipes until it is looked at, so that there may be as many as sessions allowed."""
        patience = time.monotonic() + PATIENCE
        while True:
            held = MOST_SESSIONS if self.killed else len(sessions(self.bridge))
            more = held - self._sessions_at_first
            explained = self._files_at_first + self._files_each * more
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
    acts: Mapping[Act, int]
    kill_every: float | None

    async def run(self, clients: int, seconds: float) -> tuple[Tally, int]:
        await self._filled()
        self.watch.take_measure()
        beside = [
            asyncio.create_task(self.watch.watch()),
            asyncio.create_task(self.watch.warm_up(min(seconds / 3, _WARM))),
        ]
        if self.kill_every is not None:
            beside.append(asyncio.create_task(self.watch.kill(self.kill_every)))
        tally = await storm(self.client, clients, seconds, self.acts)
        for task in beside:
            task.cancel()
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
