"""An input's items as native turns."""

from typing import Any

import pytest

from claude_run.turn import (
    AssistantTurn,
    Document,
    Image,
    JsonObject,
    Text,
    ToolCall,
    ToolResult,
    UserTurn,
)
from tests.dialects.chats import PIXEL
from tests.dialects.responses import (
    CLOCK,
    WEATHER,
    called,
    parsed,
    refused,
    result,
    said,
    turns,
    user_parts,
)

HELLO: JsonObject = {"role": "user", "content": "Hello"}
PICTURE = f"data:image/png;base64,{PIXEL}"


def test_a_text_is_a_message_of_the_users() -> None:
    assert parsed(input="Hello").request.turns == (UserTurn((Text("Hello"),)),)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "Hello"},
        {"type": "message", "role": "user", "content": "Hello"},
        {"type": None, "role": "user", "content": "Hello"},
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"id": "msg_1", "status": "completed", "role": "user", "content": "Hello"},
    ],
)
def test_a_message_may_be_written_in_many_ways(message: JsonObject) -> None:
    assert turns(message) == (UserTurn((Text("Hello"),)),)


def test_roles_texts_and_order_are_kept() -> None:
    assert turns(
        HELLO,
        said("assistant", {"type": "output_text", "text": "Yes?", "annotations": []}),
        said("user", {"type": "input_text", "text": "One"}, {"type": "input_text", "text": "Two"}),
        {"role": "user", "content": "Three"},
    ) == (
        UserTurn((Text("Hello"),)),
        AssistantTurn((Text("Yes?"),)),
        UserTurn((Text("One"), Text("Two"), Text("Three"))),
    )


def test_a_refusal_comes_back_as_what_was_said() -> None:
    refusal = {"type": "refusal", "refusal": "No."}
    assert turns(HELLO, said("assistant", refusal), HELLO)[1] == AssistantTurn((Text("No."),))


