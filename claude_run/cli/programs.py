"""Programs that read no OPENAI_BASE_URL, and what leads each of them to a bridge: `--for`.

Nothing here holds the key: a program reads OPENAI_API_KEY itself. What the person has chosen, a
model or a configuration of their own, stays as it is.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from claude_run.cli.arguments import UsageError
from claude_run.turn import JsonObject

MODELS: Final = ("sonnet", "opus", "haiku")
FILE: Final = "{file}"
"""Stands, among the words, for the path of the file that was made."""


_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")


@dataclass(frozen=True, slots=True)
class Lead:
    """`variables` are set for the program, `words` are put behind its name; `file` is what is
    to stand in a file for as long as it runs, `told` what the person is to know."""

    variables: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    file: str | None = None
    told: str | None = None


Surroundings: TypeAlias = Mapping[str, str]
"""The variables of the command, those that lead to the bridge among them."""


def _codex(environment: Surroundings) -> Lead:
    provider = {
        "name": "claude-run",
        "base_url": environment["OPENAI_BASE_URL"],
        "env_key": "OPENAI_API_KEY",
        "wire_api": "responses",
    }
    told = ",".join(f"{key}={json.dumps(value)}" for key, value in provider.items())
    words = ("-c", f"model_providers.claude-run={{{told}}}", "-c", 'model_provider="claude-run"')
    return Lead(words=words)


def _opencode(environment: Surroundings) -> Lead:
    leading = {"baseURL": environment["OPENAI_BASE_URL"], "apiKey": "{env:OPENAI_API_KEY}"}
    own = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Claude",
        "options": leading,
        "models": {model: {} for model in MODELS},
    }
    ours: JsonObject = {
        "model": "claude-run/sonnet",
        "small_model": "claude-run/haiku",
        "provider": {"claude-run": own, "openai": {"options": leading}},
    }
    name = "OPENCODE_CONFIG_CONTENT"
    try:
        theirs = json.loads(environment.get(name) or "{}")
    except ValueError:
        raise UsageError(f"--for opencode: {name} is set, and is not JSON") from None
    return Lead({name: json.dumps(_merged(ours, theirs))})


def _merged(ours: JsonObject, theirs: JsonObject) -> JsonObject:
    """Both; what they say stays, but for what leads to the bridge."""
    merged = {**ours, **theirs}
    for name in ours.keys() & theirs.keys():
        if isinstance(ours[name], dict) and isinstance(theirs[name], dict):
            keep = _merged if name != "options" else _led
            merged[name] = keep(ours[name], theirs[name])
    return merged


def _led(ours: JsonObject, theirs: JsonObject) -> JsonObject:
    return {**theirs, **ours}


def _aider(environment: Surroundings) -> Lead:
    return Lead(_unset(environment, AIDER_MODEL="openai/sonnet", AIDER_WEAK_MODEL="openai/haiku"))


def _goose(environment: Surroundings) -> Lead:
    leading = {
        "GOOSE_PROVIDER": "openai",
        "OPENAI_HOST": environment["OPENAI_BASE_URL"].removesuffix("/v1"),
        "OPENAI_BASE_PATH": "v1/chat/completions",
    }
    return Lead({**leading, **_unset(environment, GOOSE_MODEL="sonnet")})


def _qwen(environment: Surroundings) -> Lead:
    leading = _unset(environment, QWEN_DEFAULT_AUTH_TYPE="openai", OPENAI_MODEL="sonnet")
    proxies = [name for name in _PROXIES if environment.get(name)]
    if not proxies:
        return Lead(leading)
    told = (
        f"Qwen Code would send what is for the bridge through {proxies[0]}, whatever NO_PROXY says:"
        f" it is started without {' and '.join(proxies)}"
    )
    return Lead({**leading, **dict.fromkeys(proxies, "")}, told=told)


def _unset(environment: Surroundings, **variables: str) -> dict[str, str]:
    return {name: value for name, value in variables.items() if not environment.get(name)}


def _continue(environment: Surroundings) -> Lead:
    models = [
        {
            "name": model,
            "provider": "openai",
            "model": model,
            "apiBase": environment["OPENAI_BASE_URL"],
            "apiKey": "${{ secrets.OPENAI_API_KEY }}",
            "roles": ["chat", "edit", "apply"],
            "capabilities": ["tool_use", "image_input"],
        }
        for model in MODELS
    ]
    config: dict[str, Any] = {"name": "claude-run", "version": "1.0.0", "schema": "v1"}
    # JSON is YAML, too.
    return Lead(words=("--config", FILE), file=json.dumps({**config, "models": models}, indent=1))


@dataclass(frozen=True, slots=True)
class Program:
    """`names` are those of its executable."""

    names: tuple[str, ...]
    lead: Callable[[Surroundings], Lead]


PROGRAMS: Final[Mapping[str, Program]] = {
    "aider": Program(("aider",), _aider),
    "codex": Program(("codex",), _codex),
    "continue": Program(("cn",), _continue),
    "goose": Program(("goose",), _goose),
    "opencode": Program(("opencode",), _opencode),
    "qwen": Program(("qwen",), _qwen),
}


def with_words(command: Sequence[str], name: str, words: Sequence[str]) -> list[str]:
    """`command` with `words` behind the name of the program `name` in it.

    Raises:
        UsageError: there are words to add, and no such name.
    """
    if not words:
        return [*command]
    names = PROGRAMS[name].names
    for place, word in enumerate(command):
        if os.path.basename(word).partition("@")[0] in names:
            return [*command[: place + 1], *words, *command[place + 1 :]]
    raise UsageError(
        f"--for {name} adds words behind {names[0]}, which the command does not name; write it out:"
        f" claude-run --for {name} -- {names[0]} ..."
    )
