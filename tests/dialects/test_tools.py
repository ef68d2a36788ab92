from typing import Any

import pytest

from claude_run.turn import JsonObject, ToolChoice, ToolMode, ToolSpec
from tests.dialects.chats import CLOCK, USER, WEATHER, call, calling, parsed, refused, result

TOOLS = [WEATHER, CLOCK]
NAMES = ["weather", "clock"]


def function(name: str) -> JsonObject:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> JsonObject:
    tools = [function(name) for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def choice(tool_choice: Any, **fields: Any) -> tuple[list[str], ToolChoice]:
    request = parsed(tools=TOOLS, tool_choice=tool_choice, **fields).request
    return [tool.name for tool in request.tools], request.tool_choice


@pytest.mark.parametrize("none", [None, []])
def test_null_and_empty_tools_are_no_tools(none: object) -> None:
    request = parsed(tools=none).request
    assert (request.tools, request.tool_choice) == ((), ToolChoice())


def test_a_tool_keeps_its_name_description_and_schema() -> None:
    weather, clock = parsed(tools=TOOLS).request.tools
    described = WEATHER["function"]
    assert weather == ToolSpec("weather", described["description"], described["parameters"])
    assert clock == ToolSpec("clock", "", {"type": "object", "properties": {}})


@pytest.mark.parametrize("name", ["a", "a" * 64, "ns.tool:v1/x-y_z"])
def test_unusual_names_are_taken(name: str) -> None:
    (tool,) = parsed(tools=[function(name)]).request.tools
    assert tool.name == name


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ({}, "tools"),
        (["weather"], "tools[0]"),
        ([{"function": {"name": "a"}}], "tools[0].type"),
        ([WEATHER, {"type": "mcp", "mcp": {"name": "a"}}], "tools[1].type"),
        ([{"type": "web_search"}], "tools[0].type"),
        ([{"type": "function"}], "tools[0].function"),
        ([{"type": "function", "function": {}}], "tools[0].function.name"),
        ([function("")], "tools[0].function.name"),
        ([function("a" * 65)], "tools[0].function.name"),
        ([function("two words")], "tools[0].function.name"),
        ([function("a\n")], "tools[0].function.name"),
        ([WEATHER, CLOCK, WEATHER], "tools[2].function.name"),
        (
            [{"type": "function", "function": {"name": "a", "parameters": []}}],
            "tools[0].function.parameters",
        ),
        (
            [{"type": "function", "function": {"name": "a", "description": 1}}],
            "tools[0].function.description",
        ),
    ],
)
def test_a_tool_that_cannot_be_read_is_named_to_the_field(tools: object, param: str) -> None:
    assert refused(tools=tools).param == param


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, ToolChoice(ToolMode.AUTO)),
        ("auto", ToolChoice(ToolMode.AUTO)),
        ("none", ToolChoice(ToolMode.NONE)),
        ("required", ToolChoice(ToolMode.REQUIRED)),
        (function("clock"), ToolChoice(ToolMode.NAMED, "clock")),
        ({"type": "function", "name": "clock"}, ToolChoice(ToolMode.NAMED, "clock")),
    ],
)
def test_a_choice_leaves_all_tools_offered(said: object, meant: ToolChoice) -> None:
    assert choice(said) == (NAMES, meant)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (allowed("auto", "clock"), (["clock"], ToolChoice())),
        (allowed("required", "clock"), (["clock"], ToolChoice(ToolMode.REQUIRED))),
        (allowed("auto", "clock", "weather"), (NAMES, ToolChoice())),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "weather"}],
            },
            (["weather"], ToolChoice(ToolMode.REQUIRED)),
        ),
        (allowed("auto"), ([], ToolChoice())),
    ],
)
def test_only_allowed_tools_are_offered(said: object, meant: tuple[list[str], ToolChoice]) -> None:
    assert choice(said) == meant


@pytest.mark.parametrize(("said", "parallel"), [(None, True), (True, True), (False, False)])
def test_parallel_calls_can_be_forbidden(said: bool | None, parallel: bool) -> None:
    assert choice("required", parallel_tool_calls=said)[1].parallel is parallel


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ("sometimes", "tool_choice"),
        (1, "tool_choice"),
        (function("calendar"), "tool_choice"),
        (allowed("auto", "clock", "calendar"), "tool_choice"),
        (allowed("required"), "tool_choice"),
        (allowed("none", "clock"), "tool_choice.allowed_tools.mode"),
        ({"type": "allowed_tools"}, "tool_choice.mode"),
        ({"type": "allowed_tools", "allowed_tools": 1}, "tool_choice.allowed_tools"),
        ({"type": "function"}, "tool_choice.name"),
        ({"type": "function", "function": {}}, "tool_choice.function.name"),
        ({"type": "mcp", "mcp": {"name": "clock"}}, "tool_choice.type"),
        ({}, "tool_choice.type"),
    ],
)
def test_a_choice_that_cannot_be_made_is_named(said: object, param: str) -> None:
    assert refused(tools=TOOLS, tool_choice=said).param == param


@pytest.mark.parametrize("said", ["auto", "none"])
def test_without_tools_a_choice_of_none_changes_nothing(said: str) -> None:
    assert parsed(tool_choice=said).request.tool_choice == ToolChoice()


@pytest.mark.parametrize("said", ["required", function("clock"), allowed("auto", "clock")])
def test_without_tools_none_can_be_demanded(said: object) -> None:
    assert refused(tool_choice=said).param == "tool_choice"


def test_tools_of_an_earlier_turn_are_declared_but_not_callable() -> None:
    request = parsed(
        USER,
        calling(call("1", "clock", "{}"), call("2", "weather"), call("3", "clock", "")),
        result("1"),
        result("2"),
        result("3"),
    ).request
    bare = {"type": "object"}
    assert request.tools == (ToolSpec("clock", "", bare), ToolSpec("weather", "", bare))
    assert request.tool_choice == ToolChoice(ToolMode.NONE)


def test_tools_that_are_given_need_no_declaration_from_history() -> None:
    request = parsed(USER, calling(call("1")), result("1"), tools=[CLOCK]).request
    assert [tool.name for tool in request.tools] == ["clock"]
    assert request.tool_choice == ToolChoice()


def test_functions_are_tools_of_which_one_is_called_at_a_time() -> None:
    old = parsed(functions=[WEATHER["function"]])
    assert old.legacy_functions
    assert old.request.tools == parsed(tools=[WEATHER]).request.tools
    assert old.request.tool_choice == ToolChoice(parallel=False)
    assert not parsed(tools=[WEATHER]).legacy_functions


@pytest.mark.parametrize(
    ("said", "mode", "name"),
    [
        ("auto", ToolMode.AUTO, None),
        ("none", ToolMode.NONE, None),
        ({"name": "weather"}, ToolMode.NAMED, "weather"),
    ],
)
def test_function_call_is_the_choice_of_functions(
    said: object, mode: ToolMode, name: str | None
) -> None:
    old = parsed(functions=[WEATHER["function"]], function_call=said)
    assert old.request.tool_choice == ToolChoice(mode, name, parallel=False)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"functions": ["weather"]}, "functions[0]"),
        ({"functions": [{}]}, "functions[0].name"),
        ({"functions": [CLOCK["function"]], "function_call": {"name": "x"}}, "function_call"),
        ({"functions": [CLOCK["function"]], "tools": [CLOCK]}, "functions"),
        ({"tools": [CLOCK], "tool_choice": "auto", "function_call": "none"}, "function_call"),
    ],
)
def test_bad_functions_are_named(fields: JsonObject, param: str) -> None:
    assert refused(**fields).param == param
