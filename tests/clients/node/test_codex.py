"""Codex CLI, on its own provider and on one from its configuration, running a shell command."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from claude_run.rehearsal.answers import say
from tests.clients.upstream import calls, matched, offered, told
from tests.scripted import ScriptedUpstream, in_order, system_of

pytestmark = pytest.mark.timeout(600)  # the first test waits for npm

# The model's own name: to Codex it is unknown, so that it offers its tools as plain functions.
MODEL = """
model = "sonnet"
check_for_update_on_startup = false
"""
NOT_ELSEWHERE = """
[analytics]
enabled = false
[features]
apps = false
plugins = false
"""
OWN_PROVIDER = """
openai_base_url = "{url}"
"""
CONFIGURED = """
model_provider = "claude-run"
[model_providers.claude-run]
name = "claude-run"
base_url = "{url}"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""

MAKE_A_FILE = "echo hello > made.txt; cat made.txt"


@pytest.fixture(params=[OWN_PROVIDER, CONFIGURED], ids=["own provider", "configured"])
def settled(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    wrapped: dict[str, str],
    gateway: dict[str, str],
) -> dict[str, str]:
    """The environment of a Codex that knows the bridge, with a home of its own."""
    home = tmp_path / "codex"
    home.mkdir()
    provider = request.param.format(url=wrapped["OPENAI_BASE_URL"])
    (home / "config.toml").write_text(MODEL + provider + NOT_ELSEWHERE)
    return {
        **wrapped,
        **gateway,
        "CODEX_HOME": str(home),
        "CODEX_API_KEY": wrapped["OPENAI_API_KEY"],
    }


def codex(packages: Path, environment: dict[str, str], directory: Path, prompt: str) -> list[Any]:
    """The events of a run in `directory`."""
    finished = subprocess.run(
        [
            *(packages / "node_modules" / ".bin" / "codex", "exec", "--json"),
            *("--skip-git-repo-check", "--sandbox", "danger-full-access", "--cd", directory),
            prompt,
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def test_a_shell_command(
    upstream: ScriptedUpstream, packages: Path, settled: dict[str, str], tmp_path: Path
) -> None:
    upstream.answer = in_order(
        calls(("exec_command", {"cmd": MAKE_A_FILE}), saying="I make it."), say("All", " done.")
    )
    work = tmp_path / "work"
    work.mkdir()
    events = codex(packages, settled, work, "Make a file.")

    assert (work / "made.txt").read_text() == "hello\n"
    said = [e["item"]["text"] for e in events if e.get("item", {}).get("type") == "agent_message"]
    assert said == ["I make it.", "All done."]
    before, after = upstream.requests
    assert "Codex" in system_of(before)
    assert "exec_command" in offered(before)
    (_, asked), (_, called), (_, result) = told(after)
    assert asked.endswith("\nMake a file.")
    assert called == f"I make it.\nexec_command(cmd={MAKE_A_FILE!r})"
    assert "exited with code 0" in result
    assert matched(after)
