"""What was ever found by fuzzing or by hand: a body, and where it went; each was a 5xx, a hang or
an answer that no client could read."""

from typing import Final

from tests.fuzz.bodies import CHAT, COMPLETIONS, RESPONSES, Case


def _chat(members: str) -> Case:
    whole = '{"model": "sonnet", "messages": [{"role": "user", "content": "hi"}]'
    return Case(CHAT, f"{whole}, {members}}}".encode())


def _tool(schema: str) -> Case:
    function = f'{{"name": "f", "parameters": {schema}}}'
    return _chat(f'"tools": [{{"type": "function", "function": {function}}}]')


def _to(number: int) -> str:
    return f'{{"$ref": "#/$defs/{number}"}}'


FOUND: Final[dict[str, Case]] = {
    "NaN in a tool's schema": _tool('{"type": "object", "maximum": NaN}'),
    "Infinity as a temperature": _chat('"temperature": Infinity'),
    "a number beyond all numbers in a call's arguments": Case(
        CHAT,
        rb'{"model": "sonnet", "messages": [{"role": "user", "content": "x"}, {"role": "assistant",'
        rb'"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{\"a\": 1e400}"}}]},'
        rb'{"role": "tool", "tool_call_id": "c", "content": "y"}]}',
    ),
    "an object as an item's id": Case(
        RESPONSES,
        b'{"model": "sonnet", "input": [{"type": "message", "id": {"a": 1}, "role": "user",'
        b'"content": "x"}]}',
    ),
    "a list as a tool's name": Case(
        RESPONSES,
        b'{"model": "sonnet", "input": "x", "tools": [{"type": "function", "name": ["f"]}]}',
    ),
    "an object as the type of a tool choice": Case(
        RESPONSES,
        b'{"model": "sonnet", "input": "x", "tool_choice": {"type": {}, "name": "f"}}',
    ),
    "NUL in a model's name": Case(COMPLETIONS, b'{"model": "so\\u0000nnet", "prompt": "x"}'),
    "half a surrogate pair": _chat('"user": "\\ud800"'),
    "a nest without a bottom": _chat('"metadata": ' + "[" * 100_000),
    "a schema without a bottom": _tool('{"not": ' * 400 + "{}" + "}" * 400),
    "references that multiply": _tool(
        '{"type": "object", "$ref": "#/$defs/0", "$defs": {'
        + "".join(f'"{n}": {{"allOf": [{_to(n + 1)}, {_to(n + 1)}]}},' for n in range(40))
        + '"40": {}}}'
    ),
    "more messages than anybody can send": Case(
        CHAT,
        b'{"model": "sonnet", "messages": ['
        + b",".join([b'{"role": "user", "content": "x"}'] * 100_001)
        + b"]}",
    ),
    "a name as long as a book": Case(
        CHAT,
        b'{"model": "' + b"a" * 100_000 + b'", "messages": [{"role": "user", "content": "x"}]}',
    ),
    "more tools than a process remembers": _chat(
        '"tools": ['
        + ",".join(f'{{"type": "function", "function": {{"name": "f{n}"}}}}' for n in range(1100))
        + "]"
    ),
    "numbers by the million": _chat('"metadata": [' + "1," * 5_000_000 + "1]"),
    "a limit of four thousand digits": _chat('"max_tokens": ' + "1" * 4000),
    "unknown fields without end": _chat(",".join(f'"x{n}": {n}' for n in range(1500))),
}
