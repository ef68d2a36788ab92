"""Azure's client: its paths, its key, and a deployment for a model."""

from typing import Any

import pytest

from claude_run.bridge import Bridge
from claude_run.server.paths import Asked, asked
from tests.described.clients import azure_client, openai_client
from tests.scripted import ScriptedUpstream
from tests.server.asking import ask
from tests.server.tables import HELLO

SAYS: Any = "hello"


@pytest.mark.parametrize(
    ("target", "path", "deployment"),
    [
        ("/v1/models", "/models", None),
        ("//v1/v1/models/", "/models", None),
        ("/openai/deployments/gpt-4o/chat/completions", "/chat/completions", "gpt-4o"),
        ("/v1/openai/deployments/gpt-4o/completions", "/completions", "gpt-4o"),
        ("/openai/v1/responses", "/responses", None),
        ("/openai/responses", "/responses", None),
        ("/openai", "/openai", None),
        ("/openai/deployments/gpt-4o", "/deployments/gpt-4o", None),
        ("/openair/models", "/openair/models", None),
    ],
)
def test_what_may_stand_before_a_path_is_taken_off(
    target: str, path: str, deployment: str | None
) -> None:
    assert asked(target) == Asked(None, path, deployment)
    assert asked(f"http://here:1{target}") == Asked("here:1", path, deployment)


@pytest.mark.parametrize("own", [{}, {"azure_deployment": "pinned"}], ids=["by model", "its own"])
def test_the_deployment_is_the_model(
    bridge: Bridge, upstream: ScriptedUpstream, own: dict[str, str]
) -> None:
    """What the client's `model` says beside a deployment of its own, Azure does not look at."""
    with azure_client(bridge, **own) as client:
        model = "no such model" if own else "pinned"
        chat = client.chat.completions.create(model=model, messages=HELLO)
        chunks = [*client.chat.completions.create(model=model, messages=HELLO, stream=True)]
        text = client.completions.create(model=model, prompt=SAYS)
    assert chat.choices[0].message.content == text.choices[0].text == "Hello world"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {request["model"] for request in upstream.requests} == {"claude-opus-4-7"}


def test_what_azure_has_no_deployments_for_comes_by_its_other_paths(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    with azure_client(bridge) as client:
        assert client.responses.create(model="sonnet", input=SAYS).output_text == "Hello world"
        assert client.models.retrieve("sonnet").id == "sonnet"
    base = bridge.base_url.replace("/v1", "/openai/v1/")
    with openai_client(bridge, base_url=base) as client:
        assert client.responses.create(model="sonnet", input=SAYS).output_text == "Hello world"
    assert len(upstream.requests) == 2


def test_the_key_may_come_as_azure_sends_it(bridge: Bridge) -> None:
    for key, status in ((bridge.api_key, 200), ("no", 401)):
        headers = {"Authorization": "", "api-key": key}
        assert ask(bridge, "/openai/models", method="GET", headers=headers)[0] == status
