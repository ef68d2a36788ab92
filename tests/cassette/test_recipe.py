"""The README's recipe for CI, done as it stands there; and an optimiser that asks in threads."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Answer, say
from claude_run.turn import JsonObject, Text, TurnRequest, UserTurn
from tests.cassette.tapes import client_of, record, recording, replaying, score, without_claude
from tests.readme import README
from tests.scripted import ScriptedUpstream, turns
from tests.wrapped import CLAUDE_RUN, answered_by, finished

TEST = """
import openai

def test_the_capital() -> None:
    message = {"role": "user", "content": "What is the capital of France?"}
    answer = openai.OpenAI().chat.completions.create(model="sonnet", messages=[message])
    assert answer.choices[0].message.content == "Paris."
"""

AUTHOR = {
    f"GIT_{who}_{what}": "a@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


def recipe() -> list[str]:
    """The commands that the README gives for it."""
    block = re.search(
        r"^#+ Cassettes\n.*?```\w*\n(.*?)```", README.read_text(), re.DOTALL | re.MULTILINE
    )
    assert block is not None
    return block[1].splitlines()


def commands(directory: Path) -> Path:
    """A directory with the commands of the recipe, as this environment has them."""
    directory.mkdir()
    for name, module in (("claude-run", "claude_run"), ("pytest", "pytest -p no:cacheprovider")):
        (directory / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        (directory / name).chmod(0o755)
    return directory


def shell(
    line: str, where: Path, environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    return finished(("sh", "-c", line), environment, cwd=where)


def test_recorded_here_and_replayed_in_a_clean_clone_without_a_login(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.answer = say("Par", "is.")
    path = f"{commands(tmp_path / 'bin')}:/usr/bin:/bin"
    here = {**answered_by(upstream, tmp_path / "here"), **AUTHOR, "PATH": path}
    here.pop("CI", None)
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_capital.py").write_text(TEST)
    begun = shell("git init -q . && git add . && git commit -qm Begin", project, here)
    assert begun.returncode == 0, begun.stderr

    recorded, committed, replay = recipe()
    for line in (recorded, committed):
        done = shell(line, project, here)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(upstream.requests) == 1
    assert "cassette" not in shell("git status --porcelain", project, here).stdout

    clone = tmp_path / "clone"
    assert shell(f"git clone -q {project} {clone}", tmp_path, here).returncode == 0
    there = {**without_claude(tmp_path / "there"), "PATH": path}
    done = shell(replay, clone, there)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "1 replayed" in done.stderr
    assert len(upstream.requests) == 1
    assert "cassette" not in shell("git status --porcelain", clone, here).stdout


CANDIDATES = [f"Instruction {number}: answer well." for number in range(3)]
QUESTIONS = [f"What is {number} plus {number}?" for number in range(8)]


def grade(request: JsonObject) -> Answer:
    """An answer that depends on all that was asked."""
    said = str(request["system"][-1]["text"]) + str(turns(request)[-1]["content"])
    return say(f"Score {sum(map(ord, said)) % 97}")


def optimise(bridge: Bridge) -> dict[str, int]:
    """The score of each candidate over all questions, asked by eight threads at once, and then
    twice more for the best."""
    with client_of(bridge) as client, ThreadPoolExecutor(8) as threads:

        def scored(candidate: str) -> int:
            return sum(threads.map(lambda question: _asked(client, candidate, question), QUESTIONS))

        scores = {candidate: scored(candidate) for candidate in CANDIDATES}
        best = max(scores, key=lambda candidate: scores[candidate])
        return {**scores, "again": scored(best), "once more": scored(best)}


def _asked(client: openai.OpenAI, system: str, question: str) -> int:
    messages: Any = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    answer = client.chat.completions.create(model="sonnet", messages=messages)
    return int((answer.choices[0].message.content or "").removeprefix("Score "))


def test_an_optimiser_in_eight_threads_is_replayed_three_times_alike(
    environment: dict[str, str], upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.answer = grade
    with recording(tmp_path / "c", environment, max_concurrency=2) as bridge:
        scores = optimise(bridge)
    assert len(set(scores.values())) > 1
    recorded = score(bridge)["recorded"]
    assert recorded == len(upstream.requests) == 5 * len(QUESTIONS)
    for _ in range(3):
        with replaying(tmp_path / "c", tmp_path) as bridge:
            assert optimise(bridge) == scores
        told = score(bridge)
        assert (told["replayed"], told["missed"], told["unused"]) == (recorded, 0, [])


SWALLOWS = """
import openai, sys

for question in sys.argv[1:]:
    try:
        message = {"role": "user", "content": question}
        openai.OpenAI().chat.completions.create(model="sonnet", messages=[message])
    except openai.APIStatusError:
        pass
"""


def test_a_command_that_swallows_a_miss_does_not_pass(tmp_path: Path) -> None:
    cassette = tmp_path / "c"
    for text in ("one", "two"):
        record(cassette, TurnRequest("sonnet", (UserTurn((Text(text),)),)))
    environment = {**without_claude(tmp_path), "CI": "true"}

    def run(*words: str, fail_on: str = "") -> "subprocess.CompletedProcess[str]":
        options = ("--cassette", str(cassette), *(("--fail-on", fail_on) if fail_on else ()))
        command = (sys.executable, "-c", SWALLOWS, *words)
        return finished((*CLAUDE_RUN, *options, "--", *command), environment)

    missed = run("one", "two", "three \x1b[2J\u202e")
    assert not {"\x1b", "\u202e"} & set(missed.stderr)
    assert missed.returncode == 75, missed.stderr
    assert "user), text: [-" in missed.stderr
    again = f"Record it with: claude-run --record new --cassette {cassette} -- COMMAND"
    assert again in missed.stderr
    assert run("one").returncode == 0
    unused = run("one", fail_on="miss,unused")
    assert (unused.returncode, "1 recording not used" in unused.stderr) == (75, True)
    assert run("one", "two", fail_on="miss,unused").returncode == 0
