"""instructor: validated objects, asked for again where they do not fit."""

import instructor
import pytest
from instructor import Mode
from openai import OpenAI
from pydantic import BaseModel, field_validator

from claude_run.rehearsal.answers import Reply
from claude_run.turn import JsonObject
from tests.clients.upstream import call, is_structured, matched, offered, structure, told
from tests.scripted import ScriptedUpstream, in_order


class Person(BaseModel):
    name: str
    age: int

    @field_validator("age")
    @classmethod
    def plausible(cls, age: int) -> int:
        if age > 150:
            raise ValueError("nobody is so old")
        return age


ADA = {"name": "Ada", "age": 36}
TOO_OLD = {"name": "Ada", "age": 3600}

AS_TOOL = (Mode.TOOLS, Mode.RESPONSES_TOOLS)
AS_JSON = (Mode.JSON_SCHEMA, Mode.JSON)
in_every_mode = pytest.mark.parametrize("mode", [*AS_TOOL, *AS_JSON])


def given(mode: Mode, value: JsonObject) -> Reply:
    return structure(value) if mode in AS_JSON else call("Person", **value)


def ask(mode: Mode) -> JsonObject:
    client = instructor.from_openai(OpenAI(max_retries=0), mode=mode)
    person = client.create(
        model="gpt-4.1",
        response_model=Person,
        messages=[{"role": "user", "content": "Who?"}],
        max_retries=2,
    )
    assert isinstance(person, Person)
    return person.model_dump()


@in_every_mode
def test_an_object(upstream: ScriptedUpstream, mode: Mode) -> None:
    upstream.answer = given(mode, ADA)
    assert ask(mode) == ADA
    (request,) = upstream.requests
    assert is_structured(request) or "Person" in offered(request)


@in_every_mode
def test_an_object_that_does_not_fit_is_asked_for_again(
    upstream: ScriptedUpstream, mode: Mode
) -> None:
    upstream.answer = in_order(given(mode, TOO_OLD), given(mode, ADA))
    assert ask(mode) == ADA
    _, again = upstream.requests
    role, text = told(again)[-1]
    assert role == "user"
    assert "nobody is so old" in text
    assert matched(again)


def test_objects_as_they_come(upstream: ScriptedUpstream) -> None:
    upstream.answer = call("Person", **ADA)
    client = instructor.from_openai(OpenAI(max_retries=0), mode=Mode.TOOLS)
    pieces = list(
        client.create_partial(
            model="gpt-4.1",
            response_model=Person,
            messages=[{"role": "user", "content": "Who?"}],
        )
    )
    assert (pieces[-1].name, pieces[-1].age) == ("Ada", 36)
