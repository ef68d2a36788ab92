"""What it costs that requests differ: in system prompt, tools or schema, from one to the next."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from itertools import count
from statistics import median
from typing import Final

import psutil
from claude_agent_sdk import ClaudeSDKClient

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.benchmarks import Row, bare
from tests.benchmarks.client import Client
from tests.benchmarks.processes import cpu_seconds, own_cpu_seconds, sessions, until_quiet
from tests.benchmarks.throughput import AT_ONCE, Ask, per_second
from tests.benchmarks.upstream import sealed_to_a_model, thinks

REQUESTS: Final = 120
MODEL_SECONDS: Final = 0.5
IDEAL: Final = AT_ONCE / MODEL_SECONDS
STARTS: Final = 5
HEAD_START_SECONDS: Final = 1.5
MANY_SHAPES: Final = 500
MANY_REQUESTS: Final = 2000
MIB: Final = 1024 * 1024


def _prompt(number: int) -> JsonObject:
    return {"system": f"{bare.SYSTEM} This is prompt {number}."}


def _tool(number: int) -> JsonObject:
    function = {"name": f"weather_{number}", "description": "Tells.", "parameters": bare.SCHEMA}
    return {"tools": [{"type": "function", "function": function}]}


def _schema(number: int) -> JsonObject:
    properties = {**bare.SCHEMA["properties"], f"extra_{number}": {"type": "string"}}
    schema = {**bare.SCHEMA, "properties": properties}
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema},
        }
    }


ONE: Final = "one system prompt"
KINDS: Final[Mapping[str, tuple[Callable[[int], JsonObject], float]]] = {
    "16 system prompts in turn": (lambda number: _prompt(number % 16), 0.9),
    "a system prompt for each request": (_prompt, 0.8),
    "a tool set for each request": (_tool, 0.8),
    "a schema for each request": (_schema, 0.8),
}


def rows() -> list[Row]:
    with sealed_to_a_model() as environment:
        rates = asyncio.run(_rates(environment))
        bare_rate = asyncio.run(_rate_of_the_sdk())
        first, live = asyncio.run(_firsts(environment))
        before, after, number = asyncio.run(_held_before_and_after(environment))
    one, note = rates.pop(ONE)
    ideal = f"of the ideal {IDEAL:g}/s"
    return [
        Row(ONE, one / IDEAL, f"{ideal}: {note}", at_least=0.9),
        Row("  the bare SDK, eight live clients", bare_rate / IDEAL, f"{ideal}: {bare_rate:.2f}/s"),
        *(
            Row(kind, rate / one, f"of one prompt: {note}", at_least=KINDS[kind][1])
            for kind, (rate, note) in rates.items()
        ),
        Row(
            f"first request of a run, {HEAD_START_SECONDS:g} s after its start",
            first / live,
            f"{1000 * first:.0f} ms to {1000 * live:.0f} ms of a live turn of the bare SDK",
            at_most=1.5,
        ),
        Row(
            f"memory of a session (of {number}), {MANY_REQUESTS} requests of {MANY_SHAPES} shapes",
            after / before,
            f"{before / MIB:.0f} MiB, then {after / MIB:.0f} MiB",
            at_most=1.1,
        ),
    ]


async def _rates(environment: dict[str, str]) -> dict[str, tuple[float, str]]:
    """Answers per second of each kind, and what the bridge and its sessions spent on one."""
    found = {}
    kinds = {ONE: lambda _: _prompt(0), **{kind: shape for kind, (shape, _) in KINDS.items()}}
    with Bridge(Settings(max_concurrency=AT_ONCE), environment=environment) as bridge:
        await asyncio.to_thread(bridge.wait_ready)
        process = psutil.Process(bridge.pid)
        await per_second(_asking(bridge, kinds[ONE], 0.2), 4 * AT_ONCE, AT_ONCE)
        for kind, shape in kinds.items():
            await until_quiet(process)
            own, all_ = own_cpu_seconds(process), cpu_seconds(process)
            rate = await per_second(_asking(bridge, shape, MODEL_SECONDS), REQUESTS, AT_ONCE)
            own, all_ = own_cpu_seconds(process) - own, cpu_seconds(process) - all_
            spent = (
                f"bridge {1000 * own / REQUESTS:.0f} ms, sessions {1000 * all_ / REQUESTS:.0f} ms"
            )
            found[kind] = rate, f"{rate:.2f}/s (CPU for one: {spent})"
    return found


async def _rate_of_the_sdk() -> float:
    """What the bare SDK can do where each asker has a live client, and goes on talking to it."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(bare.process()) for _ in range(AT_ONCE)]
        free = asyncio.Queue[ClaudeSDKClient]()

        async def ask(number: int, seconds: float = MODEL_SECONDS) -> None:
            client = await free.get()
            await bare.ask(client, f"Question {number} {thinks(seconds)}.")
            free.put_nowait(client)

        for client in clients:
            free.put_nowait(client)
        await per_second(lambda number: ask(number, 0.2), 4 * AT_ONCE, AT_ONCE)
        return await per_second(ask, REQUESTS, AT_ONCE)


def _asking(bridge: Bridge, shape: Callable[[int], JsonObject], seconds: float) -> Ask:
    client, numbers = Client(bridge), count()

    async def ask(_number: int) -> None:
        number = next(numbers)
        fields = shape(number)
        system = fields.pop("system", bare.SYSTEM)
        question = f"Question {number} {thinks(seconds)}."
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        await client.ask({"model": bare.MODEL, "messages": messages, **fields})

    return ask


async def _firsts(environment: dict[str, str]) -> tuple[float, float]:
    """Seconds to the first token of a run's first request, and of a live turn of the bare SDK."""
    firsts, turns = [], []
    async with bare.process() as live:
        await bare.ask(live, "Go on.")
        for number in range(STARTS):
            with Bridge(Settings(), environment=environment) as bridge:
                began = time.perf_counter()
                await asyncio.sleep(HEAD_START_SECONDS - (time.perf_counter() - began))
                body = {**_prompt(number), "model": bare.MODEL}
                system = body.pop("system")
                messages = [
                    {"role": "system", "content": system},
                    {"role": "user", "content": "Begin."},
                ]
                firsts.append((await Client(bridge).stream({**body, "messages": messages})).first)
            turns += [(await bare.ask(live, "Go on.")).first for _ in range(4)]
    return median(firsts), median(turns)


async def _held_before_and_after(environment: dict[str, str]) -> tuple[float, float, int]:
    """Bytes of a session on average, before and after many requests of many shapes."""
    with Bridge(Settings(max_concurrency=AT_ONCE), environment=environment) as bridge:
        await asyncio.to_thread(bridge.wait_ready)
        process = psutil.Process(bridge.pid)
        ask = _asking(bridge, lambda number: _prompt(number % MANY_SHAPES), 0.02)
        await per_second(ask, 400, AT_ONCE)
        before, _ = await _held(process)
        await per_second(ask, MANY_REQUESTS, AT_ONCE)
        after, number = await _held(process)
    return before, after, number


async def _held(bridge: psutil.Process) -> tuple[float, int]:
    await until_quiet(bridge)
    live = sessions(bridge)
    return sum(session.memory_full_info().pss for session in live) / len(live), len(live)
