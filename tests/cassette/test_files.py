"""The directory: several writers, writers that die, files that are not what they should be."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from claude_run.bridge import BridgeError
from claude_run.cassette.cassette import Cassette
from claude_run.cassette.document import digest_of
from claude_run.cassette.files import CassetteError, Files, replace_file
from claude_run.cassette.inspection import problems
from claude_run.claude.names import ModelName
from claude_run.settings import RecordMode, Settings
from claude_run.turn import (
    AssistantTurn,
    JsonObject,
    Text,
    ToolSpec,
    Turn,
    TurnRequest,
    UserTurn,
)
from tests.cassette.tapes import files, record, replaying

WRITER = """
import asyncio, sys
from pathlib import Path
from claude_run.cassette.files import Files
from claude_run.cassette.masks import masks
from claude_run.cassette.recorder import Manner, Recorder
from claude_run.cassette.tape import Tape
from claude_run.claude.names import ModelName
from claude_run.turn import *

class Echo:
    async def answer(self, request, trace, emit):
        emit(TurnStarted("m"))
        emit(TextDelta(f"{sys.argv[2]} says {request.turns[-1].parts[0].text}"))
        emit(TurnFinished(StopReason.END, Usage(), "m"))

files = Files(Path(sys.argv[1]))
tape = Tape(files.read_all() if len(sys.argv) < 4 else [], masks())
recorder = Recorder(Echo(), tape, files, ModelName, Manner())
print("ready", flush=True)
sys.stdin.readline()

async def main():
    for number in range(int((sys.argv + ["20"])[3] if len(sys.argv) > 3 else 20)):
        for text in (f"shared {number % 20}", f"own {sys.argv[2]} {number}"):
            request = TurnRequest("m", (UserTurn((Text(text),)),), system="a system " * 80)
            await recorder.answer(request, Trace(), lambda event: None)
    assert not tape.score.problems, tape.score.problems

asyncio.run(main())
"""
"""Records as a bridge does, without a Claude: argument 2 is who says so."""


def writer(cassette: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(cassette), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def begin(*processes: "subprocess.Popen[bytes]") -> None:
    """Let them write, once all of them have seen what there is."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()


def test_eight_processes_record_into_one_directory_and_nothing_is_lost(tmp_path: Path) -> None:
    writers = [writer(tmp_path, str(number)) for number in range(8)]
    begin(*writers)
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    told = Files(tmp_path).read_all()
    assert len(told) == 20 + 8 * 20
    shared = [recording for recording in told if recording.file.startswith("shared")]
    assert {len(recording.answers) for recording in shared} == {8}
    assert len(list((tmp_path / "shared").iterdir())) == 1
    assert problems(tmp_path) == []


def test_a_process_killed_while_writing_leaves_whole_files(tmp_path: Path) -> None:
    killed = writer(tmp_path, "killed", "100000")
    begin(killed)
    names = Files(tmp_path).names
    while len(names()) < 200:
        pass
    killed.kill()
    killed.communicate()
    count = len(names())
    assert len(Files(tmp_path).read_all()) == count
    after = writer(tmp_path, "after")
    begin(after)
    after.communicate()
    assert after.returncode == 0
    assert len(Files(tmp_path).read_all()) == count + 20


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """A cassette with one recording."""
    record(tmp_path, TurnRequest("m", (UserTurn((Text("a question"),)),), system="long " * 100))
    return tmp_path


