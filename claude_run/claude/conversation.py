"""When one conversation is exactly the beginning of another, and what else their turns tell."""

import json
from collections.abc import Hashable, Sequence

from claude_run.claude.numbers import is_carried
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
    """`answer` as the turn in which a client sends it back; None if nothing of it would be,
    or if the CLI does not remember it as it was."""
    text = (Text(answer.text),) if answer.text.strip() else ()
    try:
        calls = tuple(
            ToolCall(call.id, call.name, _object(call.arguments)) for call in answer.tool_calls
        )
    except ValueError:
        return None
    if not all(is_carried(call.arguments) for call in calls):
        return None  # the CLI remembers them changed
    return AssistantTurn((*text, *calls)) if text or calls else None


def _object(text: str) -> dict[str, object]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("the arguments are not an object")  # noqa: TRY004 - as for broken JSON
    return value


def settled(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns that a transcript may hold: up to an answer that calls no tool. A resumed CLI
    answers whatever else is left open by itself, a question as well as a call."""
    ends = (
        end
        for end in range(len(turns) - 1, 0, -1)
        if isinstance(turns[end - 1], AssistantTurn) and not calls_tools(turns[end - 1 : end])
    )
    return tuple(turns[: next(ends, 0)])


def calls_tools(turns: Sequence[Turn]) -> bool:
    """Whether there is a call in any of them."""
    return any(isinstance(part, ToolCall) for turn in turns for part in turn.parts)


def answers_calls(turn: Turn) -> bool:
    """Whether it holds the result of a call."""
    return any(isinstance(part, ToolResult) for part in turn.parts)


def questions(turns: Sequence[Turn]) -> int:
    """How many of them are the user's."""
    return sum(isinstance(turn, UserTurn) for turn in turns)


def marks(turns: Sequence[Turn]) -> tuple[int, ...]:
    """A number for each beginning of `turns`, shortest first. A hint only: nothing is ever
    handed over because two of these are equal."""
    found: list[int] = []
    for turn in turns:
        found.append(hash((found[-1] if found else 0, identity(turn))))
    return tuple(found)
