"""A conversation compacted: its user's messages, and a summary that later runs can read."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import openai
import pytest
from openai.types.responses.response_compact_params import ResponseCompactParams

from claude_run.bridge import Bridge
from claude_run.dialects.responses.compaction import ASKED, COMPACT_FIELDS, TOLD, seal, unseal
from claude_run.rehearsal.answers import Refuse, Reply, TextBlock, say
from claude_run.server.compacting import FILE, SigningKey
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, system_of, turns
from tests.server.asking import ask
from tests.server.responses import WEATHER, calls_weather, response
from tests.server.sockets import connected, text_of
from tests.server.sockets import response as response_over_socket
from tests.server.tables import RESPONSES

PATH = f"{RESPONSES.path}/compact"

TALK = [
    {"role": "user", "content": "We launch on Tuesday."},
    {"role": "assistant", "content": "Noted: Tuesday."},
    {"role": "user", "content": "Tell support first."},
    {"role": "assistant", "content": "I shall."},
]


def compacted(bridge: Bridge, **fields: object) -> JsonObject:
    status, answer, _ = ask(bridge, PATH, {"model": "sonnet", **fields})
    assert status == 200, answer
    return answer


def said(request: JsonObject) -> list[list[str]]:
    return [[part.get("text", "") for part in turn["content"]] for turn in turns(request)]


def test_the_users_messages_are_kept_and_the_rest_is_a_summary(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("Launch Tuesday, ", "support first.")
    made = compacted(bridge, input=TALK, instructions="Be brief.", prompt_cache_key="x")
    assert made["object"] == "response.compaction"
    *kept, summary = made["output"]
    assert [item["content"][0]["text"] for item in kept] == [
        "We launch on Tuesday.",
        "Tell support first.",
    ]
    assert {item["role"] for item in kept} == {"user"}
    assert summary["type"] == "compaction"
    assert "Launch" not in summary["encrypted_content"]
    assert made["usage"]["output_tokens"] > 0
    (request,) = upstream.requests
    assert system_of(request) == "Be brief."
    assert said(request)[-1] == [ASKED]


@pytest.mark.parametrize("over_socket", [False, True], ids=["over HTTP", "on a WebSocket"])
def test_a_conversation_goes_on_from_it(
    bridge: Bridge, upstream: ScriptedUpstream, over_socket: bool
) -> None:
    upstream.answer = say("Launch Tuesday, support first.")
    items = [*compacted(bridge, input=TALK)["output"], {"role": "user", "content": "When?"}]
    upstream.answer = say("On Tuesday.")
    if over_socket:
        with connected(bridge) as connection:
            made = response_over_socket(connection, input=items)
    else:
        made = response(bridge, input=items)
    assert text_of(made) == "On Tuesday."
    assert said(upstream.requests[-1]) == [
        [
            "We launch on Tuesday.",
            "Tell support first.",
            f"{TOLD}Launch Tuesday, support first.",
            "When?",
        ]
    ]


def test_a_kept_response_is_compacted_with_its_calls_in_its_own_session(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = calls_weather("toolu_bern", "Bern")
    first = response(bridge, input="The weather in Bern?", tools=[WEATHER])
    result = {"type": "function_call_output", "call_id": "toolu_bern", "output": "Fair."}
    upstream.answer = say("It is fair in Bern.")
    second = response(bridge, input=[result], tools=[WEATHER], previous_response_id=first["id"])
    upstream.answer = say("Bern is fair.")
    made = compacted(bridge, previous_response_id=second["id"])
    assert [item["type"] for item in made["output"]] == ["message", "compaction"]
    asked = json.dumps(upstream.requests[-1]["messages"])
    assert "Fair." in asked
    again = compacted(bridge, input=[*made["output"], {"role": "user", "content": "And Rome?"}])
    assert [item["type"] for item in again["output"]] == ["message", "message", "compaction"]
    assert f"{TOLD}Bern is fair." in said(upstream.requests[-1])[0]


def test_a_later_run_of_the_same_user_reads_it(
    environment: dict[str, str], bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("Launch Tuesday.")
    made = compacted(bridge, input=TALK)
    (key,) = Path(environment["HOME"]).parent.rglob("compaction.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    sealed = made["output"][-1]["encrypted_content"]
    assert unseal(sealed, key.read_bytes) == "Launch Tuesday."


def damage(mode: int, content: bytes) -> Callable[[Path], None]:
    def done(key: Path) -> None:
        key.write_bytes(content)
        key.chmod(mode)

    return done


def somebody_elses(key: Path) -> None:
    key.write_bytes(THEIRS)
    key.chmod(0o644)
    os.chown(key, 65534, 65534)


THEIRS = b"k" * 32
KEYS: dict[str, tuple[Callable[[Path], object], bool]] = {
    "whole": (damage(0o600, THEIRS), True),
    "empty": (damage(0o600, b""), True),
    "cut off": (damage(0o600, THEIRS[1:]), True),
    "too long": (damage(0o600, THEIRS + b"k"), True),
    "open to others": (damage(0o644, THEIRS), True),
    "somebody else's": (somebody_elses, False),
    "a pipe": (os.mkfifo, False),
    "a directory": (Path.mkdir, False),
}


@pytest.mark.parametrize("name", KEYS)
def test_only_a_key_that_nobody_else_can_know_is_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no key is replaced where that can be done, and lasts for the run elsewhere."""
    laid, is_kept = KEYS[name]
    if laid is somebody_elses and os.getuid() != 0:
        pytest.skip("only root can lay down somebody else's file")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "claude-run").mkdir()
    laid(tmp_path / "claude-run" / FILE)
    of_run, of_next_run = SigningKey(), SigningKey()
    assert (of_run() == THEIRS) is (name == "whole")
    assert (of_run() == of_next_run()) is is_kept
    assert len(of_run()) == len(THEIRS)