def test_images_and_files_are_native() -> None:
    message = said(
        "user",
        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,aGk="},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    )
    assert user_parts(turns(message)) == (
        Image("image/png", PIXEL),
        Image(url="https://example.com/a.png"),
        Document("text/plain", "hi", title="a.txt"),
        Document(url="https://example.com/a.pdf"),
    )


def test_system_and_developer_messages_join_the_instructions() -> None:
    call = parsed(
        {"role": "developer", "content": "Two"},
        HELLO,
        said(
            "system", {"type": "input_text", "text": "Three"}, {"type": "input_text", "text": " "}
        ),
        instructions="One",
    )
    assert call.request.system == "One\n\nTwo\n\nThree"
    assert call.request.turns == (UserTurn((Text("Hello"),)),)


@pytest.mark.parametrize("instructions", [None, "", " "])
def test_without_instructions_the_messages_alone_make_the_system_prompt(
    instructions: str | None,
) -> None:
    call = parsed({"role": "system", "content": "Two"}, HELLO, instructions=instructions)
    assert call.request.system == "Two"


def test_calls_and_results_are_native_and_matched_by_id() -> None:
    found = turns(
        HELLO,
        said("assistant", {"type": "output_text", "text": "Looking."}),
        called("a"),
        called("b", "clock", ""),
        result("b", "noon"),
        result(
            "a",
            [{"type": "input_text", "text": "sun"}, {"type": "input_image", "image_url": PICTURE}],
        ),
    )
    assert found == (
        UserTurn((Text("Hello"),)),
        AssistantTurn(
            (
                Text("Looking."),
                ToolCall("a", "weather", {"city": "Bern"}),
                ToolCall("b", "clock", {}),
            )
        ),
        UserTurn(
            (
                ToolResult("b", (Text("noon"),)),
                ToolResult("a", (Text("sun"), Image("image/png", PIXEL))),
            )
        ),
    )


def test_each_step_of_a_tool_loop_is_a_turn() -> None:
    found = turns(HELLO, called("a"), result("a"), called("b"), result("b", ""))

    assert [type(turn) for turn in found] == [UserTurn, AssistantTurn] * 2 + [UserTurn]
    assert found[-1] == UserTurn((ToolResult("b", ()),))


def test_an_id_that_is_used_again_is_another_call() -> None:
    found = turns(HELLO, called("a"), result("a"), called("a"), result("a"))

    ids = [part.id for turn in found for part in turn.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert user_parts(found) == (ToolResult(ids[1], (Text("sunny"),)),)


def test_results_go_before_words_that_were_said_meanwhile() -> None:
    found = turns(HELLO, called("a"), {"role": "user", "content": "Hurry!"}, result("a"))

    assert user_parts(found) == (ToolResult("a", (Text("sunny"),)), Text("Hurry!"))


def test_reasoning_is_accepted_and_not_sent() -> None:
    reasoning: JsonObject = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": None,
        "encrypted_content": "x",
    }
    assert turns(HELLO, reasoning, called("a"), reasoning, result("a")) == turns(
        HELLO, called("a"), result("a")
    )


def test_an_input_that_ends_with_an_answer_asks_for_more() -> None:
    found = turns(HELLO, {"role": "assistant", "content": "Once upon"})
    assert found[1:] == (AssistantTurn((Text("Once upon"),)), UserTurn(()))


def test_an_answer_of_nothing_is_left_out() -> None:
    assert turns(HELLO, said("assistant"), {"role": "assistant", "content": " "}, HELLO) == (
        UserTurn((Text("Hello"), Text("Hello"))),
    )


def test_a_call_that_was_cut_off_is_left_out() -> None:
    cut = {**called("a", arguments='{"ci'), "status": "incomplete"}
    assert turns(HELLO, cut, HELLO) == (UserTurn((Text("Hello"), Text("Hello"))),)


def test_tools_that_come_with_the_input_are_offered() -> None:
    added = {"type": "additional_tools", "role": "developer", "tools": [CLOCK, {"type": "shell"}]}
    call = parsed(added, HELLO, added, tools=[WEATHER])

    assert [tool.name for tool in call.request.tools] == ["weather", "clock"]
    assert [notice.subject for notice in call.notices] == ["tools of type shell"]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        (["Hello"], "input[0]"),
        ([{"content": "Hello"}], "input[0].role"),
        ([{"role": "tool", "content": "Hello"}], "input[0].role"),
        ([{"role": "user", "content": 1}], "input[0].content"),
        ([{"role": "user", "content": [{"type": "video"}]}], "input[0].content[0].type"),
        (
            [said("user", {"type": "input_image", "file_id": "file_1"})],
            "input[0].content[0].file_id",
        ),
        (
            [said("user", {"type": "input_file", "file_id": "file_1"})],
            "input[0].content[0].file_id",
        ),
        ([said("user", {"type": "input_image"})], "input[0].content[0].image_url"),
        ([said("system", {"type": "input_image"})], "input[0].content[0].type"),
        ([HELLO, {"type": "web_search_call", "id": "ws_1"}], "input[1].type"),
        ([HELLO, {"type": 7}], "input[1].type"),
        ([HELLO, {"type": "function_call", "call_id": "a"}], "input[1].name"),
        ([HELLO, {"type": "function_call", "name": "f"}], "input[1].call_id"),
        ([HELLO, called("a", "no spaces please")], "input[1].name"),
        ([HELLO, {"type": "custom_tool_call_output", "output": "x"}], "input[1].call_id"),
        (
            [HELLO, {"type": "custom_tool_call", "call_id": "a", "name": "f", "input": 1}],
            "input[1].input",
        ),
        ([HELLO, {**called("a"), "namespace": 1}], "input[1].namespace"),
        (
            [HELLO, {"type": "tool_search_call", "call_id": "a", "arguments": "x"}],
            "input[1].arguments",
        ),
        ([HELLO, {"type": "tool_search_output", "call_id": "a"}], "input[1].tools"),
        ([HELLO, called("a"), result("a", 1)], "input[2].output"),
        ([{"type": "additional_tools"}, HELLO], "input[0].tools"),
        ([{"type": "additional_tools", "tools": [{}]}, HELLO], "input[0].tools[0].type"),
    ],
)
def test_a_bad_item_is_named(items: list[Any], param: str) -> None:
    error = refused(*items)
    assert error.param == param
    assert param in error.message


@pytest.mark.parametrize(
    ("items", "param", "id_"),
    [
        ([HELLO, called("lost")], "input[1]", "lost"),
        ([HELLO, called("a"), called("lost"), result("a")], "input[2]", "lost"),
        ([HELLO, called("lost"), HELLO, called("b"), result("b")], "input[1]", "lost"),
        ([HELLO, called("lost"), HELLO, said("assistant", {"type": "output_text", "text": "x"})],
         "input[1]", "lost"),
        ([HELLO, called("lost"), HELLO, said("assistant", {"type": "output_text", "text": "x"}),
          result("lost")], "input[1]", "lost"),
        ([HELLO, result("orphan")], "input[1].call_id", "orphan"),
        ([HELLO, called("a"), result("a"), result("a")], "input[3].call_id", "a"),
        ([HELLO, called("a"), called("a"), result("a")], "input[2]", "a"),
    ],
)  # fmt: skip
def test_a_call_and_its_result_must_meet(items: list[Any], param: str, id_: str) -> None:
    error = refused(*items)
    assert error.param == param
    assert repr(id_) in error.message
