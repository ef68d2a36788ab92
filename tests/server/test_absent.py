"""What OpenAI offers and Claude does not: a 404 that says which setting usually asks for it."""

import openai
import pytest

from claude_run.bridge import Bridge
from claude_run.server.app import ABSENT
from tests.server.asking import ask


def test_whatever_clients_look_for_has_an_advice() -> None:
    looked_for = {"embeddings", "audio", "images", "files", "batches", "assistants", "moderations"}
    assert looked_for <= set(ABSENT)
    assert all(advice.endswith(".") for advice in ABSENT.values())


@pytest.mark.parametrize("beyond", ["", "/some/thing"], ids=["itself", "below"])
@pytest.mark.parametrize(("name", "advice"), ABSENT.items(), ids=ABSENT)
def test_what_claude_does_not_have_is_not_found_and_says_what_to_do(
    bridge: Bridge, name: str, advice: str, beyond: str
) -> None:
    for method in ("POST", "GET"):
        for base in ("/v1", ""):
            path = f"{base}/{name}{beyond}"
            status, answer, _ = ask(bridge, path, {"model": "sonnet"}, method=method)
            assert (status, answer["error"]["code"]) == (404, "not_supported"), path
            assert answer["error"]["type"] == "invalid_request_error"
            assert answer["error"]["param"] is None
            assert name.replace("_", " ") in answer["error"]["message"]
            assert f"{advice} (request id: " in answer["error"]["message"]


def test_the_client_shows_the_advice(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="embedding model its own base URL"):
        client.embeddings.create(model="text-embedding-3-small", input="hello")


def test_a_path_nobody_knows_is_told_what_there_is(bridge: Bridge) -> None:
    status, answer, _ = ask(bridge, "/v1/chat/completion", {})
    assert (status, answer["error"]["code"]) == (404, "not_found")
    assert "/v1/responses" in answer["error"]["message"]
