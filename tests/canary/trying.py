"""A fact, tried in a world of its own."""

import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import anyio

from claude_run.rehearsal.answers import say
from tests.canary.facts import Fact
from tests.canary.world import World
from tests.claude.faulty_cli import REAL
from tests.scripted import ScriptedUpstream

_SECONDS: Final = 120.0
_SHOWN: Final = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seen` says what was seen instead; None where the fact holds."""

    fact: Fact
    seen: str | None


async def tried(fact: Fact, cli: str | None = None) -> Outcome:
    with tempfile.TemporaryDirectory() as directory, ScriptedUpstream(say("fine")) as upstream:
        world = World(Path(directory), upstream, cli)
        world.home.mkdir()
        try:
            with anyio.fail_after(_SECONDS):
                await fact.probe(world)
        except Exception as error:  # whatever it is, the fact was not found to hold
            words = str(error).splitlines()[0] if str(error) else ""
            return Outcome(fact, f"{type(error).__name__}: {words}"[:_SHOWN])
    return Outcome(fact, None)


def installed(cli: str | None) -> str:
    """The versions of SDK and CLI, in words."""
    seen = subprocess.run([cli or REAL, "--version"], capture_output=True, text=True, check=False)
    return f"claude-agent-sdk {version('claude-agent-sdk')} and CLI {seen.stdout.strip() or '?'}"
