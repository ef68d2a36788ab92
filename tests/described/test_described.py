"""What the descriptions find, and that no answer to the tests of the server escapes them."""

import ast
from pathlib import Path
from typing import Any

import pytest

from claude_run.bridge import Bridge
from claude_run.turn import JsonObject
from tests.described import answers
from tests.described.watching import judged
from tests.server.asking import ask, frames
from tests.server.tables import CHAT

SERVER = Path(__file__).parents[1] / "server"

ERROR: JsonObject = {"message": "no", "type": "server_error", "param": None, "code": None}
STOPPED: JsonObject = {"type": "message_stop"}


def found(kind: answers.Kind, value: object) -> list[str]:
    return [str(fault) for fault in kind.faults(value)]


def test_what_is_as_it_is_published_has_no_fault() -> None:
    assert not found(answers.ERROR, {"error": ERROR})
    assert not found(answers.MESSAGE_EVENT, STOPPED)


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        (answers.ERROR, {"error": {**ERROR, "type": None}}, "error.type: "),
        (answers.ERROR, {"error": {"message": "no", "type": "t", "code": None}}, '"param" is'),
        (answers.ERROR, {"error": {**ERROR, "status": 500}}, "error.status: unknown"),
        (answers.MESSAGE_EVENT, {**STOPPED, "index": 0}, "index: unknown"),
        (answers.MESSAGE_EVENT, {"type": "message_end"}, "type: "),
    ],
    ids=["wrong", "missing", "unknown", "unknown of an event", "no such event"],
)
def test_what_is_missing_wrong_or_unknown_is_told(
    kind: answers.Kind, value: Any, fault: str
) -> None:
    assert any(fault in one for one in found(kind, value))


def test_an_answer_that_nobody_described_is_told() -> None:
    with pytest.raises(LookupError, match="Nothing says"):
        answers.whole("POST", "/v1/songs", 200, anthropic_form=False)


@pytest.mark.usefixtures("upstream")
def test_whole_answers_and_events_are_judged(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "faults", lambda _kind, value: [value["object"]])
    ask(bridge, CHAT.path, CHAT.body())
    events = list(frames(bridge, CHAT.path, CHAT.body()))
    chunks = len(events) - 1  # the last event is no object, but the end
    told = [fault.rpartition(" ")[2] for fault in judged()]
    assert told == ["chat.completion"] + ["chat.completion.chunk"] * chunks


@pytest.mark.parametrize("path", sorted(SERVER.glob("*.py")), ids=lambda path: path.name)
def test_no_test_of_the_server_makes_a_client_that_is_not_watched(path: Path) -> None:
    vendors = {"OpenAI", "AzureOpenAI", "Anthropic"}
    unwatched = {"HTTPConnection", *vendors, *(f"Async{name}" for name in vendors)}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            assert called not in unwatched, f"line {node.lineno}: use tests.described.clients"
