"""What was recorded is replayed, field by field, whatever was asked and however it is asked."""

import json
import shlex
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest

from claude_run.bridge import Bridge
from claude_run.cassette.mode import recording_command, settled
from claude_run.rehearsal.answers import Answer, Reply, TextBlock, Thinking, say
from claude_run.settings import Settings
from claude_run.turn import JsonObject
from tests.cassette.tapes import ask, client_of, files, recording, replaying, score
from tests.scripted import ScriptedUpstream, turns
from tests.server.chats import PICTURE, TOOLS, assistant, output, result, system, use, user
from tests.server.sockets import connected, response

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
OF_ITS_OWN = frozenset({"id", "created", "tool_call_id"})


class Model:
    """An upstream that answers by what it is asked, and never the same twice."""

    def __init__(self) -> None:
        self._asked = 0
        self._lock = threading.Lock()

    def __call__(self, request: JsonObject) -> Answer:
        with self._lock:
            self._asked += 1
        said = json.dumps(turns(request))
        if "walk through" in said:
            return self._step(said.count('"tool_result"'))
        if "two at once" in said:
            return Reply((TextBlock(("Both.",)), use("weather", city="A"), use("a_b", city="B")))
        if "as JSON" in said:
            return Reply((output(city="Bern"),))
        if "a refusal" in said:
            return Reply((TextBlock(("I would rather not.",)),), stop_reason="refusal")
        if "too long" in said:
            return Reply((TextBlock(("And so ", "on and")),), stop_reason="max_tokens")
        return Reply((Thinking("Well."), TextBlock((f"Answer {self._asked}, ", "in pieces."))))

    def _step(self, results: int) -> Reply:
        if results == 5:
            return say("Five steps.")
        return Reply((use("weather", city=f"city {results}"),))


def plain(value: Any) -> Any:
    """`value` without ids and times."""
    match value:
        case dict():
            return {k: plain(v) for k, v in value.items() if k not in OF_ITS_OWN}
        case list():
            return [plain(v) for v in value]
        case _:
            return value


def chat(client: openai.OpenAI, messages: list[Any], **fields: Any) -> JsonObject:
    model = fields.pop("model", "sonnet")
    answer = client.chat.completions.create(model=model, messages=messages, **fields)
    told: JsonObject = answer.model_dump()
    return told


def walk(client: openai.OpenAI) -> Iterator[JsonObject]:
    """A loop of five steps, as an agent makes it."""
    messages: list[Any] = [user("walk through five cities")]
    for step in range(6):
        answer = chat(client, messages, tools=TOOLS)
        yield answer
        message = answer["choices"][0]["message"]
        for call in message["tool_calls"] or ():
            function = call["function"]
            messages += [
                assistant(None, (call["id"], function["name"], function["arguments"])),
                result(call["id"], f"{step} degrees"),
            ]


def conversation(client: openai.OpenAI) -> list[JsonObject]:
    """Something of everything; what the client gets, in order."""
    schema = {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA, "strict": True}}
    again = [chat(client, [user("again and again")], temperature=1) for _ in range(3)]
    return [
        *walk(client),
        chat(client, [user("two at once")], tools=TOOLS),
        chat(client, [user("a city as JSON")], response_format=schema),
        chat(client, [user([{"type": "text", "text": "What is this?"}, PICTURE])]),
        chat(client, [system("Be brief. " * 60), user("three of them")], n=3),
        chat(client, [user("a refusal")]),
        chat(client, [user("too long")], max_tokens=4),
        chat(client, [user("thinking aloud")], reasoning_effort="low"),
        *again,
    ]


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory,
    environment: dict[str, str],
    shared_upstream: ScriptedUpstream,
) -> tuple[Path, list[JsonObject], Mapping[str, Any]]:
    """A cassette with the conversation, what the client got then, and the run's score."""
    cassette = tmp_path_factory.mktemp("recorded") / "cassette"
    shared_upstream.answer = Model()
    with recording(cassette, environment) as bridge, client_of(bridge) as client:
        answers = conversation(client)
        answers.append({"content": ask(client, "What is the capital of France?", model="gpt-5")})
    return cassette, answers, score(bridge)


