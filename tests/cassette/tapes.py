"""Bridges that record and bridges that replay, and the recordings between them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai

from claude_run.bridge import Bridge
from claude_run.cassette.answers import Recorded, Timed
from claude_run.cassette.document import asked
from claude_run.cassette.files import Files, Recording
from claude_run.cassette.masks import masked, masks
from claude_run.settings import Settings
from claude_run.turn import JsonObject, StopReason, TextDelta, TurnFinished, TurnRequest, Usage
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
    assert bridge.last_report is not None
    told: JsonObject = bridge.report()["cassette"]
    return told


def record(directory: Path, request: TurnRequest, text: str = "an answer") -> str:
    """Write a recording of `request`, answered with `text`; the name of its file."""
    end = TurnFinished(StopReason.END, Usage(10, 0, 0, 5), "claude-m", 0.001)
    pieces = (text[at : at + 24] for at in range(0, len(text), 24))
    events = (*(Timed(20, TextDelta(piece)) for piece in pieces), Timed(3, end))
    answer = Recorded(events, "2026-01-02T03:04:05+00:00", "claude-run 0.1.0")
    what = asked(request, request.model)
    there = Files(directory)
    with there.lock():
        return there.write(Recording(masked(what.document, masks()), (answer,)), what.blobs)
