"""What the CLI tells every new conversation of itself, so that a resumed one need not be told.

After the first question the CLI puts a note of its own: where it runs, which model it is, what
day it is. Resuming a transcript, it would put the note after the newest question instead, and
all that follows the first would be new to Claude's prompt cache. A transcript that holds the
note already is sent just as the conversation was.

The note is learnt from the CLI itself, once for each model: a process with a sealed home and no
way out is asked something, and leaves its transcript behind.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import anyio
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, SystemMessage

from claude_run.claude.workplace import workplace
from claude_run.rehearsal import seal, unsealed
from claude_run.turn import JsonObject

_NOTES: Final = frozenset({"environment", "model", "session_context", "date"})
_MEMBERS: Final = ("attachment", "rendered", "renderedRole")
_SECONDS: Final = 10.0
_NOWHERE: Final = "http://127.0.0.1:9"  # the discard port: nothing listens there


class EnvironmentNotes:
    """The notes by model. Not knowing one is no failure: a conversation is then resumed
    without, which costs prompt cache and nothing else."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._learning: dict[str, asyncio.Task[tuple[JsonObject, ...]]] = {}

    async def of(self, model: str) -> tuple[JsonObject, ...]:
        """Transcript entries of the CLI's note to `model`, in order, without their ids. Takes
        as long as a new process, the first time."""
        if model not in self._learning:
            self._learning[model] = asyncio.create_task(self._learn(model))
        learning = self._learning[model]
        notes = await asyncio.shield(learning)
        # The machine was too busy, perhaps: the next who needs it tries again. Of several who
        # waited only the first forgets it, and never a try that is under way again.
        if not notes and self._learning.get(model) is learning:
            del self._learning[model]
        return notes

    async def close(self) -> None:
        for task in self._learning.values():
            task.cancel()
        if self._learning:
            await asyncio.wait(self._learning.values())

    async def _learn(self, model: str) -> tuple[JsonObject, ...]:
        home = self._directory / f"offline-{uuid4()}"
        try:
            with suppress(Exception):
                workplace(self._directory)
                home.mkdir(mode=0o700)
                with anyio.fail_after(_SECONDS):
                    await self._ask(model, home)
                return tuple(_notes(home))
        finally:
            shutil.rmtree(home, ignore_errors=True)
        return ()

    async def _ask(self, model: str, home: Path) -> None:
        options = ClaudeAgentOptions(
            model=model,
            tools=[],
            setting_sources=[],
            strict_mcp_config=True,
            skills=[],
            verbatim_prompts=True,
            env={**sealed(home, _NOWHERE), "CLAUDE_CODE_MAX_RETRIES": "0"},
            cwd=workplace(self._directory),
            stderr=lambda _: None,
        )
        async with ClaudeSDKClient(options) as client:
            await client.query("?")
            async for message in client.receive_response():
                if isinstance(message, SystemMessage) and message.subtype == "status":
                    return  # it is about to ask, and has written down what


def sealed(home: Path, url: str) -> dict[str, str]:
    """The environment of a CLI that finds nothing of the person's and asks `url`."""
    # The SDK can set variables and not remove them; the CLI takes an empty one for unset.
    emptied = dict.fromkeys(unsealed(os.environ), "")
    return {**emptied, **seal(home, url), "NO_PROXY": "*", "no_proxy": "*"}


def _notes(home: Path) -> Iterator[JsonObject]:
    for transcript in home.glob(".claude/projects/*/*.jsonl"):
        for line in transcript.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("type") == "attachment" and entry["attachment"]["type"] in _NOTES:
                yield {"type": "attachment", **{k: entry[k] for k in _MEMBERS if k in entry}}
