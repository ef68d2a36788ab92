"""Bridges that record and bridges that replay, and the recordings between them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.wrapped import sealed

MODELS = (("gpt-*", "sonnet"),)
NOT_TO_BE_IMPORTED = 'raise ImportError("a bridge that only replays has imported the SDK")\n'


@contextmanager
def recording(cassette: Path, environment: Mapping[str, str], **more: Any) -> Iterator[Bridge]:
    """A bridge on the CLI and the upstream of `environment`, recording into `cassette`."""
    settings = Settings(model_map=MODELS, cassette=str(cassette), **{"record": "new", **more})
    with Bridge(settings, environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


@contextmanager
def replaying(cassette: Path, directory: Path, **more: Any) -> Iterator[Bridge]:
    """A bridge with no login, no upstream, an empty home below `directory`, and an SDK that
    cannot be imported."""
    settings = Settings(model_map=MODELS, cassette=str(cassette), record="none", **more)
    with Bridge(settings, environment=without_claude(directory)) as bridge:
        bridge.wait_ready()
        yield bridge


def without_claude(directory: Path) -> dict[str, str]:
    trap = directory / "trap" / "claude_agent_sdk"
    trap.mkdir(parents=True, exist_ok=True)
    (trap / "__init__.py").write_text(NOT_TO_BE_IMPORTED)
    environment = sealed(directory)
    return {**environment, "PYTHONPATH": f"{trap.parent}:{environment['PYTHONPATH']}"}


@contextmanager
def client_of(bridge: Bridge) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=bridge.base_url, api_key=bridge.api_key, max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, text: str, model: str = "sonnet", **fields: Any) -> str:
    message: Any = {"role": "user", "content": text}
    answer = client.chat.completions.create(model=model, messages=[message], **fields)
    return answer.choices[0].message.content or ""


def files(cassette: Path) -> dict[str, JsonObject]:
    """The recordings by name, as they stand on the disk."""
    paths = (path for path in sorted(cassette.glob("*.json")) if path.name[0] != ".")
    return {path.name: json.loads(path.read_bytes()) for path in paths}


def everything(cassette: Path) -> str:
    """All that stands below `cassette`."""
    paths = (path for path in sorted(cassette.rglob("*")) if path.is_file())
    return "\n".join(path.read_bytes().decode(errors="replace") for path in paths)


def score(bridge: Bridge) -> JsonObject:
    """What a bridge that has ended says of its cassette."""
    assert bridge.report is not None
    told: JsonObject = bridge.report["cassette"]
    return told
