"""Run any program that speaks OpenAI's API on your Claude subscription."""

# Nothing is imported here, `typing` neither: on PYTHONPATH there may be another of that name,
# and what keeps such modules out has not run yet.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from claude_run.bridge import AnswerError, Bridge, BridgeError
    from claude_run.login import LoginError
    from claude_run.settings import Settings

__all__ = ["AnswerError", "Bridge", "BridgeError", "LoginError", "Settings", "__version__"]
__version__ = "0.1.0"

_HOMES = {
    "AnswerError": "claude_run.bridge",
    "Bridge": "claude_run.bridge",
    "BridgeError": "claude_run.bridge",
    "LoginError": "claude_run.login",
    "Settings": "claude_run.settings",
}


def __getattr__(name: str) -> object:
    """What is exported comes when it is wanted: the command line must not wait for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only the library's users wait for it

    value: object = getattr(import_module(_HOMES[name]), name)
    return value
