"""A model that fails as it is told, and clients that go away, read slowly and ask for it all.

Every conversation has a marker of its own: whatever is asked and answered must be about it.
"""

import asyncio
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, TypeAlias

from claude_run.rehearsal.answers import Answer, Cut, Fail, Hold, Pause, Refuse, Reply, ToolUse, say
from claude_run.turn import JsonObject
from tests.benchmarks.client import Client, choices
from tests.scripted import turns

# --- the model ------------------------------------------------------------------------

MARKER: Final = re.compile(r"marker-\d+-\d+-")
_TASK: Final = re.compile(r"\[([a-z0-9 ]+)\] marker")
PIECES: Final = tuple(f"{number} " * 200 for number in range(100))


def _calls(name: str, marker: str) -> Reply:
    return Reply((ToolUse("", name, {"marker": marker}),))


ANSWERS: Final[Mapping[str, Callable[[str], Answer]]] = {
    "answer": lambda marker: say(Pause(0.05), "This is ", marker),
    "recite": lambda marker: say(marker, *PIECES, marker),
    "never end": lambda marker: say("early ", marker, Pause(60.0)),
    "call": partial(_calls, "mcp__c__look_up"),
    "fill in": partial(_calls, "mcp__c__StructuredOutput"),
    "be cut": lambda marker: say("half ", marker, Pause(0.05), Cut()),
    "break": lambda marker: say("half ", marker, Pause(0.05), Fail("overloaded_error", "busy")),
    "refuse 429": lambda _: Refuse(429, "rate_limit_error", "slow down"),
    "refuse 500": lambda _: Refuse(500, "api_error", "boom"),
    "refuse 529": lambda _: Refuse(529, "overloaded_error", "busy"),
}


@dataclass(slots=True)
class Model:
    """Does the task that the last message names. `mixed` are the requests that hold more than
    one marker; whoever is told to wait, waits until `released`."""

    mixed: list[JsonObject] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: JsonObject) -> Answer:
        markers = set(MARKER.findall(json.dumps(request["messages"])))
        if len(markers) != 1:
            self.mixed.append(request)
        (task,) = _TASK.findall(json.dumps(turns(request)[-1]))
        if task == "wait":
            return say(Hold(self.released.is_set), "This is ", *markers)
        return ANSWERS[task](*markers)


# --- the clients ----------------------------------------------------------------------

_SYSTEMS: Final = ("Answer.", "Answer briefly.")
_TOOL: Final[JsonObject] = {"type": "function", "function": {"name": "look_up"}}
_FORM: Final[JsonObject] = {
    "type": "json_schema",
    "json_schema": {
        "name": "form",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"marker": {"type": "string"}},
            "required": ["marker"],
            "additionalProperties": False,
        },
    },
}
_STATUS: Final[Mapping[str, int]] = {"refuse 429": 429, "refuse 500": 502, "refuse 529": 503}


@dataclass(slots=True)
class Conversation:
    """One client and all that it has said, with one marker."""

    client: Client
    marker: str
    random: random.Random
    fields: JsonObject = field(default_factory=dict)
    messages: list[JsonObject] = field(default_factory=list)

    def ask(self, task: str) -> JsonObject:
        """The body that asks for `task`."""
        if not self.messages:
            self.messages.append({"role": "system", "content": self.random.choice(_SYSTEMS)})
        self.messages.append({"role": "user", "content": f"[{task}] {self.marker}"})
        return self.body

    @property
    def body(self) -> JsonObject:
        return {"model": "sonnet", "messages": self.messages, **self.fields}

    async def answer(self, body: JsonObject) -> JsonObject:
        """The message that answers, whole or streamed; the conversation goes on after it."""
        if self.random.random() < 0.5:
            message = (await self.client.stream(body)).message
        else:
            message = (await self.client.ask(body))["choices"][0]["message"]
        self.messages.append(message)
        return message


