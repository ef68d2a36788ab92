"""What goes wrong unexpectedly leaves a trace that a person can find, and no secret in it."""

import http.client
import json
import shutil
import signal
from pathlib import Path
from urllib.parse import urlsplit

import openai
import psutil
import pytest

from claude_run.bridge import Bridge, BridgeError
from claude_run.fault import is_fault, keep, redacted, secrets_in
from claude_run.settings import Settings
from tests.wrapped import sealed

TRACEBACK = "Traceback (most recent call last):\n  here\n"
HEADERS = "x-team: blue\nx-gateway: a-long-password"
SECRET = "a-token-of-somebody's"
PLANTED = f"""
import sys

def fail(event, arguments):
    if event == "import" and arguments[0] == "claude_run.usage.spool":
        raise RuntimeError("planted, with {SECRET} in it")

sys.addaudithook(fail)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("with a-value in it", "with a-value in it"),
        (f"token {SECRET}!", "token (secret)!"),
        ("x-gateway: a-long-password", "(secret)"),
        ("given a-long-password", "given (secret)"),
        ("sk-ant-oat01-never-seen-before", "(secret)"),
        ("at http://me:pass@proxy.example:80/", "at http://(secret)@proxy.example:80/"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer (secret)"),
    ],
)
def test_secrets_are_taken_out(before: str, after: str) -> None:
    environment = {
        "ANTHROPIC_AUTH_TOKEN": SECRET,
        "ANTHROPIC_CUSTOM_HEADERS": HEADERS,
        "CLAUDE_CODE_SKIP_VERTEX_AUTH": "a",  # a switch, which must not take every a away
        "EDITOR": "a-value",
    }
    assert redacted(before, secrets_in(environment)) == after


def test_a_log_is_kept_where_only_the_user_can_read_it(tmp_path: Path) -> None:
    kept = keep(TRACEBACK, {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert kept is not None
    assert kept.parent == tmp_path / "state" / "claude-run"
    assert kept.read_text() == TRACEBACK
    assert kept.stat().st_mode & 0o777 == 0o600


def test_where_the_state_cannot_be_written_it_is_kept_with_the_temporary_files() -> None:
    kept = keep(TRACEBACK, {"HOME": "/dev/null"})
    assert kept is not None
    assert kept.read_text() == TRACEBACK
    shutil.rmtree(kept.parent)


def test_a_fault_at_the_start_is_told_with_the_place_of_its_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(PLANTED)
    environment = sealed(tmp_path, PYTHONPATH=str(hooks), SOME_TOKEN=SECRET)
    with (
        pytest.raises(BridgeError, match=r"planted, with \(secret\) in it"),
        Bridge(Settings(rehearse=True), environment=environment) as bridge,
    ):
        bridge.wait_ready()
    [kept] = (tmp_path / "home/.local/state/claude-run").iterdir()
    assert f"what is known of it: {kept}\n" in capfd.readouterr().err
    assert is_fault(kept.read_text())
    assert "planted, with (secret) in it" in kept.read_text()


def test_a_bridge_that_crashes_leaves_its_stack(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Bridge(Settings(rehearse=True), environment=sealed(tmp_path)) as bridge:
        bridge.wait_ready()
        psutil.Process(bridge.pid).send_signal(signal.SIGSEGV)
    [kept] = (tmp_path / "home/.local/state/claude-run").iterdir()
    assert f"what is known of it: {kept}\n" in capfd.readouterr().err
    assert "Segmentation fault" in kept.read_text()


def test_a_run_without_faults_keeps_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Bridge(Settings(rehearse=True), environment=sealed(tmp_path)) as bridge:
        bridge.wait_ready()
    assert capfd.readouterr().err == ""
    assert not list((tmp_path / "home").iterdir())


def test_a_client_that_goes_away_is_no_fault(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]})
    with Bridge(Settings(rehearse=True), environment=sealed(tmp_path)) as bridge:
        bridge.wait_ready()
        url = urlsplit(bridge.base_url)
        connection = http.client.HTTPConnection(url.hostname or "", url.port)
        connection.request(
            "POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {bridge.api_key}"}
        )
        connection.close()
        with openai.OpenAI(base_url=bridge.base_url, api_key=bridge.api_key) as client:
            client.chat.completions.create(
                model="sonnet", messages=[{"role": "user", "content": "still there?"}]
            )
    assert "went wrong" not in capfd.readouterr().err
    assert bridge.last_report is not None
    assert not (tmp_path / "home/.local/state/claude-run").exists()


def test_a_run_directory_that_a_cleaner_removed_is_made_again(tmp_path: Path) -> None:
    with Bridge(Settings(rehearse=True), environment=sealed(tmp_path)) as bridge:
        bridge.wait_ready()
        directory = Path(psutil.Process(bridge.pid).environ()["TMPDIR"])
        while directory.exists():  # what is being started may write there meanwhile
            shutil.rmtree(directory, ignore_errors=True)
        with openai.OpenAI(base_url=bridge.base_url, api_key=bridge.api_key) as client:
            answer = client.chat.completions.create(
                model="sonnet",
                messages=[
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "What is Python?"},
                ],
            )
        assert "This is a rehearsal." in (answer.choices[0].message.content or "")
    assert not directory.exists()
