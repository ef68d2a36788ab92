"""What the bridge and its sessions hold, before and after two thousand requests."""

import asyncio
from dataclasses import dataclass

import psutil

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.benchmarks import Row
from tests.benchmarks.client import Client
from tests.benchmarks.processes import sessions, until_quiet
from tests.benchmarks.throughput import AT_ONCE, asking, per_second
from tests.benchmarks.upstream import sealed_to_a_model

WARM_UP = 400
REQUESTS = 2000
MODEL_SECONDS = 0.02
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Holdings:
    """Bytes that nobody else holds as well, of the bridge and of one session on average."""

    bridge: float
    session: float
    sessions: int
    files: int


def rows() -> list[Row]:
    with sealed_to_a_model() as environment:
        before, after = asyncio.run(_before_and_after(environment))
    return [
        _row("memory of the bridge", before.bridge, after.bridge),
        _row(f"memory of a session (of {after.sessions})", before.session, after.session),
        Row(
            "open files of the bridge",
            after.files / before.files,
            f"{before.files}, then {after.files}",
            at_most=1.0,
        ),
    ]


def _row(measured: str, before: float, after: float) -> Row:
    note = f"{before / MIB:.0f} MiB, {REQUESTS} requests later {after / MIB:.0f} MiB"
    return Row(measured, after / before, note, at_most=1.1)


async def _before_and_after(environment: dict[str, str]) -> tuple[Holdings, Holdings]:
    with Bridge(Settings(max_concurrency=AT_ONCE), environment=environment) as bridge:
        await asyncio.to_thread(bridge.wait_ready)
        process = psutil.Process(bridge.pid)
        ask = asking(Client(bridge), MODEL_SECONDS)
        await per_second(ask, WARM_UP, AT_ONCE)
        before = await _held(process)
        await per_second(ask, REQUESTS, AT_ONCE)
        return before, await _held(process)


async def _held(bridge: psutil.Process) -> Holdings:
    await until_quiet(bridge)
    live = sessions(bridge)
    together = sum(_memory(session) for session in live)
    return Holdings(_memory(bridge), together / len(live), len(live), bridge.num_fds())


def _memory(process: psutil.Process) -> int:
    """Bytes; what several processes share is divided among them, where the system says so."""
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.uss))
