"""Programs from npm that read no OPENAI_BASE_URL, led here by `--for`."""

import subprocess
from pathlib import Path

import pytest

from claude_run.rehearsal.answers import say
from tests.scripted import ScriptedUpstream
from tests.wrapped import CLAUDE_RUN, answered_by, finished, sealed

pytestmark = pytest.mark.timeout(600)  # the first test waits for npm

# Each of them looks for models, plugins or news of itself elsewhere, and finds nothing there.
NOWHERE = dict.fromkeys(
    ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9"
)

PROGRAMS = {
    "codex": ("codex", "exec", "--skip-git-repo-check", "--sandbox", "read-only"),
    "continue": ("cn", "-p"),
    "opencode": ("opencode", "run"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_question(name: str, packages: Path, upstream: ScriptedUpstream, tmp_path: Path) -> None:
    upstream.answer = say("Forty", "-two.")
    program, *words = PROGRAMS[name]
    there = packages / "node_modules" / ".bin" / program
    (tmp_path / "codex").mkdir()
    environment = {
        **answered_by(upstream, tmp_path),
        **NOWHERE,
        "CODEX_HOME": str(tmp_path / "codex"),
    }
    command = [*CLAUDE_RUN, "--hide-login", "--for", name, "--", str(there), *words, "What is it?"]
    result = finished(command, environment, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stderr
    assert "Forty-two." in result.stdout
    assert any("What is it?" in str(request["messages"]) for request in upstream.requests)


OWN_NETWORK = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


@pytest.mark.parametrize("proxies", [{}, NOWHERE], ids=["no proxy", "a proxy"])
def test_one_that_sends_every_request_through_a_proxy(
    proxies: dict[str, str], packages: Path, tmp_path: Path
) -> None:
    """It is started without. What it says elsewhere of itself is kept from there by a network of
    its own instead."""
    there = packages / "node_modules" / ".bin" / "qwen"
    command = [*CLAUDE_RUN, "--rehearse", "--for", "qwen", "--", str(there), "-p", "What is it?"]
    result = finished([*OWN_NETWORK, *command], sealed(tmp_path, **proxies), cwd=tmp_path)
    assert "It stands in for claude-sonnet" in result.stdout, result.stderr
    assert ("is started without HTTPS_PROXY" in result.stderr) == bool(proxies)
