"""The SDK options that make Claude Code a plain model, and the environment of its process."""

import json
import os
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from claude_agent_sdk import AgentDefinition, ClaudeAgentOptions, McpSdkServerConfig
from claude_agent_sdk.types import SystemPromptFile, ThinkingConfig

from claude_run import __version__
from claude_run.claude.environment import DEFAULTS, REQUIRED
from claude_run.claude.names import is_alias
from claude_run.claude.session.aliases import Aliases
from claude_run.claude.session.aspects import Aspect
from claude_run.claude.session.shape import Shape
from claude_run.claude.tools import SERVER, deferral
from claude_run.claude.workplace import workplace

EXTRA_BODY: Final = "CLAUDE_CODE_EXTRA_BODY"
MAX_OUTPUT: Final = "CLAUDE_CODE_MAX_OUTPUT_TOKENS"
AGENT: Final = "p"
"""The agent whose system prompt is replaced by each request's: without one it stays empty."""

# One message may hold a whole answer, or an echo of a large request.
_LARGEST_MESSAGE: Final = 256 * 1024 * 1024
_FAMILIES: Final = ("opus", "sonnet", "haiku")


@dataclass(frozen=True, slots=True)
class Place:
    """Where processes run: `directory` is the run's own, `cli` another CLI than the one that the
    SDK brings along, `environment` replaces variables of this process's own environment."""

    directory: Path
    cli: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Aliases)


@dataclass(frozen=True, slots=True)
class Birth:
    """What a process starts with. `is_fixed` says that it will not be given another model."""

    shape: Shape
    place: Place
    is_fixed: bool


def birth_of(shape: Shape, changeable: Collection[Aspect]) -> Shape:
    """The shape to start a process with that is to become `shape`: in what can be changed later
    it is that of any other process."""
    return Shape(
        model="sonnet" if Aspect.MODEL in changeable else shape.model,
        system="" if Aspect.SYSTEM in changeable else shape.system,
        tools=() if Aspect.TOOLS in changeable else shape.tools,
        thinking=True if Aspect.THINKING in changeable else shape.thinking,
        effort=None if Aspect.EFFORT in changeable else shape.effort,
        fields="{}" if Aspect.FIELDS in changeable else shape.fields,
    )


def fixed_by(birth: Shape) -> frozenset[Aspect]:
    """What a process that was born so cannot be given anew, because it falls back to it."""
    return frozenset(
        aspect
        for aspect, is_fixed in (
            (Aspect.SYSTEM, bool(birth.system)),
            (Aspect.THINKING, not birth.thinking),
            (Aspect.EFFORT, birth.effort is not None),
        )
        if is_fixed
    )


def options_for(
    birth: Birth, server: McpSdkServerConfig, *, stderr: deque[str], resume: Path | None
) -> ClaudeAgentOptions:
    """Options of one CLI process. `resume` is a transcript that it starts with; its last lines
    of stderr go to `stderr`."""
    shape, place = birth.shape, birth.place
    work = workplace(place.directory)  # first: a file may be written beside it
    arguments: dict[str, str | None] = {"no-session-persistence": None}
    if resume is not None:
        arguments["resume"] = str(resume)
    return ClaudeAgentOptions(
        model=shape.model if birth.is_fixed else target_of(shape.model).alias,
        tools=[],
        system_prompt=_system_prompt(shape.system, place.directory),
        agents={AGENT: AgentDefinition(description="Answers.", prompt="Answer.")},
        mcp_servers={SERVER: server},
        hooks={"PreToolUse": [deferral()]},
        thinking=_thinking(shape),
        effort=shape.effort.value if shape.effort else None,
        setting_sources=[],
        strict_mcp_config=True,
        skills=[],
        verbatim_prompts=True,
        include_partial_messages=True,
        extra_args=arguments,
        env={**place.environment, **_chosen(), **REQUIRED, **environment_of(shape)},
        cwd=work,
        stderr=stderr.append,
        max_buffer_size=_LARGEST_MESSAGE,
        client_app=f"claude-run/{__version__}",
        cli_path=place.cli,
    )


@dataclass(frozen=True, slots=True)
class Target:
    """How the CLI is led to a model: by one of its aliases, and the variable that says what the
    alias stands for. To set a full name directly would make it ask that model something."""

    alias: str
    variable: str


def target_of(model: str) -> Target:
    """The target of a model's name as `resolve` gives it."""
    family = next((family for family in _FAMILIES if family in model), _FAMILIES[0])
    return Target(model if is_alias(model) else family, _variable(family))


def _variable(family: str) -> str:
    return f"ANTHROPIC_DEFAULT_{family.upper()}_MODEL"


def environment_of(shape: Shape) -> dict[str, str]:
    """The variables that carry a shape's model and request fields. The fields come over those
    that the user already puts into every request."""
    body = json.loads(shape.fields)
    try:
        own = json.loads(os.environ.get(EXTRA_BODY) or "{}")
    except ValueError:
        own = {}
    # The CLI must know the limit as well: what it lets a model think has to stay below it.
    limit = body.get("max_tokens") or os.environ.get(MAX_OUTPUT, "")
    full = {**own, **body} if isinstance(own, dict) else body
    aliases = {_variable(f): os.environ.get(_variable(f), "") for f in _FAMILIES}
    if not is_alias(shape.model):
        aliases[target_of(shape.model).variable] = shape.model
    return {EXTRA_BODY: json.dumps(full), MAX_OUTPUT: str(limit), **aliases}


def _chosen() -> dict[str, str]:
    return {name: value for name, value in DEFAULTS.items() if name not in os.environ}


def _system_prompt(system: str, directory: Path) -> SystemPromptFile | None:
    """In a file, to be removed once the process has read it: on the command line it could be
    read by others, and be too long to start."""
    if not system:
        return None
    path = directory / f"system-{uuid4()}.txt"
    path.write_text(system, encoding="utf-8")
    return SystemPromptFile(type="file", path=str(path))


def forget_files_of(options: ClaudeAgentOptions) -> None:
    """Remove what was written for a process that has started: it reads its files only then."""
    match options.system_prompt:
        case {"type": "file", "path": str(path)}:
            Path(path).unlink(missing_ok=True)
        case _:
            pass


def _thinking(shape: Shape) -> ThinkingConfig:
    if shape.thinking:
        return {"type": "adaptive", "display": "summarized"}
    return {"type": "disabled"}
