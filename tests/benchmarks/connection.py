"""A tool loop on one WebSocket, next to the same loop with a request for each step."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from statistics import median
from time import perf_counter
from typing import Any, Final, TypeAlias

import openai
import psutil
from openai.types.responses import FunctionToolParam, Response
from openai.types.responses.response_input_param import FunctionCallOutput

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.benchmarks import Row, bare
from tests.benchmarks.latency import Seconds, taking_turns
from tests.benchmarks.processes import own_cpu_seconds
from tests.benchmarks.upstream import sealed_to_a_model

STEPS: Final = 20
ROUNDS: Final = 60
CPU_STEPS: Final = 200

Step: TypeAlias = Callable[[str | list[FunctionCallOutput], str | None], Awaitable[Response]]
"""Asks with an input and the response that it goes on from, and reads to the end."""

TOOL: Final[FunctionToolParam] = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": bare.SCHEMA,
    "strict": False,
}


def rows() -> list[Row]:
    with sealed_to_a_model() as environment:
        taken, cpu = asyncio.run(_measured(environment))
    http, socket = (1000 * median(taken[kind]) for kind in ("http", "socket"))
    http_cpu, socket_cpu = (1000 * cpu[kind] / CPU_STEPS for kind in ("http", "socket"))
    return [
        Row(
            f"tool loop on one WebSocket, a step of {STEPS}",
            socket / http,
            f"{socket:.1f} ms to {http:.1f} ms of a step over HTTP",
            at_most=1.1,
        ),
        Row(
            "  the bridge's CPU for it",
            socket_cpu / http_cpu,
            f"{socket_cpu:.1f} ms to {http_cpu:.1f} ms of a step over HTTP",
            at_most=1.1,
        ),
    ]


async def _measured(
    environment: dict[str, str],
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds of each step, and the bridge's CPU seconds of CPU_STEPS of them, of each kind."""
    async with AsyncExitStack() as stack:
        bridge = stack.enter_context(Bridge(Settings(), environment=environment))
        await asyncio.to_thread(bridge.wait_ready)
        client = await stack.enter_async_context(
            openai.AsyncOpenAI(base_url=bridge.base_url, api_key=bridge.api_key)
        )
        connection = await stack.enter_async_context(client.responses.connect())
        kinds = {"http": _over_http(client), "socket": _over(connection)}
        taken = await taking_turns({kind: _steps(step) for kind, step in kinds.items()}, ROUNDS)
        process = psutil.Process(bridge.pid)
        cpu = {}
        for kind, step in kinds.items():
            before = own_cpu_seconds(process)
            await _take(_steps(step), CPU_STEPS)
            cpu[kind] = own_cpu_seconds(process) - before
    return taken, cpu


async def _steps(step: Step) -> Seconds:
    while True:
        made = await step("What is the weather?", None)
        for _ in range(STEPS):
            began = perf_counter()
            made = await step([_result(made)], made.id)
            yield perf_counter() - began


async def _take(steps: Seconds, number: int) -> None:
    for _ in range(number):
        await anext(steps)
    await steps.aclose()


def _result(made: Response) -> FunctionCallOutput:
    (call,) = (item for item in made.output if item.type == "function_call")
    return {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}


def _over_http(client: openai.AsyncOpenAI) -> Step:
    async def step(asked: Any, previous: str | None) -> Response:
        events = await client.responses.create(
            model="sonnet", input=asked, previous_response_id=previous, tools=[TOOL], stream=True
        )
        told = [event async for event in events]  # to the end: the connection is used again
        return _made(told[-1])

    return step


def _over(connection: Any) -> Step:
    async def step(asked: Any, previous: str | None) -> Response:
        await connection.response.create(
            model="sonnet", input=asked, previous_response_id=previous, tools=[TOOL], store=False
        )
        event = await connection.recv()
        while event.type != "response.completed":
            event = await connection.recv()
        return _made(event)

    return step


def _made(event: Any) -> Response:
    assert event.type == "response.completed"
    made: Response = event.response
    return made
