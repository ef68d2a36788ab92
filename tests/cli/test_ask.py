"""`claude-run ask`, as it is used between other commands, in loops and terminals."""

import base64
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Hold, Refuse, Reply, TextBlock, ToolUse, say
from tests.scripted import ScriptedUpstream, system_of, turns
from tests.wrapped import CLAUDE_RUN, finished, sealed, started

ASK = (*CLAUDE_RUN, "ask")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


@pytest.fixture
def there(bridge: Bridge, tmp_path: Path) -> dict[str, str]:
    """The environment of a command that is wrapped by a running bridge."""
    return sealed(
        tmp_path,
        OPENAI_BASE_URL=bridge.base_url,
        OPENAI_API_KEY=bridge.api_key,
        XDG_STATE_HOME=str(tmp_path / "state"),
    )


def shell(
    line: str, environment: dict[str, str], directory: Path, **options: Any
) -> subprocess.CompletedProcess[str]:
    """`line` of a shell, in which $ask is the command."""
    variables = {**environment, "ask": " ".join(ASK)}
    return finished(["bash", "-c", line], variables, cwd=directory, **options)


def asked(upstream: ScriptedUpstream) -> list[str]:
    """The texts of the last question of each request."""
    return ["\n\n".join(b["text"] for b in turns(r)[-1]["content"]) for r in upstream.requests]


