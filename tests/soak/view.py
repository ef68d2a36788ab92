"""What upstream should be asked, worked out from what the clients send, and compared with what
it is asked: every conversation, whole, whichever session has it."""

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from claude_run.rehearsal.answers import Answer
from claude_run.turn import JsonObject
from tests.benchmarks.client import CHAT, Client, Response
from tests.benchmarks.storm import MARKER, Model
from tests.clients.upstream import told
from tests.scripted import system_of

Told: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A system prompt, and the turns after it as roles and words."""

_LABELLED: Final = re.compile(r"/label/([^/]+)/")


@dataclass(slots=True)
class Sent:
    """What was sent with each marker, and how often for each label."""

    requests: int = 0
    labels: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_marker: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))

    def note(self, path: str, body: JsonObject) -> None:
        self.requests += 1
        for label in _LABELLED.findall(path):
            self.labels[label] += 1
        markers = set(MARKER.findall(json.dumps(body)))
        if len(markers) == 1:  # what is refused at the door may have none
            (marker,) = markers
            self.by_marker[marker] += list(_asked(body, self.by_marker[marker][-1:], marker))


@dataclass(slots=True)
class WatchedClient(Client):
    """A client whose every request is noted before it is sent."""

    sent: Sent = field(default_factory=Sent)

    @asynccontextmanager
    async def post(self, body: JsonObject, path: str = CHAT) -> AsyncIterator[Response]:
        self.sent.note(path, body)
        async with Client.post(self, body, path) as response:
            yield response


@dataclass(slots=True)
class WatchingModel(Model):
    """`other` holds what nobody sent so: the request, and what was sent."""

    sent: Sent = field(default_factory=Sent)
    compared: int = 0
    other: list[tuple[Told, list[Told]]] = field(default_factory=list)

    def __call__(self, request: JsonObject) -> Answer:
        for marker in set(MARKER.findall(json.dumps(request["messages"]))):
            asked: Told = (system_of(request), tuple(told(request)))
            self.compared += 1
            if asked not in self.sent.by_marker[marker]:
                self.other.append((asked, self.sent.by_marker[marker]))
        return Model.__call__(self, request)


def _asked(body: JsonObject, before: list[Told], marker: str) -> Iterator[Told]:
    """What upstream is to be asked for `body`, of whichever dialect."""
    if "prompt" in body:
        for prompt in body["prompt"]:
            yield "", (("user", prompt),)
    elif "input" in body:
        turn = ("user", str(body["input"]))
        if "previous_response_id" in body:
            ((_, earlier),) = before
            yield "", (*earlier, ("assistant", f"This is {marker}"), turn)
        else:
            yield "", (turn,)
    else:
        messages = [message for message in body["messages"] if message["role"] != "system"]
        systems = [m["content"] for m in body["messages"] if m["role"] == "system"]
        yield "".join((body.get("system", ""), *systems)), tuple(map(_turn, messages))


def _turn(message: Mapping[str, object]) -> tuple[str, str]:
    match message:
        case {"role": "tool", "content": content}:
            return "user", f"= {content}"
        case {"role": "assistant", "tool_calls": [{"function": call}], **_rest}:
            arguments = json.loads(call["arguments"])
            shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            return "assistant", f"{call['name']}({shown})"
        case _:
            return str(message["role"]), str(message["content"])
