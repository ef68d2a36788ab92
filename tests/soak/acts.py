"""What the clients of the other dialects do, beside those of the storm."""

from collections.abc import Mapping
from typing import Final

from claude_run.turn import JsonObject
from tests.benchmarks.client import CHAT, BrokenOffError
from tests.benchmarks.storm import ACTS, PIECES, Act, Conversation

RESPONSES: Final = "/v1/responses"
COMPLETIONS: Final = "/v1/completions"
MESSAGES: Final = "/v1/messages"
LABELS: Final = ("red", "green")


async def goes_on_by_id(talk: Conversation) -> None:
    """A conversation that the bridge keeps until it is told not to: what it is asked to keep is
    no memory that it lost."""
    asked: JsonObject = {"model": "sonnet", "input": f"[answer] {talk.marker}"}
    kept: list[str] = []
    try:
        for _ in range(talk.random.randint(1, 3)):
            answer = await talk.client.ask(asked, RESPONSES)
            kept.append(answer["id"])
            (message,) = answer["output"]
            assert message["content"][0]["text"] == f"This is {talk.marker}"
            asked["previous_response_id"] = answer["id"]
    finally:
        for id_ in kept:
            told = await talk.client.delete(f"{RESPONSES}/{id_}")
            assert told == {"id": id_, "object": "response", "deleted": True}


async def streams_a_response(talk: Conversation) -> None:
    asked = {
        "model": "sonnet",
        "input": f"[recite] {talk.marker}",
        "stream": True,
        "store": False,
    }
    text = ""
    async with talk.client.post(asked, RESPONSES) as response:
        async for event in response.events():
            if event["type"] in {"error", "response.failed"}:
                raise BrokenOffError(event)
            text += event["delta"] if event["type"] == "response.output_text.delta" else ""
            if event["type"] == "response.completed":
                break
    assert text == "".join((talk.marker, *PIECES, talk.marker))


async def completes_texts(talk: Conversation) -> None:
    prompts = [f"[answer] {talk.marker}"] * talk.random.randint(1, 2)
    answer = await talk.client.ask({"model": "sonnet", "prompt": prompts}, COMPLETIONS)
    assert [choice["text"] for choice in answer["choices"]] == [f"This is {talk.marker}"] * len(
        prompts
    )


async def asks_as_anthropics_clients_do(talk: Conversation) -> None:
    messages: list[JsonObject] = []
    for _ in range(talk.random.randint(1, 3)):
        messages.append({"role": "user", "content": f"[answer] {talk.marker}"})
        asked = {"model": "sonnet", "max_tokens": 99, "system": "Answer.", "messages": messages}
        answer = await talk.client.ask(asked, MESSAGES)
        (block,) = answer["content"]
        assert block["text"] == f"This is {talk.marker}"
        messages.append({"role": "assistant", "content": block["text"]})


async def changes_its_shape(talk: Conversation) -> None:
    """Every turn wants a process that is otherwise."""
    for _ in range(2):
        chance = talk.random
        wanted: JsonObject = {
            "temperature": chance.choice((0, 1)),
            "max_tokens": chance.randint(50, 60),
            "reasoning_effort": chance.choice(("low", "high")),
            "tools": [_tool(chance.randint(1, 5))],
        }
        talk.fields = {name: wanted[name] for name in wanted if chance.random() < 0.5}
        if not talk.messages:
            system = f"You are number {chance.randint(1, 20)}. " * 30
            talk.messages.append({"role": "system", "content": system.strip()})
        message = await talk.answer(talk.ask("answer"))
        assert message["content"] == f"This is {talk.marker}"


async def says_what_it_is_for(talk: Conversation) -> None:
    path = f"/label/{talk.random.choice(LABELS)}{CHAT}"
    answer = await talk.client.ask(talk.ask("answer"), path)
    assert answer["choices"][0]["message"]["content"] == f"This is {talk.marker}"


async def wants_several(talk: Conversation) -> None:
    answer = await talk.client.ask({**talk.ask("answer"), "n": 2})
    said = [choice["message"]["content"] for choice in answer["choices"]]
    assert said == [f"This is {talk.marker}"] * 2


def _tool(number: int) -> JsonObject:
    return {"type": "function", "function": {"name": f"tool_{number}"}}


async def is_refused_at_the_door(talk: Conversation) -> None:
    async with talk.client.post({"model": talk.marker, "input": [{}]}, RESPONSES) as response:
        assert response.status == 400, await response.json()
        assert "error" in await response.json()


EVERY_ACT: Final[Mapping[Act, int]] = {
    **ACTS,
    goes_on_by_id: 5,
    streams_a_response: 2,
    completes_texts: 3,
    asks_as_anthropics_clients_do: 4,
    changes_its_shape: 4,
    says_what_it_is_for: 2,
    wants_several: 2,
    is_refused_at_the_door: 2,
}
