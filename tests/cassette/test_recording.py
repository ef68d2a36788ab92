"""What a recording bridge asks, what it writes, and what it never does."""

import json
import threading
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest

from claude_run.bridge import BridgeError
from claude_run.cassette.inspection import prune
from claude_run.rehearsal.answers import Hold, Refuse, Reply, TextBlock, say
from claude_run.turn import JsonObject
from tests.cassette.tapes import (
    ask,
    client_of,
    everything,
    files,
    recording,
    replaying,
    score,
)
from tests.scripted import ScriptedUpstream, in_order
from tests.server.chats import PICTURE, PNG
from tests.wrapped import sealed

KEY = "sk-ant-" + "api03-" + "Ab1" * 12


def test_only_what_is_new_is_asked_and_nothing_is_written_twice(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    cassette = tmp_path / "cassette"
    with recording(cassette, environment) as bridge, client_of(bridge) as client:
        first = ask(client, "old question")
    before = everything(cassette)
    upstream.answer = say("Something else")
    with recording(cassette, environment) as bridge, client_of(bridge) as client:
        assert ask(client, "old question") == first
        assert ask(client, "new question") == "Something else"
    assert len(upstream.requests) == 2
    told = score(bridge)
    assert (told["replayed"], told["recorded"], told["unused"]) == (1, 1, [])
    [old] = [name for name in files(cassette) if name.startswith("old")]
    assert (cassette / old).read_text() in before
    assert prune(cassette) == []  # both were used by the last run: one given, one recorded


def test_everything_is_asked_anew_and_an_equal_answer_changes_no_file(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    cassette = tmp_path / "cassette"
    with recording(cassette, environment) as bridge, client_of(bridge) as client:
        ask(client, "stays")
        ask(client, "changes")
        ask(client, "changes")
    before = {name: (cassette / name).read_text() for name in files(cassette)}
    upstream.script("changes", say("Other"))
    with recording(cassette, environment, record="all") as bridge, client_of(bridge) as client:
        ask(client, "stays")
        assert ask(client, "changes") == "Other"
    after = {name: (cassette / name).read_text() for name in files(cassette)}
    assert [name[:6] for name in before if before[name] != after[name]] == ["change"]
    [changed] = [told for name, told in files(cassette).items() if name.startswith("change")]
    [answer] = changed["answers"]
    assert answer["events"][1]["text"] == "Other"


def test_answers_stand_in_the_order_in_which_they_were_asked_for(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    released = threading.Event()
    upstream.answer = in_order(
        Reply((TextBlock(("first", Hold(released.is_set))),)), say("second"), say("third")
    )
    with (
        recording(tmp_path / "c", environment) as bridge,
        client_of(bridge) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        slow = threads.submit(ask, client, "the same")
        upstream.wait_for(1)
        assert [ask(client, "the same") for _ in range(2)] == ["second", "third"]
        released.set()
        assert slow.result() == "first"
    with replaying(tmp_path / "c", tmp_path) as bridge, client_of(bridge) as client:
        assert [ask(client, "the same") for _ in range(3)] == ["first", "second", "third"]


def test_errors_are_recorded_only_where_that_is_wanted(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.script("fails", Refuse(400, "invalid_request_error", "the model does not like it"))
    for wanted in (False, True):
        cassette = tmp_path / str(wanted)
        with (
            recording(cassette, environment, record_errors=wanted) as bridge,
            client_of(bridge) as client,
            pytest.raises(openai.APIStatusError) as asked,
        ):
            ask(client, "it fails")
        assert len(files(cassette)) == wanted
        assert score(bridge)["recorded"] == wanted
    with (
        replaying(cassette, tmp_path) as bridge,
        client_of(bridge) as client,
        pytest.raises(openai.APIStatusError) as replayed,
    ):
        ask(client, "it fails")
    assert replayed.value.status_code == asked.value.status_code
    said = [str(error.value.message).partition(" (request id")[0] for error in (asked, replayed)]
    assert said[0] == said[1]


def test_an_answer_that_the_client_abandoned_is_not_recorded(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    released = threading.Event()
    upstream.answer = Reply((TextBlock(("Be", Hold(released.is_set), "gun")),))
    with recording(tmp_path / "c", environment) as bridge, client_of(bridge) as client:
        message: Any = {"role": "user", "content": "abandoned"}
        with client.chat.completions.create(
            model="sonnet", messages=[message], stream=True
        ) as stream:
            next(iter(stream))
        upstream.wait_until(lambda: upstream.active == 0)
        released.set()
        ask(client, "an answer")
    assert [name.startswith("an-answer") for name in files(tmp_path / "c")] == [True]


def test_a_credential_never_reaches_the_disk(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    cassette = tmp_path / "c"
    upstream.script("tell me", say(f"It is {KEY}."))
    with recording(cassette, environment) as bridge, client_of(bridge) as client:
        with pytest.raises(openai.BadRequestError) as in_prompt:
            ask(client, f"My key is {KEY}, what now?")
        with pytest.raises(openai.BadRequestError) as in_result:
            _ask_with_result(client, KEY)
        ask(client, "a header", extra_headers={"X-Api-Key": KEY})
        ask(client, f"mine is {bridge.api_key}")
        assert KEY in ask(client, "tell me")
        own = bridge.api_key
    assert "turns[0].user[0].text" in str(in_prompt.value)
    assert "turns[2].user[0].content[0].text" in str(in_result.value)
    assert KEY not in str(in_prompt.value)
    assert len(upstream.requests) == 3
    assert len(files(cassette)) == 2
    assert KEY not in everything(cassette)
    assert own not in everything(cassette)
    assert "looks like a credential" in score(bridge)["problems"][0]


def test_what_is_redacted_is_on_no_disk_and_matches(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    cassette = tmp_path / "c"
    masks = {"redact": (r"sk-ant-[\w-]+",), "ignore": (r"\d{4}-\d\d-\d\d", r"/tmp/\S+")}
    upstream.script("My key", say("Sure, ", KEY))
    with recording(cassette, environment, **masks) as bridge, client_of(bridge) as client:
        assert KEY in ask(client, f"My key is {KEY}. Today is 2026-01-02, in /tmp/a1.")
    assert KEY not in everything(cassette)
    with replaying(cassette, tmp_path, **masks) as bridge, client_of(bridge) as client:
        said = ask(client, f"My key is {KEY}9. Today is 2027-12-31, in /tmp/b2.")
    assert said == "Sure, [redacted]"


def test_a_cassette_has_masks_of_its_own_and_a_bad_pattern_is_named(tmp_path: Path) -> None:
    (tmp_path / "cassette.json").write_text(json.dumps({"ignore": ["(?<=a)b"]}))
    with pytest.raises(BridgeError, match="RE2 has no lookaround"), replaying(tmp_path, tmp_path):
        pass


def test_a_rehearsed_recording_is_marked_and_not_replayed_for_a_real_one(tmp_path: Path) -> None:
    cassette = tmp_path / "c"
    with (
        recording(cassette, sealed(tmp_path), rehearse=True) as bridge,
        client_of(bridge) as client,
    ):
        rehearsed = ask(client, "rehearsed")
    [told] = files(cassette).values()
    assert told["answers"][0]["rehearsed"] is True
    with replaying(cassette, tmp_path, rehearse=True) as bridge, client_of(bridge) as client:
        assert ask(client, "rehearsed") == rehearsed
    with (
        replaying(cassette, tmp_path) as bridge,
        client_of(bridge) as client,
        pytest.raises(openai.APIStatusError, match="only recorded in a rehearsal"),
    ):
        ask(client, "rehearsed")


@pytest.mark.usefixtures("upstream")
def test_a_picture_stands_beside_once_as_a_picture(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with recording(tmp_path / "c", environment) as bridge, client_of(bridge) as client:
        for text in ("one", "two"):
            content: Any = [{"type": "text", "text": text}, PICTURE]
            message: Any = {"role": "user", "content": content}
            client.chat.completions.create(model="sonnet", messages=[message])
    [picture] = (tmp_path / "c" / "shared").iterdir()
    assert picture.suffix == ".png"
    assert picture.read_bytes() == b64decode(PNG)


def _ask_with_result(client: openai.OpenAI, text: str) -> None:
    call: JsonObject = {
        "id": "c1",
        "type": "function",
        "function": {"name": "read", "arguments": "{}"},
    }
    messages: Any = [
        {"role": "user", "content": "read it"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": f"token={text}"},
    ]
    client.chat.completions.create(model="sonnet", messages=messages)
