"""What a soak does beside the crowd: a cassette in every dialect, and a budget that runs out."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.benchmarks.client import CHAT, Client
from tests.benchmarks.storm import Model
from tests.cassette.tapes import recording, replaying, score
from tests.scripted import ScriptedUpstream, sealed_environment
from tests.soak.acts import COMPLETIONS, MESSAGES, RESPONSES
from tests.verified import remember_what_works

AT_ONCE: Final = 8

Dialect: TypeAlias = Callable[[Client, str], Awaitable[str]]
"""Asks a client something, and says what was answered."""


async def by_chat(client: Client, asked: str) -> str:
    answer = await client.ask(_messages(asked), CHAT)
    return str(answer["choices"][0]["message"]["content"])


async def by_responses(client: Client, asked: str) -> str:
    body = {"model": "sonnet", "input": asked, "max_output_tokens": 99}
    return str((await client.ask(body, RESPONSES))["output"][0]["content"][0]["text"])


async def by_completions(client: Client, asked: str) -> str:
    body = {"model": "sonnet", "prompt": asked, "max_tokens": 99}
    return str((await client.ask(body, COMPLETIONS))["choices"][0]["text"])


async def by_messages(client: Client, asked: str) -> str:
    return str((await client.ask(_messages(asked), MESSAGES))["content"][0]["text"])


DIALECTS: Final[Sequence[Dialect]] = (by_chat, by_responses, by_completions, by_messages)


def _messages(asked: str) -> JsonObject:
    messages = [{"role": "user", "content": asked}]
    return {"model": "sonnet", "max_tokens": 99, "messages": messages}


def cassette_faults(requests: int) -> list[str]:
    """So many, recorded in one dialect and replayed in the next, without Claude."""
    with tempfile.TemporaryDirectory() as directory, ScriptedUpstream(Model()) as upstream:
        here = Path(directory)
        environment = sealed_environment(here, upstream.url)
        remember_what_works(environment)
        with recording(here / "cassette", environment) as bridge:
            wrong = asyncio.run(_asked(Client(bridge), requests, 0))
        recorded = score(bridge)["recorded"]
        with replaying(here / "cassette", here) as bridge:
            wrong += asyncio.run(_asked(Client(bridge), requests, 1))
        told = score(bridge)
    counted = {
        "recorded or replayed answers are wrong": wrong,
        "answers were not recorded": requests - recorded,
        "requests were missed in the replay": told["missed"],
        "recordings were not used": len(told["unused"]),
    }
    return [f"{number} {what}" for what, number in counted.items() if number]


def budget_faults(calls: int) -> list[str]:
    """Twice as many calls as are allowed: so many are answered, and the others refused."""
    with tempfile.TemporaryDirectory() as directory, ScriptedUpstream(Model()) as upstream:
        environment = sealed_environment(Path(directory), upstream.url)
        remember_what_works(environment)
        with Bridge(Settings(max_calls=calls), environment=environment) as bridge:
            bridge.wait_ready()
            refused = asyncio.run(_asked(Client(bridge), 2 * calls, 0))
        sent = len(upstream.requests)
    over = {"calls were refused": refused - calls, "calls were sent": sent - calls}
    return [f"{number} more {what} than the budget says" for what, number in over.items() if number]


async def _asked(client: Client, requests: int, dialect: int) -> int:
    """How many were not answered with what they asked for."""
    places = asyncio.Semaphore(AT_ONCE)

    async def is_wrong(number: int) -> bool:
        marker = f"marker-0-{number}-"
        async with places:
            try:
                said = await DIALECTS[(number + dialect) % 4](client, f"[answer] {marker}")
            except ValueError:
                return True
            return said != f"This is {marker}"

    return sum(await asyncio.gather(*map(is_wrong, range(requests))))