# --- what is piped in -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("echo 'a diff' | $ask summarise this", "a diff\n\n\nsummarise this"),
        ("(sleep 0.2; echo 'a diff') | $ask -m haiku summarise", "a diff\n\n\nsummarise"),
        ("$ask summarise < diff", "a diff\n\n\nsummarise"),
        ("echo what is python | $ask", "what is python\n"),
        ("$ask what is python < /dev/null", "what is python"),
        ("$ask what is python <&-", "what is python"),
        ("$ask what is -- -x", "what is -x"),
    ],
)
def test_what_is_piped_in_is_the_material_and_the_words_are_the_question(
    line: str, question: str, there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    (tmp_path / "diff").write_text("a diff\n")
    result = shell(line, there, tmp_path)
    assert (result.stdout, result.stderr, result.returncode) == ("Hello world\n", "", 0)
    assert asked(upstream) == [question]


def test_a_loop_over_the_lines_of_a_file_keeps_them(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    (tmp_path / "cities").write_text("Bern\nRome\n")
    result = shell('while read -r c; do $ask about "$c"; done < cities', there, tmp_path)
    assert (result.stderr, result.returncode) == ("", 0)
    assert asked(upstream) == ["about Bern", "about Rome"]


def test_a_pipe_that_stays_silent_is_told_of_and_waited_for(
    there: dict[str, str], upstream: ScriptedUpstream
) -> None:
    with started([*ASK, "summarise"], there) as process:
        assert process.stderr
        assert "reading stdin" in process.stderr.readline()
        assert process.stdin
        assert process.stdout
        process.stdin.write("a diff")
        process.stdin.close()
        assert process.stdout.read() == "Hello world\n"
    assert asked(upstream) == ["a diff\n\nsummarise"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("printf '\\xff\\xfe' | $ask summarise", "what is piped in is not UTF-8 text (byte 0)"),
        ("$ask -f binary what", "is not UTF-8 text (byte 0), and neither a picture"),
        ("$ask -f nowhere what", "nowhere cannot be read: No such file or directory"),
        ("$ask -f empty what", "empty is empty"),
        ("$ask --schema binary what", "--schema binary is not JSON"),
        ("$ask $'what is \\xff'", "what was typed is not UTF-8 text"),
        ("$ask -n 0 what", "-n: '0' is not a whole number, 1 to 128"),
        ("$ask -c -n 2 what", "--continue goes on with one answer"),
        ("$ask", "there is nothing to ask; write for example"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    line: str, told: str, there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    (tmp_path / "empty").touch()
    result = shell(line, there, tmp_path)
    assert (result.stdout, result.returncode) == ("", 2)
    [line] = result.stderr.splitlines()
    assert told in line
    assert upstream.requests == []


# --- what is asked --------------------------------------------------------------------


def test_system_effort_and_files_reach_claude(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "b.dat").write_bytes(PNG)
    (tmp_path / "c").write_bytes(b"%PDF-1.4\n%%EOF\n")
    line = "$ask -s 'You are terse.' --effort high -f a.txt -f b.dat -f c what are these"
    assert shell(line, there, tmp_path).returncode == 0
    [request] = upstream.requests
    assert system_of(request).endswith("You are terse.")
    content = turns(request)[-1]["content"]
    assert [block["type"] for block in content] == ["text", "image", "document", "text"]
    assert content[0]["text"] == "a.txt:\n\nalpha"
    assert content[1]["source"]["media_type"] == "image/png"
    assert content[2]["source"]["media_type"] == "application/pdf"
    assert content[3]["text"] == "what are these"
    assert request["output_config"]["effort"] == "high"


def test_a_picture_may_be_piped_in(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    (tmp_path / "b.png").write_bytes(PNG)
    assert shell("cat b.png | $ask -f - what is this", there, tmp_path).returncode == 0
    content = turns(upstream.requests[0])[-1]["content"]
    assert [block["type"] for block in content] == ["image", "text"]


def test_a_schema_gives_json_that_fits(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    (tmp_path / "city.json").write_text(json.dumps(city))
    upstream.answer = Reply((ToolUse("", "mcp__c__StructuredOutput", {"city": "Bern"}),))
    result = shell("$ask --schema city.json where", there, tmp_path)
    assert json.loads(result.stdout) == {"city": "Bern"}
    told = shell("$ask --schema city.json --json where", there, tmp_path)
    assert json.loads(told.stdout)["answers"][0]["value"] == {"city": "Bern"}


# --- what is answered -----------------------------------------------------------------


def test_several_answers_stand_under_their_numbers(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    result = shell("$ask -n 3 what", there, tmp_path)
    assert result.stdout == "\n".join(f"[{i}/3]\nHello world\n" for i in (1, 2, 3))
    assert len(upstream.requests) == 3


def test_json_tells_answers_model_and_use(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.answer = say("Hello", " wörld")
    told = json.loads(shell("$ask --json -n 2 -m haiku what", there, tmp_path).stdout)
    assert told["answers"] == [{"text": "Hello wörld", "finish_reason": "stop"}] * 2
    assert "haiku" in told["model"]
    assert told["usage"]["completion_tokens"] > 0


def test_an_answer_is_printed_as_it_is_written_unless_it_is_to_be_whole(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.answer = Reply((TextBlock(("Hel", "lo wörld")),))
    for flag in ("", "--no-stream"):
        plain = {**there, "PYTHONIOENCODING": "ascii"}
        assert shell(f"$ask {flag} what", plain, tmp_path).stdout == "Hello wörld\n"


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def test_what_would_steer_a_terminal_is_only_text_there(
    there: dict[str, str], upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("red \x1b[31m!")
    with terminal() as (ours, theirs):
        result = finished([*ASK, "what"], there, capture_output=False, stdout=theirs)
        os.close(theirs)
        assert os.read(ours, 100).decode() == "red \N{REPLACEMENT CHARACTER}[31m!\r\n"
    assert result.returncode == 0
    assert finished([*ASK, "what"], there).stdout == "red \x1b[31m!\n"


@pytest.mark.parametrize(
    ("line", "told", "status"),
    [
        ("$ask what > /dev/full", "the answer cannot be written: No space left on device", 1),
        ("$ask what | true; exit ${PIPESTATUS[0]}", "", 0),
        ("$ask what >&-", "", 0),
    ],
)
def test_an_answer_that_cannot_be_written_is_one_line_or_none(
    line: str,
    told: str,
    status: int,
    there: dict[str, str],
    upstream: ScriptedUpstream,
    tmp_path: Path,
) -> None:
    result = shell(line, there, tmp_path)
    assert result.returncode == status
    assert [told in line for line in result.stderr.splitlines()] == ([True] if told else [])
    assert len(upstream.requests) == 1


def test_a_failure_is_one_line_and_status_1(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.answer = Refuse(529, "overloaded_error", "Overloaded")
    for flags in ("", "-n 2"):
        result = shell(f"$ask {flags} what", there, tmp_path)
        assert (result.stdout, result.returncode) == ("", 1)
        assert len(result.stderr.splitlines()) == 1


def test_ctrl_c_ends_it_with_130_and_nothing_else(
    there: dict[str, str], upstream: ScriptedUpstream
) -> None:
    over = Event()
    upstream.answer = Reply((TextBlock(("Hello", Hold(over.is_set))),))
    with started([*ASK, "what"], there, stdin=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stdout.read(5) == "Hello"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    over.set()
    assert (process.returncode, stderr) == (130, "")


# --- a conversation -------------------------------------------------------------------


def test_a_conversation_is_gone_on_with_and_kept_for_nobody_else(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    assert not (tmp_path / "state").exists()
    assert shell("$ask --keep -m haiku -s 'Be brief.' one", there, tmp_path).stderr == ""
    assert shell("$ask -c two", there, tmp_path).stderr == ""
    assert shell("$ask unrelated", there, tmp_path).stderr == ""
    assert shell("$ask -c -q three", there, tmp_path).stderr == ""
    last = upstream.requests[-1]
    said = ["".join(b["text"] for b in turn["content"]) for turn in turns(last)]
    assert said == ["one", "Hello world", "two", "Hello world", "three"]
    assert system_of(last).endswith("Be brief.")
    assert "haiku" in last["model"]
    [kept] = (tmp_path / "state").rglob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_text("{}")
    wrong = shell("$ask -c four", there, tmp_path)
    assert wrong.returncode == 2
    assert "holds no conversation; --keep begins a new one" in wrong.stderr


def test_without_a_conversation_one_begins_which_is_the_next_to_go_on_with(
    there: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    assert not (tmp_path / "state").exists()
    begun = shell("$ask -c one", there, tmp_path)
    assert "this one begins" in begun.stderr
    assert shell("$ask -c two", there, tmp_path).stderr == ""
    assert len(turns(upstream.requests[-1])) == 3


def test_the_python_that_asks_imports_nothing_of_the_sdk(there: dict[str, str]) -> None:
    code = (
        "import sys; from claude_run.cli import main; sys.argv = ['claude-run', 'ask', 'x']\n"
        "try: main()\nfinally: print(*sys.modules)"
    )
    imported = finished([sys.executable, "-c", code], there).stdout.split()
    assert "claude_run.cli.ask" in imported
    assert not {"claude_agent_sdk", "asyncio", "platformdirs"} & set(imported)
