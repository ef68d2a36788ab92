"""Whatever is asked and answered: what matches, and what is read back."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from claude_run.cassette.answers import Recorded, from_json, to_json
from claude_run.cassette.document import asked
from claude_run.cassette.files import Files, Recording, key_of
from claude_run.cassette.masks import masked, masks
from claude_run.cassette.nearest import differences
from claude_run.turn import (
    AssistantTurn,
    Image,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    TurnRequest,
    UserTurn,
)
from tests.cassette.requests import answers, requests

NO_MASKS = masks()

# How long an example takes says nothing, where eight things run at once.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def key(request: TurnRequest) -> str:
    return key_of(masked(asked(request, request.model).document, NO_MASKS))


def spoken(turn: Turn) -> list[Any]:
    """What a client can be relied on to send back: of an answer its text and its calls."""
    if isinstance(turn, UserTurn):
        return [*turn.parts]
    text = "".join(part.text for part in turn.parts if isinstance(part, Text))
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    return [*([Text(text)] if text else []), *calls]


def said(request: TurnRequest) -> TurnRequest:
    """`request` with everything taken away that says nothing: the names of its calls, a choice
    among no tools, and what the model had thought."""
    numbers: dict[str, str] = {}

    def number(id_: str) -> str:
        return numbers.setdefault(id_, str(len(numbers)))

    def part(part: Any) -> Any:
        match part:
            case ToolCall(id_):
                return replace(part, id=number(id_))
            case ToolResult(id_):
                return replace(part, call_id=number(id_))
            case _:
                return part

    turns = tuple(type(turn)(tuple(map(part, spoken(turn)))) for turn in request.turns)
    choice = request.tool_choice if request.tools else ToolChoice()
    return replace(request, turns=turns, tool_choice=choice)


def exact(value: Any) -> Any:
    """`value` told apart where Python does not: True from 1."""
    match value:
        case dict():
            return {name: exact(inner) for name, inner in value.items()}
        case list():
            return [exact(inner) for inner in value]
        case bool():
            return ("bool", value)
        case _:
            return value


def same(one: TurnRequest, other: TurnRequest) -> bool:
    def known(request: TurnRequest) -> Any:
        arguments = [
            exact(part.arguments)
            for turn in request.turns
            for part in turn.parts
            if isinstance(part, ToolCall)
        ]
        schemas = [exact(tool.schema) for tool in request.tools]
        return said(request), arguments, schemas, exact(request.output_schema)

    return bool(known(one) == known(other))


@unhurried
@given(requests, requests)
def test_two_requests_match_exactly_if_they_say_the_same(
    one: TurnRequest, other: TurnRequest
) -> None:
    assert (key(one) == key(other)) == same(one, other)


@unhurried
@given(requests, st.data())
def test_one_field_more_or_less_is_another_request(one: TurnRequest, data: st.DataObject) -> None:
    other = data.draw(requests)
    field = data.draw(st.sampled_from([f for f in TurnRequest.__slots__ if f != "model"]))
    mixed = replace(one, **{field: getattr(other, field)})
    assert (key(one) == key(mixed)) == same(one, mixed)


@unhurried
@given(requests)
def test_other_call_ids_are_the_same_request(request: TurnRequest) -> None:
    def renamed(part: Any) -> Any:
        match part:
            case ToolCall(id_):
                return replace(part, id=f"toolu_{id_}")
            case ToolResult(id_):
                return replace(part, call_id=f"toolu_{id_}")
            case _:
                return part

    turns = tuple(type(turn)(tuple(map(renamed, turn.parts))) for turn in request.turns)
    assert key(request) == key(replace(request, turns=turns))


@unhurried
@given(answers)
def test_an_answer_read_back_is_what_was_written(answer: Recorded) -> None:
    again = from_json(to_json(answer))
    assert to_json(again) == to_json(answer)
    assert again.events == answer.events


@settings(unhurried, max_examples=60)
@given(st.lists(st.tuples(requests, st.lists(answers, min_size=1, max_size=2)), max_size=3))
def test_a_recording_read_back_is_what_was_written(asked_for: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = Files(Path(directory))
        written = {}
        with files.lock():
            for request, answered in asked_for:
                what = asked(request, request.model)
                document = masked(what.document, NO_MASKS)
                recording = Recording(document, tuple(answered))
                name = files.write(recording, what.blobs)
                written[name] = recording
        for name, recording in written.items():
            again = Files(Path(directory)).read(name)
            assert key_of(again.document) == key_of(recording.document)
            assert again.document == recording.document
            assert [*map(to_json, again.answers)] == [*map(to_json, recording.answers)]
            assert Files(Path(directory)).references(name) <= {
                path.name for path in (Path(directory) / "shared").glob("*")
            }


@unhurried
@given(requests, st.data())
def test_one_character_of_content_changed_is_another_request_and_its_turn_is_named(
    request: TurnRequest, data: st.DataObject
) -> None:
    places = [
        (number, index)
        for number, turn in enumerate(request.turns)
        for index, part in enumerate(turn.parts)
        if isinstance(part, Text) and part.text
    ]
    assume(places)
    number, index = data.draw(st.sampled_from(places))
    changed = _with_character(request, number, index, data)
    assert key(changed) != key(request)
    before, after = (masked(asked(r, r.model).document, NO_MASKS) for r in (request, changed))
    [told] = differences(before, after)
    assert told.startswith(f"turn {number + 1} ")
    assert "[-" in told or "{+" in told


def _with_character(
    request: TurnRequest, number: int, index: int, data: st.DataObject
) -> TurnRequest:
    turn = request.turns[number]
    part = turn.parts[index]
    assert isinstance(part, Text)
    at = data.draw(st.integers(0, len(part.text) - 1))
    other = data.draw(st.sampled_from([c for c in "aé 1.\n" if c != part.text[at]]))
    text = Text(part.text[:at] + other + part.text[at + 1 :])
    parts: tuple[Any, ...] = (*turn.parts[:index], text, *turn.parts[index + 1 :])
    new = UserTurn(parts) if isinstance(turn, UserTurn) else AssistantTurn(parts)
    return replace(request, turns=(*request.turns[:number], new, *request.turns[number + 1 :]))


def test_an_image_is_known_by_what_it_shows() -> None:
    def asks(image: Image) -> TurnRequest:
        return TurnRequest("m", (UserTurn((image,)),))

    one, same_, other = Image("image/png", "aGk="), Image("image/png", "aGk="), Image(url="x")
    assert key(asks(one)) == key(asks(same_)) != key(asks(other))
