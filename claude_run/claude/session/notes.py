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

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, SystemMessage

from claude_run.patience import within
from claude_run.turn import JsonObject

_NOTES: Final = frozenset({"environment", "model", "session_context", "date"})
_MEMBERS: Final = ("attachment", "rendered", "renderedRole")
_PATIENCE: Final = 10.0
_FOREIGN: Final = ("ANTHROPIC_", "CLAUDE_CODE_USE_")
_SEALED: Final = {
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",  # the discard port: nothing listens there
    "NO_PROXY": "*",
    "no_proxy": "*",
    "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-none",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
}


class Announcements:
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
        return await asyncio.shield(self._learning[model])

    async def close(self) -> None:
        for task in self._learning.values():
            task.cancel()
        if self._learning:
            await asyncio.wait(self._learning.values())

    async def _learn(self, model: str) -> tuple[JsonObject, ...]:
        home = self._directory / f"offline-{uuid4()}"
        home.mkdir(mode=0o700)
        try:
            with suppress(Exception):
                await within(_PATIENCE, self._ask(model, home))
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
            env=_sealed(home),
            cwd=self._directory / "work",
            stderr=lambda _: None,
        )
        async with ClaudeSDKClient(options) as client:
            await client.query("?")
            async for message in client.receive_response():
                if isinstance(message, SystemMessage) and message.subtype == "status":
                    return  # it is about to ask, and has written down what


def _sealed(home: Path) -> dict[str, str]:
    # The SDK can set variables and not remove them; the CLI takes an empty one for unset.
    emptied = {name: "" for name in os.environ if name.startswith(_FOREIGN)}
    return {**emptied, **_SEALED, "HOME": str(home), "CLAUDE_CONFIG_DIR": str(home)}


def _notes(home: Path) -> Iterator[JsonObject]:
    for transcript in home.glob("projects/*/*.jsonl"):
        for line in transcript.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("type") == "attachment" and entry["attachment"]["type"] in _NOTES:
                yield {"type": "attachment", **{k: entry[k] for k in _MEMBERS if k in entry}}
