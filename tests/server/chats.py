"""What the tests of chat send, in both forms a client may ask in, and one record of what it got."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from claude_run.rehearsal.answers import ToolUse
from claude_run.turn import JsonObject

in_both_forms = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

# A picture that is one: the CLI looks inside.
PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGMQUDAAIgYIBQAKDgGBVjPu8wAAAABJRU5E"
    "rkJggg=="
)
PICTURE: Final[JsonObject] = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{PNG}"},
}
NATIVE_PICTURE: Final[JsonObject] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
}


# --- what is sent ---------------------------------------------------------------------


def tool(name: str, description: str = "", parameters: JsonObject | None = None) -> JsonObject:
    function = {"name": name, "description": description, "parameters": parameters or CITY}
    return {"type": "function", "function": function}


CITY: Final[JsonObject] = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER: Final = tool("weather", "The weather of a city.")
# Sent together by many tests, so that they share processes.
TOOLS: Final = [WEATHER, tool("a.b", "With a dot."), tool("a_b", "With a line.")]


def user(content: Any) -> JsonObject:
    return {"role": "user", "content": content}


def system(text: str) -> JsonObject:
    return {"role": "system", "content": text}


def assistant(content: str | None, *calls: tuple[str, str, str]) -> JsonObject:
    """An earlier answer; each call is its id, its name and its arguments."""
    if not calls:
        return {"role": "assistant", "content": content}
    made = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in calls
    ]
    return {"role": "assistant", "content": content, "tool_calls": made}


def result(call_id: str, content: Any) -> JsonObject:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# --- what upstream says and hears -----------------------------------------------------


def use(name: str, id_: str = "", /, **arguments: Any) -> ToolUse:
    """A call of the tool that the CLI offers as `name`."""
    return ToolUse(id_, f"mcp__c__{name}", arguments)


def output(**value: Any) -> ToolUse:
    """Structured output."""
    return ToolUse("", "mcp__c__StructuredOutput", value)


def text(words: str) -> JsonObject:
    return {"type": "text", "text": words}


def offered(request: JsonObject) -> dict[str, JsonObject]:
    """The tools of a request upstream by name; the CLI sorts them."""
    return {tool["name"]: tool for tool in request["tools"]}


# --- what is heard --------------------------------------------------------------------


class Call(NamedTuple):
    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class Heard:
    """An answer, however it came. What was not said is empty, and so is a `piece` of content
    that an answer in one piece does not have."""

    content: str = ""
    refusal: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    function: tuple[str, str] | None = None
    finish: str | None = None
    pieces: tuple[str, ...] = ()


def hear(client: openai.OpenAI, messages: list[JsonObject], *, stream: bool, **asked: Any) -> Heard:
    """The answer to `messages`, asked for in one form or the other."""
    question: dict[str, Any] = {"model": "sonnet", "messages": messages, **asked}
    if stream:
        return _folded(client.chat.completions.create(stream=True, **question))
    return _whole(client.chat.completions.create(**question))


def _whole(completion: ChatCompletion) -> Heard:
    (choice,) = completion.choices
    message = choice.message
    made = [call for call in message.tool_calls or () if call.type == "function"]
    old = message.function_call
    return Heard(
        message.content or "",
        message.refusal or "",
        (message.model_extra or {}).get("reasoning_content", ""),
        tuple(Call(one.id, one.function.name, one.function.arguments) for one in made),
        (old.name, old.arguments) if old else None,
        choice.finish_reason,
    )


def _folded(chunks: Iterable[ChatCompletionChunk]) -> Heard:
    """Names and ids are joined as well: one that is sent twice shows."""
    heard, calls, old = Heard(), list[list[str]](), ["", ""]
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        delta = choice.delta
        if delta.content:
            heard.pieces += (delta.content,)
        heard.refusal += delta.refusal or ""
        heard.reasoning += (delta.model_extra or {}).get("reasoning_content", "")
        for piece in delta.tool_calls or ():
            if piece.index == len(calls):
                calls.append(["", "", ""])
            function = piece.function
            assert function is not None
            said = (piece.id, function.name, function.arguments)
            calls[piece.index] = _longer(calls[piece.index], said)
        if delta.function_call is not None:
            old = _longer(old, (delta.function_call.name, delta.function_call.arguments))
        heard.finish = choice.finish_reason or heard.finish
    heard.content = "".join(heard.pieces)
    heard.calls = tuple(Call(*call) for call in calls)
    heard.function = (old[0], old[1]) if old[0] else None
    return heard


def _longer(texts: list[str], pieces: Iterable[str | None]) -> list[str]:
    return [text + (piece or "") for text, piece in zip(texts, pieces, strict=True)]
