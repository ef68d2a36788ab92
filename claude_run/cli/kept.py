"""The conversation that `claude-run ask --continue` goes on with, in the state directory."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_state_path

from claude_run.cli.arguments import UsageError
from claude_run.cli.saying import say
from claude_run.turn import JsonObject

FILE: Final = "conversation.json"


@dataclass(frozen=True, slots=True)
class Conversation:
    """`messages` as OpenAI's chat API has them, answers included; `model` was asked last."""

    messages: tuple[JsonObject, ...] = ()
    model: str | None = None


def conversation_file() -> Path:
    return user_state_path("claude-run") / FILE


def kept() -> Conversation | None:
    """The one that was kept last. Raises UsageError where it cannot be read."""
    path = conversation_file()
    try:
        written = json.loads(path.read_bytes())
        return Conversation(tuple(written["messages"]), written["model"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise UsageError(f"{path} holds no conversation; --keep begins a new one") from None


def keep(messages: Sequence[JsonObject], model: str) -> None:
    """Keep it, for nobody else to read. The answer is out already: what fails is only told."""
    path = conversation_file()
    unfinished = path.with_name(f".{FILE}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"model": model, "messages": list(messages)}, file)
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        say(f"the conversation could not be kept in {path}: {error.strerror}")
