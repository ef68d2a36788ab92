"""Time to first token through the bridge, each time next to a live turn of the bare SDK."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from statistics import median
from typing import TypeAlias

import psutil
from claude_agent_sdk import ClaudeSDKClient

from claude_run.bridge import Bridge
from claude_run.settings import SessionMode, Settings
from claude_run.turn import JsonObject
from tests.benchmarks import Row, bare
from tests.benchmarks.client import Client
from tests.benchmarks.processes import until_quiet
from tests.benchmarks.upstream import sealed_to_a_model

ROUNDS = 40
FRESH_ROUNDS = 12
UNCOUNTED = 3  # what runs for the first time is slower everywhere
STEPS = 10

Seconds: TypeAlias = AsyncGenerator[float, None]

TOOL: JsonObject = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": bare.SCHEMA,
    },
}


def rows() -> list[Row]:
    with sealed_to_a_model() as environment:
        recycled = asyncio.run(_recycled(environment))
        fresh = asyncio.run(_fresh(environment))
    turn, step = recycled["bare turn"], recycled["bare step"]
    return [
        _row("new conversation, first token", recycled["new"], turn, 2.5),
        _row("  with --sessions fresh", fresh["new"], fresh["bare turn"]),
        _row("  the first turn of a process, bare SDK", fresh["bare first"], fresh["bare turn"]),
        _row("continued conversation, first token", recycled["continued"], turn, 1.3),
        _row("tool loop, a step", recycled["step"], step, 1.5),
    ]


def _row(measured: str, ours: list[float], base: list[float], at_most: float | None = None) -> Row:
    ours_ms, base_ms = (1000 * median(seconds) for seconds in (ours, base))
    note = f"{ours_ms:.0f} ms to {base_ms:.0f} ms of a live turn of the bare SDK"
    return Row(measured, ours_ms / base_ms, note, at_most=at_most)


async def _recycled(environment: dict[str, str]) -> dict[str, list[float]]:
    async with AsyncExitStack() as stack:
        client = Client(stack.enter_context(_bridge(environment, "recycled")))
        live = await stack.enter_async_context(bare.process())
        looping = await stack.enter_async_context(bare.process(**bare.with_a_tool()))
        kinds = {
            "bare turn": _bare_turns(live),
            "new": _new(client),
            "continued": _continued(client),
            "bare step": _bare_steps(looping),
            "step": _steps(client),
        }
        return await taking_turns(kinds, ROUNDS)


async def _fresh(environment: dict[str, str]) -> dict[str, list[float]]:
    """A process that nobody has asked yet is slower; spares are made while nobody asks."""
    async with AsyncExitStack() as stack:
        bridge = stack.enter_context(_bridge(environment, "fresh"))
        live = await stack.enter_async_context(bare.process())
        kinds = {
            "bare turn": _bare_turns(live),
            "bare first": _bare_first_turns(),
            "new": _new(Client(bridge), psutil.Process(bridge.pid)),
        }
        return await taking_turns(kinds, FRESH_ROUNDS)


def _bridge(environment: dict[str, str], mode: SessionMode) -> Bridge:
    return Bridge(Settings(sessions=mode), environment=environment)


async def taking_turns(kinds: dict[str, Seconds], rounds: int) -> dict[str, list[float]]:
    """One of each kind after another, so that whatever disturbs the machine disturbs all."""
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    async with AsyncExitStack() as stack:
        for seconds in kinds.values():
            stack.push_async_callback(seconds.aclose)
        for _ in range(UNCOUNTED + rounds):
            for kind, seconds in kinds.items():
                taken[kind].append(await anext(seconds))
    return {kind: seconds[UNCOUNTED:] for kind, seconds in taken.items()}


async def _bare_turns(live: ClaudeSDKClient) -> Seconds:
    while True:
        yield (await bare.ask(live, "Go on.")).first


async def _bare_first_turns() -> Seconds:
    while True:
        async with bare.process() as live:
            await until_quiet(psutil.Process())
            yield (await bare.ask(live, "Go on.")).first


async def _bare_steps(looping: ClaudeSDKClient) -> Seconds:
    while True:
        turn = await bare.ask(looping, "What is the weather?")
        for _ in range(STEPS):
            result = {"type": "tool_result", "tool_use_id": turn.call, "content": "rain"}
            turn = await bare.ask(looping, [result])
            yield turn.whole


async def _new(client: Client, quiet: psutil.Process | None = None) -> Seconds:
    number = 0
    while True:
        number += 1
        if quiet is not None:
            await until_quiet(quiet)
        messages = [*_opening(), {"role": "user", "content": f"Question {number}."}]
        yield (await client.stream(_body(messages))).first


async def _continued(client: Client) -> Seconds:
    messages = _opening()
    while True:
        messages.append({"role": "user", "content": "Go on."})
        answered = await client.stream(_body(messages))
        messages.append(answered.message)
        yield answered.first


async def _steps(client: Client) -> Seconds:
    while True:
        messages = [*_opening(), {"role": "user", "content": "What is the weather?"}]
        answered = await client.stream(_body(messages, tools=[TOOL]))
        for _ in range(STEPS):
            (call,) = answered.message["tool_calls"]
            result = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
            messages += [answered.message, result]
            answered = await client.stream(_body(messages, tools=[TOOL]))
            yield answered.whole


def _opening() -> list[JsonObject]:
    return [{"role": "system", "content": bare.SYSTEM}]


def _body(messages: list[JsonObject], **fields: object) -> JsonObject:
    return {"model": bare.MODEL, "messages": messages, **fields}
