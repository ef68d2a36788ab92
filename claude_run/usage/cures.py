"""What a person can do about calls that failed, by the kind of failure."""

from collections.abc import Iterable, Mapping
from typing import Final

from claude_run.turn import Failure
from claude_run.turn.names import SUBSTITUTE, mapped, mapped_in_python
from claude_run.usage.run import without_keys
from claude_run.usage.totals import ErrorSums, WindowUse
from claude_run.usage.words import clock, printable

_LATER: Final = "Anthropic's side was busy or failing: run the command again"
CURES: Final[Mapping[Failure, str]] = {
    Failure.BAD_REQUEST: "",  # the message itself names what is wrong
    Failure.AUTHENTICATION: "log in again with `claude-run login`",
    Failure.PERMISSION: "the account may not do this",
    Failure.BILLING: "look at the account's billing page",
    Failure.MODEL_NOT_FOUND: "--default-model sonnet answers names that are not known",
    Failure.NOT_FOUND: "",
    Failure.CONTEXT_LENGTH: "send less, or use a model with a larger context",
    Failure.TOO_LARGE: "",
    Failure.CONNECTION_FULL: "",
    Failure.RATE_LIMIT: "--max-concurrency N asks for less at once",
    Failure.QUOTA: "",  # said of the window, see `cure`
    Failure.BUDGET: "a larger budget lets more through",
    Failure.OVERLOADED: _LATER,
    Failure.UPSTREAM: _LATER,
    Failure.CASSETTE_MISS: "",
    Failure.CRASH: "a fault of claude-run or of Claude Code: please report it",
    Failure.EXHAUSTED: "",
    Failure.TIMEOUT: "--timeout SECONDS waits longer",
    Failure.STOPPING: "the run was ending",
}

_IN_PYTHON: Final[Mapping[Failure, str]] = {
    Failure.RATE_LIMIT: "max_concurrency=N asks for less at once",
    Failure.TIMEOUT: "timeout=SECONDS waits longer",
}
"""What is written otherwise there."""

HINTS: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("codex",), "Codex reads no OPENAI_BASE_URL; add --for codex"),
    (("opencode",), "opencode reads no OPENAI_BASE_URL; add --for opencode"),
    (("goose",), "Goose reads no OPENAI_BASE_URL; add --for goose"),
    (("qwen",), "Qwen Code asks OpenAI only where it is told to; add --for qwen"),
    (("cn", "continue"), "Continue reads no OPENAI_BASE_URL; add --for continue"),
    (
        ("promptfoo",),
        'promptfoo reads apiBaseUrl from its file; write "{{env.OPENAI_BASE_URL}}" there',
    ),
    (
        ("claude", "gemini", "ollama"),
        "this program does not speak OpenAI's API: there is nothing here for it to call",
    ),
)
"""Commands known to read no OPENAI_BASE_URL, and the line that leads them here."""

ANY_CLIENT: Final = (
    "the command may have needed no model, or has a base URL of its own"
    " (it is in OPENAI_BASE_URL and OPENAI_API_BASE)"
)
LED: Final = (
    "the command was led here by --for, and may have needed no model; or a setting of its own leads"
    " it elsewhere"
)


def cure(error: ErrorSums, windows: Iterable[WindowUse] = (), *, in_python: bool = False) -> str:
    """What happened and what helps, in one line, with nothing in it that looks like a key."""
    return without_keys(_cure(error, windows, in_python))


def _cure(error: ErrorSums, windows: Iterable[WindowUse], in_python: bool) -> str:
    try:
        failure = Failure(error.kind)
    except ValueError:  # written by a later version than this one
        return printable(error.message)
    match failure:
        case Failure.QUOTA:
            return _quota(error, windows)
        case Failure.MODEL_NOT_FOUND:
            return _unknown_model(error, in_python)
        case _:
            said = printable(error.message).rstrip(".")
            if error.messages > 1:
                said += f" (the commonest of {error.messages} messages)"
            return "; ".join(filter(None, (said, _helps(failure, in_python))))


def _helps(failure: Failure, in_python: bool) -> str:
    return (_IN_PYTHON if in_python else CURES).get(failure, CURES[failure])


def _quota(error: ErrorSums, windows: Iterable[WindowUse]) -> str:
    resets = [
        use.last.resets_at
        for use in windows
        if use.last.status == "rejected" and use.last.resets_at is not None
    ]
    if "window" in error.message and resets:
        return f"plan window used up: wait until {clock(max(resets))}, or --on-limit wait"
    return printable(error.message)


def _unknown_model(error: ErrorSums, in_python: bool) -> str:
    names = ", ".join(printable(model) for model in error.models[:3])
    more = f" and {len(error.models) - 3} more" if len(error.models) > 3 else ""  # noqa: PLR2004
    if all("embed" in model for model in error.models):
        return f"unknown model {names}{more}: give that client its own base URL"
    asked = [model for model in error.models if "embed" not in model]
    if SUBSTITUTE in asked:  # it is known here, and not where Claude was asked
        return f"unknown model {names}{more}: {printable(error.message).rstrip('.')}"
    written = mapped_in_python(asked) if in_python else mapped(asked)
    return f"unknown model {names}{more}: {printable(written)} answers it"


def nothing_called(program: str) -> str:
    """Why `program`, the name of the command, may have called nothing."""
    for names, hint in HINTS:
        if program in names:
            return hint
    return ANY_CLIENT
