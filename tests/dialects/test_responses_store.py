"""Responses that are kept, gone on from, listed and let go."""

from typing import Any

import pytest
from openai.types.responses import ResponseItem, ResponseItemList
from pydantic import TypeAdapter

from claude_run.dialects.responses import (
    ResponseCall,
    ResponseStore,
    StoredResponse,
    page,
    parse_response,
    previous_id,
)
from claude_run.turn import (
    AssistantTurn,
    Failure,
    StopReason,
    Text,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    ToolResult,
    TurnError,
    TurnEvent,
    UserTurn,
)
from tests.dialects.chats import refusal
from tests.dialects.responses import answered, body, called, calls, parsed, result, said, text

HELLO = {"role": "user", "content": "Hello"}


def going_on(store: ResponseStore, *items: Any, **fields: Any) -> ResponseCall:
    """A request as the server reads it."""
    asked = body(*items, **fields)
    id_ = previous_id(asked)
    return parse_response(
        asked, strict=False, previous=store.find(id_) if id_ else None, kept_item=store.item
    )


def holding(*responses: StoredResponse) -> ResponseStore:
    store = ResponseStore()
    for response in responses:
        store.keep(response)
    return store


# --- going on -------------------------------------------------------------------------


def test_a_conversation_goes_on_from_a_response() -> None:
    store = holding(answered(parsed(HELLO), "resp_1", *text("Hi", "!")))
    second = going_on(store, input="How are you?", previous_response_id="resp_1")
    assert second.request.turns == (
        UserTurn((Text("Hello"),)),
        AssistantTurn((Text("Hi!"),)),
        UserTurn((Text("How are you?"),)),
    )

    store.keep(answered(second, "resp_2", *text("Well.")))
    third = going_on(store, input="Good.", previous_response_id="resp_2")
    assert third.request.turns[:3] == second.request.turns
    assert third.request.turns[3:] == (AssistantTurn((Text("Well."),)), UserTurn((Text("Good."),)))


def test_two_conversations_may_go_on_from_one_response() -> None:
    store = holding(answered(parsed(HELLO), "resp_1", *text("Hi")))
    store.keep(answered(going_on(store, input="A", previous_response_id="resp_1"), "resp_2"))

    other = going_on(store, input="B", previous_response_id="resp_1")
    assert other.request.turns[-1] == UserTurn((Text("B"),))
    assert len(other.request.turns) == 3


def test_calls_are_answered_in_the_next_request() -> None:
    made = calls(("toolu_1", "weather", '{"city": "Bern"}'), ("toolu_2", "clock", "{}"))
    store = holding(answered(parsed(HELLO), "resp_1", *made, stop=StopReason.TOOL_CALLS))

    found = going_on(
        store, result("toolu_2", "noon"), result("toolu_1"), previous_response_id="resp_1"
    )
    assert found.request.turns[1:] == (
        AssistantTurn(
            (ToolCall("toolu_1", "weather", {"city": "Bern"}), ToolCall("toolu_2", "clock", {}))
        ),
        UserTurn((ToolResult("toolu_2", (Text("noon"),)), ToolResult("toolu_1", (Text("sunny"),)))),
    )


def test_a_call_of_the_response_before_must_be_answered() -> None:
    made = calls(("toolu_1", "weather", "{}"))
    store = holding(answered(parsed(HELLO), "resp_1", *made, stop=StopReason.TOOL_CALLS))

    error = refusal(lambda: going_on(store, input="Well?", previous_response_id="resp_1"))
    assert "'toolu_1'" in error.message
    assert error.param == "previous_response_id"


def test_an_answer_that_was_cut_off_can_be_gone_on_from() -> None:
    cut: list[TurnEvent] = [ToolCallStarted(0, "toolu_1", "weather"), ToolCallDelta(0, '{"ci')]
    store = holding(answered(parsed(HELLO), "resp_1", *text("Wait"), *cut, stop=StopReason.LENGTH))
    found = going_on(store, input="Go on", previous_response_id="resp_1")
    assert found.request.turns[1] == AssistantTurn((Text("Wait"),))


def test_instructions_are_not_carried_over_but_system_messages_are() -> None:
    system = {"role": "system", "content": "Be kind."}
    first = parsed(system, HELLO, instructions="Be brief.")
    store = holding(answered(first, "resp_1", *text("Hi")))

    second = going_on(store, input="Go on", previous_response_id="resp_1", instructions="Be long.")
    assert second.request.system == "Be long.\n\nBe kind."


def test_going_on_without_input_asks_for_more() -> None:
    store = holding(answered(parsed(HELLO), "resp_1", *text("Hi")))

    found = going_on(store, input=[], previous_response_id="resp_1")
    assert found.request.turns[-1] == UserTurn(())


