"""`claude-run cassette`, typed by a person and piped into a program."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from claude_run.turn import JsonObject, Text, TurnRequest, UserTurn
from tests.cassette.tapes import ask, client_of, files, record, replaying
from tests.wrapped import CLAUDE_RUN, finished, sealed

KEY = "ghp_" + "aB3dE5gH7j" * 4


def request(text: str) -> TurnRequest:
    return TurnRequest("sonnet", (UserTurn((Text(text),)),))


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Three recordings, one of them in a cassette below."""
    directory = tmp_path / "cassette"
    record(directory, request("What is the capital of France?"), "Paris.")
    record(directory, request("What is the capital of Spain?"), "Madrid.")
    record(directory / "below", request("Something else"), "Nothing\nmuch.")
    return directory


def run(cassette: Path, action: str, *words: str) -> CompletedProcess[str]:
    environment = sealed(cassette.parent / "sealed")
    return finished((*CLAUDE_RUN, "cassette", action, str(cassette), *words), environment)


def test_list_tells_what_is_there_one_line_each(cassette: Path) -> None:
    told = run(cassette, "list")
    assert told.returncode == 0, told.stderr
    rows = [line.split("\t") for line in told.stdout.splitlines()]
    assert [row[1:6] for row in rows] == [
        ["sonnet", "What is the capital of France?", "1", "15", "$0.0010"],
        ["sonnet", "What is the capital of Spain?", "1", "15", "$0.0010"],
        ["sonnet", "Something else", "1", "15", "$0.0010"],
    ]
    assert rows[2][0].startswith("below/something-else-")
    as_json = json.loads(run(cassette, "list", "--json").stdout)
    assert [row["tokens"] for row in as_json] == [15, 15, 15]


def test_show_tells_a_recording_as_a_conversation(cassette: Path) -> None:
    told = run(cassette, "show", "what-is-the-capital-of-france")
    assert told.returncode == 0, told.stderr
    said = told.stdout.split("── ")
    assert said[1] == "asked\nmodel: sonnet\n\n"
    assert said[2] == "user\nWhat is the capital of France?\n\n"
    assert said[3].startswith("answer 1\n(2026-01-02")
    assert "\nParis.\n" in said[3]
    unclear = run(cassette, "show", "what-is")
    assert (unclear.returncode, unclear.stdout) == (1, "")
    assert "is 2 recordings" in unclear.stderr


def test_diff_compares_recordings_and_requests_in_files(cassette: Path) -> None:
    france, spain = "what-is-the-capital-of-france", "what-is-the-capital-of-spain"
    told = run(cassette, "diff", france, spain)
    assert told.stdout == "turn 1 (user), text: …the capital of [-France-]{+Spain+}?\n"
    text = "What is the capital of Italy?"
    bodies: list[JsonObject] = [
        {"model": "opus", "messages": [{"role": "user", "content": text}]},
        {"model": "opus", "input": text},
        {"model": "opus", "prompt": [text]},
        {
            "model": "opus",
            "system": [],
            "max_tokens": 9,
            "messages": [{"role": "user", "content": text}],
        },
    ]
    for body in bodies:
        path = cassette.parent / "request.json"
        path.write_text(json.dumps(body))
        told = run(cassette, "diff", france, str(path))
        assert told.stdout.splitlines() == [
            "model: [-sonnet-]{+opus+}",
            *(["sampling.max_tokens: (nothing) → 9"] if "system" in body else []),
            "turn 1 (user), text: …the capital of [-France-]{+Italy+}?",
        ]


def test_diff_masks_a_request_as_the_cassette_does(cassette: Path, tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"model": "sonnet", "prompt": "What is the capital of Italy?"}))
    france = "what-is-the-capital-of-france"
    ignoring = run(cassette, "diff", france, str(path), "--ignore", "France|Italy")
    assert ignoring.stdout == "They ask the same.\n"
    (cassette / "cassette.json").write_text('{"ignore": ["France|Italy"]}')
    assert run(cassette, "diff", france, str(path)).stdout == "They ask the same.\n"
    for content, why in (("{", "cannot be read as JSON"), ("[]", "no object")):
        path.write_text(content)
        wrong = run(cassette, "diff", france, str(path))
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert why in wrong.stderr


def test_prune_removes_what_the_last_run_did_not_use(cassette: Path, tmp_path: Path) -> None:
    told = run(cassette, "prune")
    assert (told.stdout, len(files(cassette))) == ("", 2)
    with replaying(cassette, tmp_path) as bridge, client_of(bridge) as client:
        assert ask(client, "What is the capital of Spain?") == "Madrid."
    [gone] = [name for name in files(cassette) if "france" in name]
    assert run(cassette, "prune", "--dry-run").stdout == f"{gone}\n"
    assert len(files(cassette)) == 2
    assert run(cassette, "prune").stdout == f"{gone}\n"
    assert ["spain" in name for name in files(cassette)] == [True]
    assert len(files(cassette / "below")) == 1


def test_check_finds_what_is_broken_and_what_looks_secret(cassette: Path) -> None:
    assert run(cassette, "check").returncode == 0
    record(cassette, request(f"Use {KEY}."))
    (cassette / "torn.json").write_text("{")
    told = run(cassette, "check")
    assert told.returncode == 1
    broken, secret = sorted(told.stdout.splitlines())
    assert "torn.json is not whole JSON" in broken
    assert "turns[0].user[0].text looks like a credential" in secret
    assert KEY not in told.stdout


@pytest.mark.parametrize("words", [(), ("list",), ("sing", "DIR"), ("list", "a", "b")])
def test_what_cannot_be_meant_is_answered_with_an_example(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    told = finished((*CLAUDE_RUN, "cassette", *words), sealed(tmp_path))
    assert told.returncode == 2
    assert told.stdout == ""
