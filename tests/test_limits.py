"""What ends a run or changes its status: a deadline, the plan, findings."""

import re
import sys
import time
from pathlib import Path

import pytest

from claude_run.rehearsal.answers import Refuse
from tests.scripted import ScriptedUpstream
from tests.wrapped import CLAUDE_RUN, answered_by, finished, sealed

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("told to end", flush=True))
print("ready", flush=True)
while True:
    time.sleep(60)
"""
ASK = [*CLAUDE_RUN, "ask", "What is Python?"]
ASK_AND_STAY = f"""
import subprocess, time
subprocess.run({ASK!r}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print("asked", flush=True)
time.sleep(60)
"""
ASK_WHATEVER_COMES = ["sh", "-c", '"$@" || true', "sh", *ASK]


def run(*options: str) -> list[str]:
    return [*CLAUDE_RUN, *options, "--"]


@pytest.mark.parametrize("program", ["import time; time.sleep(60)", STUBBORN], ids=["", "stubborn"])
def test_at_the_deadline_the_command_is_ended_with_status_124(program: str, tmp_path: Path) -> None:
    command = [*run("--rehearse", "--deadline", "1s"), sys.executable, "-c", program]
    result = finished(command, sealed(tmp_path))
    assert result.returncode == 124
    assert "claude-run" in result.stderr  # the summary, as ever


def test_a_command_that_is_quicker_than_its_deadline_keeps_its_status(tmp_path: Path) -> None:
    command = [*run("--rehearse", "--deadline", "1h"), "sh", "-c", "exit 3"]
    assert finished(command, sealed(tmp_path)).returncode == 3


def exhausted() -> Refuse:
    window = {
        "status": "rejected",
        "reset": str(int(time.time()) + 3600),
        "representative-claim": "five_hour",
        "overage-status": "rejected",
    }
    headers = {f"anthropic-ratelimit-unified-{name}": value for name, value in window.items()}
    return Refuse(429, "rate_limit_error", "limit reached", headers)


def test_with_on_limit_stop_a_used_up_window_ends_the_command(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.answer = exhausted()
    command = [*run("--on-limit", "stop"), sys.executable, "-c", ASK_AND_STAY]
    result = finished(command, answered_by(upstream, tmp_path))
    assert result.returncode == 128 + 15
    assert "--on-limit stop ends the command" in result.stderr


@pytest.mark.parametrize(
    ("options", "command", "status", "told"),
    [
        (["--fail-on", "no-calls"], ["true"], 75, "no calls were made"),
        (["--fail-on", "no-calls"], ["false"], 1, None),
        (["--fail-on", "errors,limit,budget,miss"], ["true"], 0, None),
        (["--fail-on", "errors,limit"], ASK_WHATEVER_COMES, 75, "1 call beyond the plan's limit"),
        ([], ASK_WHATEVER_COMES, 0, None),
    ],
)
def test_what_was_found_fails_only_a_command_that_succeeded(
    options: list[str],
    command: list[str],
    status: int,
    told: str | None,
    upstream: ScriptedUpstream,
    tmp_path: Path,
) -> None:
    upstream.answer = exhausted()
    result = finished([*run(*options), *command], answered_by(upstream, tmp_path))
    assert result.returncode == status
    found = re.findall(r"^claude-run: (.*) \(--fail-on\)$", result.stderr, re.MULTILINE)
    assert [told in line if told else line for line in found] == ([True] if told else [])