def test_items_are_referred_to_by_their_ids() -> None:
    made = calls(("toolu_1", "weather", "{}"))
    kept = answered(parsed(HELLO), "resp_1", *text("Looking."), *made, stop=StopReason.TOOL_CALLS)
    store = holding(kept)
    ids = [item["id"] for item in (*kept.input_items, *kept.response["output"])]
    references = [{"type": "item_reference", "id": id_} for id_ in ids[:2]]

    found = going_on(store, *references, {"id": ids[2]}, result("toolu_1"))
    assert found.request.turns == (
        UserTurn((Text("Hello"),)),
        AssistantTurn((Text("Looking."), ToolCall("toolu_1", "weather", {}))),
        UserTurn((ToolResult("toolu_1", (Text("sunny"),)),)),
    )


# --- listing --------------------------------------------------------------------------


def test_input_items_are_listed_in_full_each_with_its_own_id() -> None:
    first = answered(
        parsed(
            HELLO,
            said("developer", {"type": "input_text", "text": "Be kind."}, id="msg_mine"),
            {"role": "assistant", "content": "Yes?"},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            called("a", arguments=""),
            result("a", [{"type": "input_image", "image_url": "https://example.com/a.png"}]),
        ),
        "resp_1",
        *text("Hi"),
    )
    items = first.input_items

    assert len({item["id"] for item in items}) == 6
    assert items[1]["id"] == "msg_mine"
    assert items[0]["content"] == [{"type": "input_text", "text": "Hello"}]
    assert items[4]["arguments"] == "{}"
    for item in items:
        assert TypeAdapter[Any](ResponseItem).validate_python(item).type == item["type"]


def test_a_response_lists_what_its_own_request_brought() -> None:
    store = holding(answered(parsed(HELLO), "resp_1", *text("Hi")))
    second = answered(going_on(store, input="Two", previous_response_id="resp_1"), "resp_2")

    assert [item["content"][0]["text"] for item in second.input_items] == ["Two"]


def test_a_page_begins_with_the_latest_and_knows_whether_there_is_more() -> None:
    items = [{"id": f"msg_{n}"} for n in range(5)]

    first = page(items, limit=2)
    assert [item["id"] for item in first["data"]] == ["msg_4", "msg_3"]
    assert (first["first_id"], first["last_id"], first["has_more"]) == ("msg_4", "msg_3", True)
    rest = page(items, after="msg_3", limit=3)
    assert [item["id"] for item in rest["data"]] == ["msg_2", "msg_1", "msg_0"]
    assert rest["has_more"] is False
    assert page(items, order="asc")["data"] == items


def test_a_page_of_nothing_is_a_page() -> None:
    ResponseItemList.model_validate(page([]))


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"order": "up"}, "order"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"after": "msg_9"}, "after"),
    ],
)
def test_a_bad_query_is_named(query: dict[str, Any], param: str) -> None:
    assert refusal(lambda: page([{"id": "msg_1"}], **query)).param == param


# --- keeping and letting go -----------------------------------------------------------


def missing(store: ResponseStore, id_: str) -> TurnError:
    with pytest.raises(TurnError) as raised:
        store.get(id_)
    return raised.value


def test_a_response_is_found_until_it_is_deleted() -> None:
    kept = answered(parsed(HELLO), "resp_1", *text("Hi"))
    store = holding(kept)
    assert store.get("resp_1") is kept

    assert store.delete("resp_1") == {"id": "resp_1", "object": "response", "deleted": True}
    assert missing(store, "resp_1").failure is Failure.NOT_FOUND
    assert store.find("resp_1") is None
    assert store.item("msg_1_0") is None
    with pytest.raises(TurnError):
        store.delete("resp_1")


def test_the_one_that_was_used_longest_ago_goes_first() -> None:
    store = ResponseStore(most_responses=2)
    for id_ in ("resp_1", "resp_2"):
        store.keep(answered(parsed(HELLO), id_))
    store.get("resp_1")
    store.keep(answered(parsed(HELLO), "resp_3"))

    assert [bool(store.find(f"resp_{n}")) for n in (1, 2, 3)] == [True, False, True]


def test_large_responses_make_room_for_each_other() -> None:
    sizes = [answered(parsed(input="x" * 1000), f"resp_{n}").size for n in range(3)]
    assert all(1000 < size < 4000 for size in sizes)
    store = ResponseStore(most_characters=sum(sizes) - 1)
    for n in range(3):
        store.keep(answered(parsed(input="x" * 1000), f"resp_{n}"))

    assert [bool(store.find(f"resp_{n}")) for n in range(3)] == [False, True, True]


def test_one_that_is_too_large_by_itself_is_not_kept() -> None:
    store = ResponseStore(most_characters=1000)
    store.keep(answered(parsed(input="x" * 1000), "resp_1"))

    assert store.find("resp_1") is None


def test_an_item_outlives_the_first_response_that_had_it() -> None:
    store = holding(answered(parsed(HELLO), "resp_1", *text("Hi")))
    again = going_on(store, HELLO, {"type": "item_reference", "id": "msg_1_0"}, HELLO)
    store.keep(answered(again, "resp_2"))
    store.delete("resp_1")

    assert store.item("msg_1_0") == {**again.input_items[1]}
