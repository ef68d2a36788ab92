"""Bodies of every dialect: right ones of every kind, and the same with something changed."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from claude_run.turn import JsonObject
from tests.server.chats import (
    NATIVE_PICTURE,
    PICTURE,
    WEATHER,
    assistant,
    result,
    system,
    text,
    user,
)

CHAT: Final = "/v1/chat/completions"
RESPONSES: Final = "/v1/responses"
COMPLETIONS: Final = "/v1/completions"
MESSAGES: Final = "/v1/messages"


class Case(NamedTuple):
    path: str
    raw: bytes


SCHEMA: Final[JsonObject] = {
    "type": "object",
    "properties": {"a": {"type": ["integer", "null"], "pattern": "^(a+)+$"}, "b": {"$ref": "#"}},
    "required": ["a"],
    "additionalProperties": False,
}
_FUNCTION: Final[JsonObject] = {"type": "function", "name": "f", "parameters": SCHEMA}
_PLAIN: Final[JsonObject] = {"type": "text", "media_type": "text/plain", "data": "z"}
_FILE: Final = "data:application/pdf;base64,JVBERi0x"

TEMPLATES: Final[tuple[tuple[str, JsonObject], ...]] = (
    (CHAT, {"messages": [user("hi")], "temperature": 1, "stop": ["a"], "n": 2, "seed": 1}),
    (
        CHAT,
        {
            "messages": [
                system("be brief"),
                user([{"type": "text", "text": "x"}, PICTURE]),
                assistant("calling", ("c1", "weather", '{"city": "Bern"}')),
                result("c1", [{"type": "text", "text": "rain"}]),
                {"role": "user", "name": "ann", "content": "and?"},
            ],
            "tools": [WEATHER],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "parallel_tool_calls": False,
            "stream_options": {"include_usage": True},
        },
    ),
    (
        CHAT,
        {
            "messages": [user([{"type": "file", "file": {"file_data": _FILE, "filename": "a"}}])],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "s", "strict": True, "schema": SCHEMA},
            },
            "reasoning_effort": "low",
            "max_completion_tokens": 50,
            "metadata": {"a": "b"},
        },
    ),
    (
        CHAT,
        {
            "messages": [
                user("x"),
                {"role": "assistant", "function_call": {"name": "g", "arguments": "{}"}},
                {"role": "function", "name": "g", "content": "1"},
            ],
            "functions": [{"name": "g", "parameters": SCHEMA}],
            "function_call": {"name": "g"},
            "logit_bias": {"1": 2},
            "prediction": {"type": "content", "content": "x"},
        },
    ),
    (RESPONSES, {"input": "hi", "instructions": "be brief", "store": False}),
    (
        RESPONSES,
        {
            "input": [
                {"type": "message", "id": "m", "role": "user", "content": "x"},
                {"type": "reasoning", "id": "r", "summary": [], "content": None},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "y"},
                {"role": "user", "content": [{"type": "input_text", "text": "z"}]},
            ],
            "tools": [_FUNCTION, {"type": "web_search"}],
            "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [_FUNCTION]},
            "text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}},
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "metadata": {"a": "b"},
            "max_output_tokens": 50,
            "previous_response_id": None,
        },
    ),
    (MESSAGES, {"messages": [user("hi")], "max_tokens": 50, "system": "be brief", "top_k": 5}),
    (
        MESSAGES,
        {
            "messages": [
                user([text("x"), NATIVE_PICTURE, {"type": "document", "source": _PLAIN}]),
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
                    ],
                },
                user([{"type": "tool_result", "tool_use_id": "t", "content": [text("y")]}]),
            ],
            "max_tokens": 50,
            "system": [{**text("be brief"), "cache_control": {"type": "ephemeral"}}],
            "tools": [{"name": "f", "description": "x", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 2000},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
            "stop_sequences": ["x"],
            "metadata": {"user_id": "u"},
        },
    ),
    (COMPLETIONS, {"prompt": ["a", "b"], "n": 2, "echo": True, "stop": "x", "max_tokens": 5}),
)

CHANGES: Final = ("replace", "replace", "leave out", "wrap", "twice", "many", "beside")
# What is put in the place of something: the edges of every type, and what is no JSON.
NO_JSON: Final = ("NaN", "-Infinity", "1e999", '"\\ud800"', "01", "'a'", "[" * 700 + "]" * 700)
_TEXTS: Final = (
    *("", " ", "\0", "\n", "\ufeff", "\U0001f600", "a" * 3000, "../../etc/passwd", "{}", "auto"),
    *("user", "assistant", "tool", "json_schema", "function", "sonnet", "data:,", "__proto__"),
    *("message", "function_call", "item_reference", "http://127.0.0.1:9/", "^(a+)+$", "%s{0}"),
)
_ODD: Final = st.one_of(
    st.sampled_from(_TEXTS),
    st.sampled_from((0, -1, 1, 2**31, 2**53 + 1, 2**64, -(2**63), 1e308, 5e-324, -0.0, 10**300)),
    st.sampled_from((None, True, False, [], {}, [[]], [None], [{}], {"": {}}, {"type": "text"})),
    st.text(max_size=20).filter(lambda text: text.isprintable()),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3).filter(str.isprintable),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_TEXTS), inner),
        max_leaves=6,
    ),
)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where something stands in `value`, everything in turn."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _changed(body: Any, path: tuple[Any, ...], how: str, odd: Any) -> None:
    """Change `body` at `path`, which stands in it."""
    *way, last = path
    holder = body
    for step in way:
        holder = holder[step]
    match how, holder:
        case "leave out", _:
            del holder[last]
        case "wrap", _:
            holder[last] = [holder[last]]
        case ("twice" | "many") as often, list():
            holder += [holder[last]] * (1 if often == "twice" else 30)
        case "beside", dict():
            holder[str(odd)] = odd
        case _:
            holder[last] = odd


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A request whose body is right but for a few changes, or none."""
    path, template = draw(st.sampled_from(TEMPLATES))
    body = json.loads(json.dumps({"model": "sonnet", "stream": draw(st.booleans()), **template}))
    for _ in range(draw(st.integers(0, 4))):
        if places := list(_places(body)):
            how = draw(st.sampled_from(CHANGES))
            odd = json.loads(json.dumps(draw(_ODD)))  # its own: else it could come to hold itself
            _changed(body, draw(st.sampled_from(places)), how, odd)
    text = json.dumps(body, ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 9)) == 0:
        text = text.replace('"sonnet"', draw(st.sampled_from(NO_JSON)))
    return Case(path, text.encode("utf-8", "surrogatepass"))
