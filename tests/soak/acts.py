"""What the clients of the other dialects do, beside those of the storm."""

from collections.abc import Mapping
from typing import Final

from claude_run.turn import JsonObject
from tests.benchmarks.client import BrokenOffError
from tests.benchmarks.storm import ACTS, PIECES, Act, Conversation

RESPONSES: Final = "/v1/responses"
COMPLETIONS: Final = "/v1/completions"


async def goes_on_by_id(talk: Conversation) -> None:
    """A conversation that the bridge keeps."""
    asked: JsonObject = {"model": "sonnet", "input": f"[answer] {talk.marker}"}
    for _ in range(talk.random.randint(1, 3)):
        answer = await talk.client.ask(asked, RESPONSES)
        (message,) = answer["output"]
        assert message["content"][0]["text"] == f"This is {talk.marker}"
        asked["previous_response_id"] = answer["id"]


async def streams_a_response(talk: Conversation) -> None:
    asked = {"model": "sonnet", "input": f"[recite] {talk.marker}", "stream": True}
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


async def is_refused_at_the_door(talk: Conversation) -> None:
    async with talk.client.post({"model": talk.marker, "input": [{}]}, RESPONSES) as response:
        assert response.status == 400, await response.json()
        assert "error" in await response.json()


EVERY_ACT: Final[Mapping[Act, int]] = {
    **ACTS,
    goes_on_by_id: 5,
    streams_a_response: 2,
    completes_texts: 3,
    is_refused_at_the_door: 2,
}