@pytest.fixture(scope="module")
def replayed(
    recorded: tuple[Path, list[JsonObject], Mapping[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    """A bridge that gives the last answer again: each test asks as if it were the only one."""
    with replaying(recorded[0], tmp_path_factory.mktemp("replayed"), repeat=True) as bridge:
        yield bridge


def test_everything_is_replayed_as_it_was_but_for_ids_and_times(
    recorded: tuple[Path, list[JsonObject], Mapping[str, Any]], tmp_path: Path
) -> None:
    cassette, answers, recording_score = recorded
    for _ in range(2):  # a second time as the first
        with replaying(cassette, tmp_path) as bridge, client_of(bridge) as client:
            again = conversation(client)
        assert plain(again) == plain(answers[:-1])
        told = score(bridge)
        assert (told["replayed"], told["missed"], told["recorded"]) == (len(answers) + 1, 0, 0)
        assert told["unused"] == ["what-is-the-capital-of-france-" + _hash(cassette)]
        assert told["saved_tokens"] > 0
        assert bridge.last_report is not None
        assert bridge.report()["paid_by"] == "replay"
    assert (recording_score["recorded"], recording_score["replayed"]) == (len(answers) + 2, 0)
    ids = [call["id"] for answer in again for call in _calls(answer)]
    assert len(ids) == len(set(ids)) == 7
    assert len({json.dumps(choice) for choice in plain(again[9]["choices"])}) == 3


def _calls(answer: JsonObject) -> list[JsonObject]:
    return answer["choices"][0]["message"]["tool_calls"] or []


def _hash(cassette: Path) -> str:
    [name] = [name for name in files(cassette) if name.startswith("what-is-the-capital")]
    return name.removeprefix("what-is-the-capital-of-france-")


def test_what_was_asked_in_one_dialect_is_replayed_in_any(
    recorded: tuple[Path, list[JsonObject], Mapping[str, Any]], replayed: Bridge
) -> None:
    question, expected = "What is the capital of France?", recorded[1][-1]["content"]
    with client_of(replayed) as client:
        assert ask(client, question) == expected
        assert ask(client, question, model="gpt-4.1-mini", user="somebody") == expected
        chunks = client.chat.completions.create(
            model="sonnet", messages=[{"role": "user", "content": question}], stream=True
        )
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == expected
        with client.responses.stream(model="sonnet", input=question) as stream:
            texts = [e.delta for e in stream if e.type == "response.output_text.delta"]
            assert stream.get_final_response().output_text == expected
        assert "".join(texts) == expected
        assert len(texts) == 2
        completion = client.completions.create(model="sonnet", prompt=question)
        assert completion.choices[0].text == expected
    with connected(replayed) as connection:
        (item,) = response(connection, input=question)["output"]
    assert item["content"][0]["text"] == expected


def test_a_miss_says_what_differs_and_how_it_is_recorded(
    recorded: tuple[Path, list[JsonObject], Mapping[str, Any]], replayed: Bridge
) -> None:
    with client_of(replayed) as client, pytest.raises(openai.APIStatusError) as caught:
        ask(client, "What is the capital of Spain?", temperature=0.5)
    error = caught.value
    assert (error.status_code, error.code) == (409, "cassette_miss")
    assert error.response.headers["x-should-retry"] == "false"
    told = str(error.message)
    assert "turn 1 (user), text: …the capital of [-France-]{+Spain+}?" in told
    assert "sampling.temperature: (nothing) → 0.5" in told
    assert f"claude-run --cassette {recorded[0]} --record new -- COMMAND" in told


def test_a_loop_with_a_step_changed_misses_at_that_turn(replayed: Bridge) -> None:
    with client_of(replayed) as client:
        answer = chat(client, [user("walk through five cities")], tools=TOOLS)
        [call] = _calls(answer)
        made = (call["id"], call["function"]["name"], call["function"]["arguments"])
        changed = [
            user("walk through five cities"),
            assistant(None, made),
            result(call["id"], "0 degrees Kelvin"),
        ]
        with pytest.raises(openai.APIStatusError) as caught:
            chat(client, changed, tools=TOOLS)
    assert "turn 3 (user), content[0].text: 0 degrees{+ Kelvin+}" in str(caught.value.message)


def test_more_answers_than_were_recorded_are_a_miss(
    recorded: tuple[Path, list[JsonObject], Mapping[str, Any]], tmp_path: Path
) -> None:
    with replaying(recorded[0], tmp_path) as bridge, client_of(bridge) as client:
        ask(client, "What is the capital of France?")
        for _ in range(5):
            with pytest.raises(openai.APIStatusError) as caught:
                ask(client, "What is the capital of France?")
    assert "was recorded once, and asked for the 6th time" in str(caught.value.message)
    told = score(bridge)
    assert (told["missed"], len(told["misses"])) == (5, 3)


def test_the_recorded_pace_is_kept_where_it_is_wanted(
    recorded: tuple[Path, list[JsonObject], Mapping[str, Any]], tmp_path: Path
) -> None:
    cassette = tmp_path / "slow"
    cassette.mkdir()
    [name] = [name for name in files(recorded[0]) if name.startswith("what-is-the-capital")]
    told = files(recorded[0])[name]
    told["answers"][0]["events"][0]["after"] = 600
    (cassette / name).write_text(json.dumps(told))
    seconds = {}
    for speed in (1.0, 4.0, None):
        with (
            replaying(cassette, tmp_path, replay_speed=speed) as bridge,
            client_of(bridge) as client,
        ):
            ask(client, "What is the capital of France?")
        assert bridge.last_report is not None
        seconds[speed] = bridge.report()["claude_seconds"]
    assert seconds[1.0] >= 0.6
    assert seconds[1.0] > seconds[4.0] >= 0.15
    assert seconds[4.0] > seconds[None]


@pytest.mark.parametrize(
    ("typed", "command", "again"),
    [
        ("--cassette c --", "pytest -x", "--record new --cassette c -- pytest -x"),
        ("--record none -q", "pytest", "--record new -q -- pytest"),
        ("--record=all -mopus --", "sh -c 'a b'", "--record new -mopus -- sh -c 'a b'"),
        ("", "python -c " + "x" * 300, "--record new -- COMMAND"),
    ],
)
def test_the_command_that_records_is_what_was_typed(typed: str, command: str, again: str) -> None:
    assert recording_command(typed.split(), shlex.split(command)) == f"claude-run {again}"


def test_a_cassette_below_the_working_directory_is_named_as_seen_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in ("a/c", str(tmp_path / "a" / "c")):
        told = settled(Settings(cassette=given), {}).recorded_by
        assert told == "claude-run --cassette a/c --record new -- COMMAND"
