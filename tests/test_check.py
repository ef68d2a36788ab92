"""`check` finds each fault, made real; `models` and `fields` tell what the server goes by."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_run.cli.login import bundled_cli
from tests.readme import TABLES
from tests.wrapped import CLAUDE_RUN, finished, sealed

pytestmark = pytest.mark.usefixtures("verified")

TOKEN = {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy-dummy"}
KEY = {"ANTHROPIC_API_KEY": "sk-ant-api03-dummy-dummy"}
PROXY = {"HTTP_PROXY": "http://proxy.example:3128", "NO_PROXY": ""}


def checked(directory: Path, *flags: str, **variables: str) -> tuple[int, dict[str, Any], str]:
    """The status, what was found by subject, and all that was written."""
    command = [*CLAUDE_RUN, "check", "--json", *flags]
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
        status, found, _ = checked(tmp_path, *flags)
    assert status == 1
    faults = {name for name, one in found.items() if one["state"] == "fault"}
    assert faults == {"login", "port", "map"}
    assert "claude-run login" in found["login"]["advice"]
    assert "Did you mean sonnet?" in found["map"]["text"]
    assert all(found[name]["advice"] for name in faults)


def test_a_claude_process_of_a_dead_run_is_found(tmp_path: Path) -> None:
    program = bundled_cli()
    assert program is not None
    environment = sealed(tmp_path, CLAUDE_CODE_TMPDIR="/nowhere/claude-run-gone", **TOKEN)
    stream = ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
    with subprocess.Popen(
        [program, *stream], env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as left:
        try:
            _, found, _ = checked(tmp_path, **TOKEN)
            assert found["leftovers"]["state"] == "note"
            assert str(left.pid) in found["leftovers"]["advice"].split()
        finally:
            left.kill()


def test_asked_claude_says_what_it_takes(tmp_path: Path) -> None:
    """Under its other name, for a person, in a rehearsal."""
    command = [*CLAUDE_RUN, "doctor", "--ask", "--rehearse"]
    result = finished(command, sealed(tmp_path))
    assert result.returncode == 0
    for subject in ("opus", "sonnet", "haiku", "temperature", "thinking", "forced tool", "schema"):
        assert f"ok    ask {subject} " in result.stdout


def test_models_are_told_as_the_server_decides(tmp_path: Path) -> None:
    flags = ["--model-map", "gpt-*=opus", "--model-map", "opus=claude-opus-4-7"]
    command = [*CLAUDE_RUN, "models", "--json", *flags, "gpt-4.1", "sonet", "haiku"]
    result = finished(command, sealed(tmp_path))
    assert result.returncode == 1
    told = {one["asked"]: one for one in json.loads(result.stdout)}
    assert told["gpt-4.1"]["model"] == "claude-opus-4-7"
    assert "answered by claude-opus-4-7" in told["gpt-4.1"]["notice"]
    assert told["sonet"]["model"] is None
    assert "Did you mean sonnet?" in told["sonet"]["notice"]
    assert told["haiku"] == {"asked": "haiku", "model": "haiku", "notice": None}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_fields_are_the_tables_of_the_readme(name: str, tmp_path: Path) -> None:
    told = finished([*CLAUDE_RUN, "fields", name], sealed(tmp_path)).stdout.splitlines()
    assert told[1:] == [
        f"{row.name}\t{row.treatment.value}\t{row.note}" for row in TABLES[name].values()
    ]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--model-map", "gpt-*=sonet", "true"], "Did you mean sonnet?"),
        (["--default-model", "gpt-5", "true"], "'gpt-5' is no model of Claude's"),
        (
            ["-m", "opuss", "true"],
            "--model opuss: 'opuss' is no model of Claude's. Did you mean opus?",
        ),
        (["fields", "chta"], "did you mean chat?"),
    ],
)
def test_a_name_of_nothing_is_refused_before_anything_starts(
    typed: list[str], told: str, tmp_path: Path
) -> None:
    result = finished(
        [*CLAUDE_RUN, "--rehearse", *typed] if typed[0] != "fields" else [*CLAUDE_RUN, *typed],
        sealed(tmp_path),
    )
    assert result.returncode == 2
    assert told in result.stderr


def test_advice_covers_all_that_the_run_has_asked_for(tmp_path: Path) -> None:
    asks = (
        f"for m in gpt-4.1 gpt-5-mini; do {sys.executable} -m claude_run ask -m $m hi; done; true"
    )
    result = finished([*CLAUDE_RUN, "--rehearse", "--", "sh", "-c", asks], sealed(tmp_path))
    assert result.stderr.count("--model-map 'gpt-*=sonnet'") == 3  # at each call, and at the end