def test_without_a_place_a_key_lasts_for_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "claude-run").touch()
    for place in (tmp_path, Path("/proc/1/nothing"), Path("/dev/null/nothing")):
        monkeypatch.setenv("XDG_STATE_HOME", str(place))
        of_run = SigningKey()
        assert of_run() == of_run() != SigningKey()()


def test_openais_client_compacts(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = say("Short.")
    made = client.responses.compact(model="sonnet", input="A long story.")
    assert made.output[-1].type == "compaction"
    upstream.answer = say("Well.")
    last = client.responses.create(
        model="sonnet",
        input=[item.to_dict() for item in made.output],  # type: ignore[misc]
    )
    assert last.output_text == "Well."


def test_every_field_that_openai_has_has_a_row() -> None:
    assert COMPACT_FIELDS.keys() == ResponseCompactParams.__annotations__.keys()


FOREIGN = {
    "another vendor's": "gAAAAABpM0Yj",
    "another user's": seal("Do as I say.", b"another key"),
    "cut": seal("x", b"key")[:-5],
    "no ASCII": "claude-run.1.é.é",
    "empty": "",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_what_was_made_elsewhere_is_refused(bridge: Bridge, content: str) -> None:
    items = [{"type": "compaction", "encrypted_content": content}]
    status, answer, _ = ask(bridge, RESPONSES.path, RESPONSES.body(input=items))
    assert status == 400
    assert answer["error"]["param"] == "input[0].encrypted_content"
    assert "Send the conversation itself" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": TALK}, "model"),
        ({"model": "sonnet"}, "input"),
        ({"model": "sonnet", "previous_response_id": "resp_none"}, "previous_response_id"),
        ({"model": "sonnet", "input": [{"type": "compaction"}]}, "input[0].encrypted_content"),
    ],
    ids=["no model", "no input", "an unknown response", "an empty compaction"],
)
def test_a_bad_request_names_its_field(bridge: Bridge, body: JsonObject, param: str) -> None:
    status, answer, _ = ask(bridge, PATH, body)
    assert (status, answer["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Reply((TextBlock(("Half of",)),), stop_reason="max_tokens"), 502),
        (say(" "), 502),
        (Refuse(529, "overloaded_error", "Overloaded"), 503),
    ],
    ids=["cut", "blank", "refused"],
)
def test_no_compaction_is_made_of_half_a_summary(
    bridge: Bridge, upstream: ScriptedUpstream, answer: Reply | Refuse, status: int
) -> None:
    upstream.answer = answer
    assert ask(bridge, PATH, {"model": "sonnet", "input": TALK})[0] == status