BROKEN = [
    ("truncated", lambda text: text[: len(text) // 2], "is not whole JSON"),
    ("foreign", lambda _: '{"hello": "world"}', "is no recording of claude-run"),
    ("a list", lambda _: "[1, 2]", "is no recording of claude-run"),
    ("newer", lambda text: text.replace('"format": 1', '"format": 9'), "by a newer claude-run"),
    ("no end", lambda text: text.replace('"finished"', '"ended"'), "not a recording that can"),
    ("no text", lambda text: text.replace('"turns"', '"twists"'), "not a recording that can"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN]
)
def test_a_file_that_cannot_be_used_is_named_and_left_as_it_is(
    cassette: Path, change: object, told: str
) -> None:
    [name] = files(cassette)
    assert callable(change)
    broken = change((cassette / name).read_text())
    (cassette / name).write_text(broken)
    with pytest.raises(CassetteError, match=told) as caught:
        Files(cassette).read_all()
    assert name in str(caught.value)
    assert [name in problem for problem in problems(cassette)] == [True]
    assert (cassette / name).read_text() == broken


def put_beside(cassette: Path, content: object) -> JsonObject:
    """A reference to `content`."""
    data = json.dumps(content).encode()
    name = f"{digest_of(data)}.json"
    (cassette / "shared" / name).write_bytes(data)
    return {"beside": name}


def a_pipe(cassette: Path) -> None:
    os.mkfifo(cassette / "pipe.json")


def a_pipe_beside(cassette: Path) -> None:
    [shared] = (cassette / "shared").iterdir()
    shared.unlink()
    os.mkfifo(shared)


def a_device(cassette: Path) -> None:
    (cassette / "zero.json").symlink_to("/dev/zero")


def an_unfolding(cassette: Path) -> None:
    """Ten times ten, ten levels deep."""
    told: object = "x"
    for _ in range(10):
        told = put_beside(cassette, [told] * 10)
    rewrite(cassette, lambda recording: recording["request"].update(system=told))


def a_nest(cassette: Path) -> None:
    told: object = "x"
    for _ in range(900):
        told = [told]
    rewrite(cassette, lambda recording: recording["request"].update(system=told))


def no_time(cassette: Path) -> None:
    rewrite(cassette, lambda recording: recording["answers"][0].update(recorded="yesterday"))


def rewrite(cassette: Path, change: Callable[[JsonObject], object]) -> None:
    [name] = files(cassette)
    recording = json.loads((cassette / name).read_text())
    change(recording)
    (cassette / name).write_text(json.dumps(recording))


@pytest.mark.parametrize("change", [a_pipe, a_pipe_beside, a_device, an_unfolding, a_nest, no_time])
def test_a_cassette_of_somebody_elses_holds_nobody_up(
    cassette: Path, change: Callable[[Path], None]
) -> None:
    change(cassette)
    [problem] = problems(cassette)
    assert re.search("no plain file|not a recording that can be used", problem)


def test_what_is_shared_is_missed_where_it_is_missing_or_another(cassette: Path) -> None:
    [shared] = (cassette / "shared").iterdir()
    shared.write_text("something else")
    with pytest.raises(CassetteError, match="is not what was recorded"):
        Files(cassette).read_all()
    shared.unlink()
    with pytest.raises(CassetteError, match="cannot be read"):
        Files(cassette).read_all()


def test_a_bridge_does_not_start_on_a_cassette_that_is_broken(cassette: Path) -> None:
    (cassette / "broken.json").write_text("{")
    with (
        pytest.raises(BridgeError, match=r"broken\.json is not whole JSON"),
        replaying(cassette, cassette / "home"),
    ):
        pass


@pytest.mark.parametrize("record_", ["none", "new"])
def test_a_file_in_a_cassettes_place_is_told(cassette: Path, record_: RecordMode) -> None:
    [name] = files(cassette)
    settings = Settings(cassette=str(cassette / name), record=record_)
    with pytest.raises(CassetteError, match=r"Not a directory|cannot be written"):
        Cassette(settings, ModelName, print)


def test_where_nothing_could_be_recorded_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(cassette=str(tmp_path / "file" / "below"), record="new")
    with pytest.raises(CassetteError, match=r"cannot be written.*--record none"):
        Cassette(settings, ModelName, print)


def test_a_cassette_of_an_optimiser_is_at_most_twice_its_distinct_text(tmp_path: Path) -> None:
    """Calls with a long system prompt, examples of a pool of twelve, and a question."""
    system = "Answer the question with a short factoid. " * 40
    pool = [
        (f"[[ question ]]\nexample {n} " * 25, f"[[ answer ]]\nanswer {n} " * 25) for n in range(12)
    ]
    tools = (ToolSpec("search", "Searches. " * 30, {"type": "object", "properties": {}}),)
    distinct = {system, *(text for pair in pool for text in pair), tools[0].description}
    there = Files(tmp_path)
    for number in range(400):
        examples = [pool[(number // 100 * 3 + step) % 12] for step in range(4)]
        turns: list[Turn] = []
        for question, answer in examples:
            turns += [UserTurn((Text(question),)), AssistantTurn((Text(answer),))]
        question = f"[[ question ]]\nQuestion {number}: " + "who wrote which book, and when? " * 12
        answer = f"[[ reasoning ]]\nIt is {number}. " + "The book was written by somebody. " * 16
        distinct |= {question, answer}
        turns.append(UserTurn((Text(question),)))
        record(there.directory, TurnRequest("m", tuple(turns), system, tools), answer)
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files(tmp_path)) == 400
    assert sum(path.stat().st_size for path in paths) <= 2 * sum(map(len, distinct))


def test_long_texts_with_one_beginning_share_it(tmp_path: Path) -> None:
    template = "\n\n".join(f"Rule {number}: " + "be careful. " * 40 for number in range(12))
    for number in range(50):
        text = f"{template}\n\nThe question is number {number}."
        name = record(tmp_path, TurnRequest("m", (UserTurn((Text(text),)),)))
        told = Files(tmp_path).read(name)
        assert told.document["turns"] == [{"user": [{"text": text}]}]
        assert "The question is number" in (tmp_path / name).read_text()
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size < 10 * len(template)


@pytest.mark.parametrize("attributes", ["* text=auto", "*.txt text eol=crlf"])
def test_git_changes_no_line_end_of_what_is_shared(tmp_path: Path, attributes: str) -> None:
    project, clone = tmp_path / "project", tmp_path / "clone"
    system = "Be brief.\r\nBe kind.\r\n" * 40
    name = record(project / "c", TurnRequest("m", (UserTurn((Text("\r\n" * 99),)),), system))
    record(project / "c", TurnRequest("m", (UserTurn((Text("Hi"),)),), system.replace("\r", "")))
    (project / ".gitattributes").write_text(f"{attributes}\n")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (
        ("git", "init", "-q"),
        ("git", "add", "."),
        ("git", *who, "commit", "-qm", "Record"),
        ("git", "clone", "-q", str(project), str(clone)),
    ):
        subprocess.run(command, cwd=project, check=True)
    assert Files(clone / "c").read(name) == Files(project / "c").read(name)
    assert problems(clone / "c") == []


def test_a_file_is_named_by_what_was_asked_and_laid_out_to_be_read(cassette: Path) -> None:
    text = "What is\nthe Capital of [[ France ]]?"
    name = record(cassette, TurnRequest("m", (UserTurn((Text(text),)),)))
    assert name.startswith("what-is-the-capital-of-france-")
    written = (cassette / name).read_text()
    assert '"What is",\n' in written
    assert json.loads(written)["request"]["turns"][0]["user"][0]["text"] == text.split("\n")
    record(cassette, TurnRequest("m", (UserTurn((Text(text),)),)))
    assert (cassette / name).read_text() == written
    name = record(
        cassette, TurnRequest("m", (UserTurn((Text("\N{INVERTED QUESTION MARK}Qu\xe9 es?"),)),))
    )
    assert name.startswith("que-es-")


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_cassette_is_for_whom_the_umask_says(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        replace_file(tmp_path / "one.json", b"{}")
    finally:
        os.umask(before)
    (written,) = tmp_path.iterdir()
    assert written.stat().st_mode & 0o777 == 0o666 & ~umask
