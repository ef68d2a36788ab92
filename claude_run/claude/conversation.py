"""When one conversation is exactly the beginning of another."""

import json
from collections.abc import Hashable, Sequence

from claude_run.turn import (
    Answer,
    AssistantPart,
    AssistantTurn,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    UserPart,
    UserTurn,
)


def continues(kept: Sequence[Turn], asked: Sequence[Turn]) -> bool:
    """Whether `asked` is `kept` and then at least one more turn of the user's."""
    return (
        0 < len(kept) < len(asked)
        and isinstance(asked[len(kept)], UserTurn)
        and all(identity(a) == identity(b) for a, b in zip(kept, asked, strict=False))
    )


def identity(turn: Turn) -> Hashable:
    """A value that two turns share exactly when the model would read the same in both.

    An answer comes back from a client as one string, however many blocks it was; so only the
    joined text counts there. What a user wrote is compared part by part.
    """
    match turn:
        case UserTurn(parts):
            return ("user", *(_user_identity(part) for part in parts))
        case AssistantTurn(parts):
            text = "".join(part.text for part in parts if isinstance(part, Text))
            return ("assistant", text, *_calls(parts))


def _user_identity(part: UserPart) -> Hashable:
    match part:
        case ToolResult(call_id, content, is_error):
            return ("result", call_id, content, is_error)
        case _:
            return part


def _calls(parts: Sequence[AssistantPart]) -> tuple[Hashable, ...]:
    # As JSON, because Python holds 1, 1.0 and True for equal.
    return tuple(
        (part.id, part.name, json.dumps(part.arguments, sort_keys=True))
        for part in parts
        if isinstance(part, ToolCall)
    )


def answered(answer: Answer) -> AssistantTurn | None:
    """`answer` as the turn in which a client sends it back; None if nothing of it would be."""
    text = (Text(answer.text),) if answer.text.strip() else ()
    try:
        calls = tuple(
            ToolCall(call.id, call.name, _object(call.arguments)) for call in answer.tool_calls
        )
    except ValueError:
        return None
    return AssistantTurn((*text, *calls)) if text or calls else None


def _object(text: str) -> dict[str, object]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("the arguments are not an object")  # noqa: TRY004 - as for broken JSON
    return value
