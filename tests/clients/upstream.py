"""What Claude is offered and answers, in words of the caller's: tools, results and JSON."""

from claude_run.claude.tools import OUTPUT, PREFIX
from claude_run.rehearsal.answers import Reply, TextBlock, ToolUse
from claude_run.turn import JsonObject
from tests.scripted import turns


def call(name: str, /, **arguments: object) -> Reply:
    """An answer that calls the caller's tool `name`."""
    return calls((name, arguments))


def calls(*made: tuple[str, JsonObject], saying: str = "") -> Reply:
    said = (TextBlock((saying,)),) if saying else ()
    return Reply((*said, *(ToolUse("", PREFIX + name, arguments) for name, arguments in made)))


def structure(value: JsonObject) -> Reply:
    """An answer to a request for JSON."""
    return Reply((ToolUse("", PREFIX + OUTPUT, value),))


def offered(request: JsonObject) -> dict[str, JsonObject]:
    """The schemas of the caller's tools, by their names."""
    return {
        tool["name"].removeprefix(PREFIX): tool["input_schema"]
        for tool in request.get("tools", ())
        if tool["name"].startswith(PREFIX) and tool["name"] != PREFIX + OUTPUT
    }


def is_structured(request: JsonObject) -> bool:
    return any(tool["name"] == PREFIX + OUTPUT for tool in request.get("tools", ()))


def schema(request: JsonObject) -> JsonObject:
    """The schema that the answer must fit."""
    [found] = [tool["input_schema"] for tool in request["tools"] if tool["name"] == PREFIX + OUTPUT]
    assert isinstance(found, dict)
    return found


def told(request: JsonObject) -> list[tuple[str, str]]:
    """The conversation as roles and texts; calls and results stand in their own words."""
    return [
        (turn["role"], "\n".join(_words(block) for block in turn["content"]))
        for turn in turns(request)
    ]


def _words(block: JsonObject) -> str:
    match block:
        case {"type": "text", "text": text}:
            return str(text)
        case {"type": "tool_use", "name": name, "input": arguments}:
            shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
            return f"{name.removeprefix(PREFIX)}({shown})"
        case {"type": "tool_result", "content": content}:
            texts = [content] if isinstance(content, str) else [part["text"] for part in content]
            return f"= {''.join(texts)}"
        case _:
            raise ValueError(f"a block of type {block['type']}")


def matched(request: JsonObject) -> bool:
    """Whether every result answers a call of the turn before it, and every call has one."""
    conversation = turns(request)
    called = [b["id"] for t in conversation for b in t["content"] if b["type"] == "tool_use"]
    answered = [
        b["tool_use_id"] for t in conversation for b in t["content"] if b["type"] == "tool_result"
    ]
    return sorted(called) == sorted(answered)