async def converses(talk: Conversation) -> None:
    for _ in range(talk.random.randint(1, 3)):
        message = await talk.answer(talk.ask("answer"))
        assert message["content"] == f"This is {talk.marker}"


async def calls_a_tool(talk: Conversation) -> None:
    talk.fields["tools"] = [_TOOL]
    [call] = (await talk.answer(talk.ask("call")))["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"marker": talk.marker}
    result = {"role": "tool", "tool_call_id": call["id"], "content": f"[answer] {talk.marker}"}
    talk.messages.append(result)
    assert (await talk.answer(talk.body))["content"] == f"This is {talk.marker}"


async def fills_in_a_form(talk: Conversation) -> None:
    talk.fields["response_format"] = _FORM
    message = await talk.answer(talk.ask("fill in"))
    assert json.loads(message["content"]) == {"marker": talk.marker}


async def reads_slowly(talk: Conversation) -> None:
    text = ""
    async with talk.client.post({**talk.ask("recite"), "stream": True}) as response:
        async for event in response.events():
            text += choices(event)[0]["delta"].get("content") or ""
            await asyncio.sleep(0.005)
    assert text == "".join((talk.marker, *PIECES, talk.marker))


async def leaves_in_the_middle(talk: Conversation) -> None:
    async with talk.client.post({**talk.ask("never end"), "stream": True}) as response:
        async for event in response.events():
            if text := choices(event)[0]["delta"].get("content"):
                assert text == "early "
                return


async def leaves_early(talk: Conversation) -> None:
    asking = talk.client.ask(talk.ask("never end"))
    try:
        raise AssertionError(await asyncio.wait_for(asking, talk.random.uniform(0.0, 1.0)))
    except asyncio.TimeoutError:
        pass


async def is_refused(talk: Conversation) -> None:
    task, status = talk.random.choice(tuple(_STATUS.items()))
    async with talk.client.post({**talk.ask(task), "stream": talk.random.random() < 0.5}) as no:
        assert no.status == status, await no.json()
        assert "error" in await no.json()


async def is_broken_off(talk: Conversation) -> None:
    body = talk.ask(talk.random.choice(("be cut", "break")))
    async with talk.client.post(body) as whole:
        assert whole.status in {502, 503}, await whole.json()
    talk.messages.clear()
    async with talk.client.post({**body, "stream": True}) as stream:
        if stream.status == 200:
            last = [event async for event in stream.events()][-1]
            assert "error" in last, last


Act: TypeAlias = Callable[[Conversation], Awaitable[None]]

# How often each is done. A client that leaves costs a process.
ACTS: Final[Mapping[Act, int]] = {
    converses: 8,
    calls_a_tool: 3,
    fills_in_a_form: 2,
    reads_slowly: 2,
    is_refused: 3,
    is_broken_off: 1,
    leaves_in_the_middle: 1,
    leaves_early: 1,
}


@dataclass(slots=True)
class Tally:
    """How often each act came to its end, and what was wrong."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def storm(
    client: Client, clients: int, seconds: float, acts: Mapping[Act, int] = ACTS
) -> Tally:
    """So many clients, one act after another. What they do is the same every time; only when
    they do it is not."""
    tally = Tally()
    ends = time.monotonic() + seconds
    await asyncio.gather(*(_act(client, number, ends, tally, acts) for number in range(clients)))
    return tally


async def _act(
    client: Client, number: int, ends: float, tally: Tally, acts: Mapping[Act, int]
) -> None:
    chance = random.Random(number)
    for times in count():
        if time.monotonic() > ends:
            return
        (act,) = chance.choices(tuple(acts), tuple(acts.values()))
        talk = Conversation(client, f"marker-{number}-{times}-", chance)
        try:
            await act(talk)
        except Exception as error:  # whatever it is, it was not expected
            tally.wrong.append(f"{act.__name__} {talk.marker}: {error!r}")
        tally.done[act.__name__] += 1
