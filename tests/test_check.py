"""`check` finds each fault, made real."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from claude_run.cli.login import bundled_cli
from claude_run.rehearsal.answers import Answer, Refuse, say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream
from tests.wrapped import CLAUDE_RUN, answered_by, finished, sealed

pytestmark = pytest.mark.usefixtures("verified")

TOKEN = {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy-dummy"}
KEY = {"ANTHROPIC_API_KEY": "sk-ant-api03-dummy-dummy"}
PROXY = {"HTTP_PROXY": "http://proxy.example:3128", "NO_PROXY": ""}
NO_FILES = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh")
"""No byte can be written to any file, whoever is asking."""


def checked(
    directory: Path, *flags: str, within: Sequence[str] = (), **variables: str
) -> tuple[int, dict[str, Any], str]:
    """The status, what was found by subject, and all that was written."""
    command = [*within, *CLAUDE_RUN, "check", "--json", *flags]
    result = finished(command, sealed(directory, **variables))
    found = {one["subject"]: one for one in json.loads(result.stdout)["checks"]}
    return result.returncode, found, result.stdout + result.stderr


def test_where_nothing_is_missing_all_is_well(tmp_path: Path) -> None:
    status, found, written = checked(tmp_path, "--model-map", "gpt-*=sonnet", **TOKEN)
    assert status == 0
    assert {one["state"] for one in found.values()} == {"ok"}
    assert "Claude Code" in found["CLI"]["text"]
    assert "gpt-* is answered by sonnet" in found["map"]["text"]
    assert "CLAUDE_CODE_OAUTH_TOKEN" in found["login"]["text"]
    assert TOKEN["CLAUDE_CODE_OAUTH_TOKEN"] not in written


def test_what_is_not_as_it_should_be_is_told_with_what_to_do(tmp_path: Path) -> None:
    """A stray key, a proxy, a cache that is new, a pattern that is never reached."""
    flags = ["--model-map", "gpt-*=sonnet", "--model-map", "gpt-4.1=opus"]
    variables = {**TOKEN, **KEY, **PROXY, "XDG_CACHE_HOME": str(tmp_path / "new")}
    status, found, written = checked(tmp_path, *flags, **variables)
    assert status == 0
    assert "ANTHROPIC_API_KEY is kept from Claude Code" in found["money"]["text"]
    assert "NO_PROXY=127.0.0.1,localhost" in found["proxies"]["advice"]
    assert "not verified yet" in found["sessions"]["text"]
    assert "gpt-4.1 is never reached" in found["map"]["text"]
    assert KEY["ANTHROPIC_API_KEY"] not in written


def test_what_would_make_a_run_fail_is_a_fault(tmp_path: Path) -> None:
    """No login, a port that is taken, a map to nowhere, no place for temporary files."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        flags = ["--port", port, "--model-map", "gpt-*=sonet"]
        status, found, _ = checked(tmp_path, *flags, within=NO_FILES)
    assert status == 1
    faults = {name for name, one in found.items() if one["state"] == "fault"}
    assert faults == {"login", "port", "map", "temporary"}
    assert "claude-run login" in found["login"]["advice"]
    assert "Did you mean sonnet?" in found["map"]["text"]
    assert all(found[name]["advice"] for name in faults)


def test_a_model_from_the_environment_that_there_is_not_is_a_fault(tmp_path: Path) -> None:
    status, found, _ = checked(tmp_path, CLAUDE_RUN_MODEL="sonet", **TOKEN)
    assert status == 1
    assert found["map"]["state"] == "fault"
    assert "Did you mean sonnet?" in found["map"]["text"]


def test_places_that_cannot_be_written_to_are_told_and_a_clouds_models_are_its_own(
    tmp_path: Path,
) -> None:
    places = {
        "TMPDIR": "/dev/null/tmp",
        "XDG_CACHE_HOME": "/dev/null/cache",
        "XDG_STATE_HOME": "/dev/null/state",
    }
    flags = ["--model-map", "gpt-*=my-deployment"]
    status, found, _ = checked(tmp_path, *flags, CLAUDE_CODE_USE_BEDROCK="1", **places)
    assert status == 0
    for name in ("temporary", "cache", "state"):
        assert found[name]["state"] == "note"
        assert found[name]["advice"]
    assert "unset TMPDIR" in found["temporary"]["advice"]
    assert found["login"]["text"].startswith("paid by: cloud")
    assert "my-deployment" in found["map"]["text"]


def test_claude_processes_of_dead_runs_are_found_and_no_others(tmp_path: Path) -> None:
    """One has lost its run's directory, one its parent; one has both."""
    program = bundled_cli()
    assert program is not None
    stream = ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
    behind_a_shell = ["sh", "-c", '"$@" <&0 >/dev/null 2>&1 & echo $!', "sh", program, *stream]
    own, silent = tmp_path / "claude-run-own", subprocess.DEVNULL
    own.mkdir()
    here = sealed(tmp_path, CLAUDE_CODE_TMPDIR=str(own), **TOKEN)
    gone = {**here, "CLAUDE_CODE_TMPDIR": "/nowhere/claude-run-gone"}
    reading, writing = os.pipe()  # what they wait for
    with ExitStack() as ends:
        ends.callback(os.close, reading)
        ends.callback(os.close, writing)
        kept, lost = (
            subprocess.Popen([program, *stream], env=environment, stdin=reading, stdout=silent)
            for environment in (here, gone)
        )
        for process in (kept, lost):
            ends.enter_context(process)
            ends.callback(process.kill)
        shell = subprocess.run(
            behind_a_shell, env=here, stdin=reading, stdout=subprocess.PIPE, text=True,
            check=True, start_new_session=True,
        )  # fmt: skip
        orphan = int(shell.stdout)
        ends.callback(os.kill, orphan, signal.SIGKILL)
        _, found, _ = checked(tmp_path, **TOKEN)
    assert found["leftovers"]["state"] == "note"
    told = set(found["leftovers"]["advice"].split())
    assert {str(lost.pid), str(orphan)} <= told
    assert str(kept.pid) not in told


def test_asked_claude_says_what_it_takes(tmp_path: Path) -> None:
    """Under its other name, for a person, in a rehearsal."""
    command = [*CLAUDE_RUN, "doctor", "--ask", "--rehearse"]
    result = finished(command, sealed(tmp_path))
    assert result.returncode == 0
    for subject in ("opus", "sonnet", "haiku", "temperature", "thinking", "forced tool", "schema"):
        assert f"ok    ask {subject} " in result.stdout


def without_temperature(request: JsonObject) -> Answer:
    """A model that takes no temperature, and calls no tool however it is told to."""
    if "temperature" in request:
        return Refuse(400, "invalid_request_error", "temperature: not with this model")
    return say("ok")


def test_what_a_model_does_not_take_or_do_is_told(tmp_path: Path) -> None:
    with ScriptedUpstream(without_temperature) as upstream:
        environment = answered_by(upstream, tmp_path)
        result = finished([*CLAUDE_RUN, "check", "--ask", "--json"], environment)
    found = {one["subject"]: one for one in json.loads(result.stdout)["checks"]}
    assert result.returncode == 0
    assert "was not sent" in found["ask temperature"]["text"]
    assert {found[f"ask {name}"]["state"] for name in ("temperature", "forced tool")} == {"note"}
    assert found["ask top_k"]["state"] == "ok"
