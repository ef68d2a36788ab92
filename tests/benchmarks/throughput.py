"""Independent requests, eight at once, to a model that takes a second: how many a second."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

import psutil

from claude_run.bridge import Bridge
from claude_run.settings import SessionMode, Settings
from tests.benchmarks import Row, bare
from tests.benchmarks.client import Client
from tests.benchmarks.processes import cpu_seconds, own_cpu_seconds
from tests.benchmarks.upstream import sealed_to_a_model, thinks

REQUESTS = 200
AT_ONCE = 8
MODEL_SECONDS = 1.0
IDEAL = AT_ONCE / MODEL_SECONDS
SPAWNS = 24
COMPARED = 40  # requests; what is slow need not be watched as long

Ask = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Flow:
    """Answers per second, what the bridge and its sessions spent on one, in CPU seconds, and
    where the sessions came from."""

    rate: float
    bridge: float
    sessions: float
    origins: str

    def __str__(self) -> str:
        return (
            f"{self.rate:.2f}/s ({self.origins}; CPU for one: bridge {1000 * self.bridge:.0f} ms, "
            f"sessions {1000 * self.sessions:.0f} ms)"
        )


def rows() -> list[Row]:
    with sealed_to_a_model() as environment:
        thrice = [asyncio.run(_through(environment, "recycled")) for _ in range(3)]
        warm = asyncio.run(_through(environment, "recycled", warm_up=AT_ONCE))
        before = asyncio.run(_spawn_rate())
        fresh = asyncio.run(_through(environment, "fresh"))
        spawns = (before + asyncio.run(_spawn_rate())) / 2
        each = asyncio.run(per_second(_with_a_process_of_its_own, COMPARED, AT_ONCE))
        shared = asyncio.run(_on_one_client())
    _, recycled, _ = sorted(thrice, key=lambda flow: flow.rate)
    bound = min(IDEAL, spawns)
    ideal = f"of the ideal {IDEAL:g}/s"
    return [
        Row(
            "recycled",
            recycled.rate / IDEAL,
            f"{ideal}, the middle one of three: {recycled}",
            at_least=7 / 8,
        ),
        Row("  once eight sessions are live", warm.rate / IDEAL, f"{ideal}: {warm}"),
        Row(
            "fresh",
            fresh.rate / bound,
            f"of the {bound:.2f}/s that can be started: {fresh}",
            at_least=0.9,
        ),
        Row("bare SDK, a process for each", each / IDEAL, f"{ideal}: {each:.2f}/s"),
        Row("bare SDK, one client for all", shared / IDEAL, f"{ideal}: {shared:.2f}/s"),
    ]


async def _through(environment: dict[str, str], mode: SessionMode, *, warm_up: int = 0) -> Flow:
    settings = Settings(sessions=mode, max_concurrency=AT_ONCE)
    with Bridge(settings, environment=environment) as bridge:
        await asyncio.to_thread(bridge.wait_ready)
        ask = asking(Client(bridge), MODEL_SECONDS)
        if warm_up:
            await per_second(ask, warm_up, AT_ONCE)
        process = psutil.Process(bridge.pid)
        own, all_ = own_cpu_seconds(process), cpu_seconds(process)
        rate = await per_second(ask, REQUESTS, AT_ONCE)
        own = own_cpu_seconds(process) - own
        all_ = cpu_seconds(process) - all_
    assert bridge.last_report is not None
    origins = ", ".join(f"{n} {kind}" for kind, n in bridge.report()["sessions"].items() if n)
    return Flow(rate, own / REQUESTS, all_ / REQUESTS, origins)


async def per_second(ask: Ask, requests: int, at_once: int) -> float:
    """`requests` a second, when each of `at_once` askers goes on as soon as it is answered."""
    numbers = iter(range(requests))
    began = time.perf_counter()

    async def asker() -> None:
        for number in numbers:
            await ask(number)

    await asyncio.gather(*(asker() for _ in range(at_once)))
    return requests / (time.perf_counter() - began)


async def _spawn_rate() -> float:
    """How many processes a second the machine can start, ask once and end, all cores busy."""

    async def spawned(number: int) -> None:
        async with bare.process() as live:
            await bare.ask(live, f"Question {number}.")

    return await per_second(spawned, SPAWNS, 2 * (os.cpu_count() or 1))


async def _with_a_process_of_its_own(number: int) -> None:
    async with bare.process() as live:
        await bare.ask(live, _question(number))


async def _on_one_client() -> float:
    """What is asked at once waits for one another: a client has one conversation."""
    lock = asyncio.Lock()
    async with bare.process() as live:

        async def ask(number: int) -> None:
            async with lock:
                await bare.ask(live, _question(number))

        return await per_second(ask, COMPARED // 2, AT_ONCE)


def asking(client: Client, model_seconds: float) -> Ask:
    """Asks a question that nobody has asked before."""
    numbers = count()

    async def ask(_number: int) -> None:
        question = _question(next(numbers), model_seconds)
        messages = [
            {"role": "system", "content": bare.SYSTEM},
            {"role": "user", "content": question},
        ]
        answer = await client.ask({"model": bare.MODEL, "messages": messages})
        assert question in answer["choices"][0]["message"]["content"]

    return ask


def _question(number: int, model_seconds: float = MODEL_SECONDS) -> str:
    return f"Question {number} {thinks(model_seconds)}."
