"""The SDK options that make Claude Code a plain model, and the environment of its process."""

import hashlib
import json
import os
from collections import deque
from pathlib import Path
from typing import Any, Final

from claude_agent_sdk import ClaudeAgentOptions
from claude_agent_sdk.types import SystemPromptFile, ThinkingConfig

from claude_run import __version__
from claude_run.claude.answer.structured import schema_for_sdk
from claude_run.claude.environment import DEFAULTS, REQUIRED
from claude_run.claude.session.shape import Shape, Tuning
from claude_run.claude.tools import SERVER, deferral, server_of

EXTRA_BODY: Final = "CLAUDE_CODE_EXTRA_BODY"
MAX_OUTPUT: Final = "CLAUDE_CODE_MAX_OUTPUT_TOKENS"

# One message may hold a whole answer, or an echo of a large request.
_LARGEST_MESSAGE: Final = 256 * 1024 * 1024


def options_for(
    shape: Shape,
    tuning: Tuning,
    *,
    directory: Path,
    stderr: deque[str],
    resume: Path | None,
) -> ClaudeAgentOptions:
    """Options of one CLI process, whose working directory and files are in `directory`.

    `resume` is a transcript that the process starts with; its last lines of stderr go to
    `stderr`.
    """
    tools = json.loads(shape.tools)
    arguments: dict[str, str | None] = {"no-session-persistence": None}
    if resume is not None:
        arguments["resume"] = str(resume)
    return ClaudeAgentOptions(
        model=tuning.model,
        tools=[],
        system_prompt=_system_prompt(shape.system, directory),
        mcp_servers={SERVER: server_of(tools)} if tools else {},
        hooks={"PreToolUse": [deferral()]} if tools else None,
        output_format=_output_format(shape.output),
        thinking=_thinking(shape),
        effort=shape.effort.value if shape.effort else None,
        setting_sources=[],
        strict_mcp_config=True,
        skills=[],
        verbatim_prompts=True,
        include_partial_messages=True,
        extra_args=arguments,
        env=_environment(tuning),
        cwd=directory / "work",
        stderr=stderr.append,
        max_buffer_size=_LARGEST_MESSAGE,
        client_app=f"claude-run/{__version__}",
    )


def _system_prompt(system: str, directory: Path) -> SystemPromptFile | None:
    """In a file: on the command line it could be read by others, and be too long to start."""
    if not system:
        return None
    data = system.encode()
    path = directory / f"system-{hashlib.sha256(data).hexdigest()[:32]}.txt"
    if not path.exists():
        path.write_bytes(data)
    return SystemPromptFile(type="file", path=str(path))


def _output_format(output: str | None) -> dict[str, Any] | None:
    if output is None:
        return None
    return {"type": "json_schema", "schema": schema_for_sdk(json.loads(output))}


def _thinking(shape: Shape) -> ThinkingConfig:
    if shape.thinking:
        return {"type": "adaptive", "display": "summarized"}
    return {"type": "disabled"}


def _environment(tuning: Tuning) -> dict[str, str]:
    chosen = {name: value for name, value in DEFAULTS.items() if name not in os.environ}
    return {**chosen, **REQUIRED, **tuned_environment(tuning)}


def tuned_environment(tuning: Tuning) -> dict[str, str]:
    """The variables that carry a tuning: its request fields, over those that the user already
    puts into every request."""
    body = json.loads(tuning.body)
    try:
        own = json.loads(os.environ.get(EXTRA_BODY) or "{}")
    except ValueError:
        own = {}
    # The CLI must know the limit as well: what it lets a model think has to stay below it.
    limit = body.get("max_tokens") or os.environ.get(MAX_OUTPUT, "")
    full = {**own, **body} if isinstance(own, dict) else body
    return {EXTRA_BODY: json.dumps(full), MAX_OUTPUT: str(limit)}
