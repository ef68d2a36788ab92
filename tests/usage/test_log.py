"""The log of real runs, and how it is read again."""

import json
import stat
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from claude_run.cli.arguments import UsageError
from claude_run.cli.commands import done
from claude_run.rehearsal.answers import Refuse, say
from claude_run.turn import JsonObject, Usage
from claude_run.usage.log import MOST_TEXT, Log, entries_in, told
from tests.scripted import ScriptedUpstream, sealed_environment
from tests.wrapped import CLAUDE_RUN, finished

KEY = "sk-proj-" + "Zx9" * 10
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
PIXEL += "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CALLS = f"""
import openai
client = openai.OpenAI(max_retries=0)
def ask(content, model="sonnet", **more):
    messages = [{{"role": "user", "content": content}}]
    try:
        answer = client.chat.completions.create(model=model, messages=messages, **more)
        list(answer) if more.get("stream") else None
    except openai.APIError:
        pass
ask("plain {KEY}", extra_headers={{"X-Claude-Run-Label": "train"}})
ask("streamed", model="opus", stream=True)
ask([{{"type": "text", "text": "look"}},
     {{"type": "image_url", "image_url": {{"url": "data:image/png;base64,{PIXEL}"}}}}])
ask("refused")
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("logged")
    with ScriptedUpstream(replace(say("ok"), usage=Usage(10, 0, 0, 5))) as upstream:
        upstream.script("streamed", say("one ", "two"))
        upstream.script("refused", Refuse(400, "invalid_request_error", "no, never"))
        environment = sealed_environment(directory, upstream.url)
        flags = ["-q", "--log", "logs"]
        command = [*CLAUDE_RUN, *flags, "--", sys.executable, "-c", CALLS]
        subprocess.run(command, env=environment, cwd=directory, check=True, capture_output=True)
    [file] = (directory / "logs").iterdir()
    return file


def ask(log: Path, *words: str) -> str:
    """What `claude-run log` writes to standard output."""
    with redirect_stdout(StringIO()) as stdout:
        done(["log", str(log), *words])
    return stdout.getvalue()


def entry(log: Path, status: int, nth: int = 0) -> JsonObject:
    return [one for one in entries_in(log)[1:] if one["status"] == status][nth]


def test_only_its_owner_can_read_it(log: Path) -> None:
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_a_request_is_there_as_received_as_sent_and_as_answered(log: Path) -> None:
    plain = entry(log, 200)
    assert plain["request"]["messages"][0]["content"] == "plain (key)"
    assert plain["label"] == "train"
    call, recorded = plain["calls"]
    assert call["sent"]["turns"][0]["parts"] == [{"type": "Text", "text": "plain (key)"}]
    kinds = [event["type"] for event in call["events"]]
    assert kinds == ["TurnStarted", "TextDelta", "TurnFinished"]
    assert plain["answer"]["choices"][0]["message"]["content"] == "ok"
    assert recorded["record"]["request_id"] == plain["request_id"]
    assert recorded["record"]["output_tokens"] == 5


def test_a_streams_deltas_are_one_event(log: Path) -> None:
    [text] = [e for e in entry(log, 200, 1)["calls"][0]["events"] if e["type"] == "TextDelta"]
    assert text["text"] == "one two"


def test_an_error_is_there_as_the_client_saw_it(log: Path) -> None:
    refused = entry(log, 400)
    assert "no, never" in refused["answer"]["error"]["message"]
    assert refused["calls"][0]["error"]["kind"] == "bad_request"


def test_no_key_and_no_image_is_in_it(log: Path) -> None:
    text = log.read_text()
    assert KEY not in text
    assert PIXEL not in text
    assert "sk-claude-run" not in text
    assert f"data:image/png;base64,({len(PIXEL)} characters)" in text


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 4),
        (["--errors"], 1),
        (["--model", "opus"], 1),
        (["--label", "train"], 1),
        (["--grep", "one t.o"], 1),
        (["--slow", "1h"], 0),
    ],
)
def test_requests_are_listed_and_filtered(log: Path, words: list[str], count: int) -> None:
    assert len(ask(log, *words).splitlines()) == count


def test_one_is_shown_as_a_conversation_or_as_a_line_for_curl(log: Path) -> None:
    name = entry(log, 200, 1)["request_id"]
    shown = ask(log, name)
    assert "\nuser:\nstreamed\n\nanswer:\n" in shown
    assert "TextDelta: one two\n" in shown
    curl = ask(log, name, "--curl")
    body = subprocess.run(
        ["sh", "-c", f"set -- {curl.partition(' -d ')[2].strip()}; printf %s \"$1\""],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(body.stdout) == entry(log, 200, 1)["request"]
    assert '"$OPENAI_BASE_URL/chat/completions"' in curl


def test_what_cannot_be_found_in_it_is_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = entry(log, 200)["request_id"]
    assert f" {name} " in ask(log, name)
    assert ask(log, "req_none") == ""
    assert f"{log} has no request req_none; `claude-run log " in capsys.readouterr().err
    with pytest.raises(UsageError, match="'\\(' is not a regular expression of RE2"):
        ask(log, "--grep", "(")


def test_a_report_can_be_made_of_it(log: Path) -> None:
    environment = sealed_environment(log.parent, "http://127.0.0.1:9")
    made = finished([*CLAUDE_RUN, "report", str(log), "--json", "-"], environment)
    totals = json.loads(made.stdout)["totals"]
    assert (totals["calls"], totals["failed"]) == (4, 1)
    assert {row["label"]: row["calls"] for row in totals["by_label"]} == {"": 3, "train": 1}


def test_a_place_where_nothing_can_be_written_is_told_before_the_command_starts(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    environment = sealed_environment(tmp_path, "http://127.0.0.1:9")
    flags = ["--rehearse", "--log", str(tmp_path / "file")]
    refused = finished([*CLAUDE_RUN, *flags, "--", "touch", str(tmp_path / "began")], environment)
    assert refused.returncode == 2
    assert f"--log {tmp_path / 'file'} cannot be written: it is no directory" in refused.stderr
    assert not (tmp_path / "began").exists()


def test_it_grows_no_further_than_it_may(tmp_path: Path) -> None:
    with Log(tmp_path, most=5000) as small:
        small.begin("other")
        for number in range(100):
            small.append({"request_id": f"{number}", "text": "x " * 200})
    [file] = tmp_path.iterdir()
    assert file.stat().st_size < 6000
    assert 10 < len(entries_in(file)) < 15
    assert file.read_text().endswith('"the log has reached 5000 bytes"}\n')


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a plain token of text", "a plain token of text"),
        (f"Bearer {KEY}", "Bearer (key)"),
        ("QUJD" * 100, "(400 characters of base64)"),
        ("word " * MOST_TEXT, "word " * (MOST_TEXT // 5)),
    ],
)
def test_texts_are_kept_as_far_as_they_may_be(text: str, kept: str) -> None:
    assert told({"a": [text]})["a"][0].startswith(kept)
    assert len(told(text)) < MOST_TEXT + 100


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").write_text("{}")
    with pytest.raises(ValueError, match="is not a log"):
        entries_in(tmp_path / "none")
