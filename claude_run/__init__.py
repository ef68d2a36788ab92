"""Run any program that speaks OpenAI's API on your Claude subscription."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from claude_run.bridge import AnswerError, Bridge, BridgeError
    from claude_run.login import LoginError
    from claude_run.settings import Settings

__all__ = ["AnswerError", "Bridge", "BridgeError", "LoginError", "Settings", "__version__"]
__version__: Final = "0.1.0"

_HOMES: Final = {
    "AnswerError": "claude_run.bridge",
    "Bridge": "claude_run.bridge",
    "BridgeError": "claude_run.bridge",
    "LoginError": "claude_run.login",
    "Settings": "claude_run.settings",
}


def __getattr__(name: str) -> Any:
    """What is exported comes when it is wanted: the command line must not wait for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only the library's users wait for it

    return getattr(import_module(_HOMES[name]), name)
