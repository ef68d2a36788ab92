import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from claude_run.child import GRACE, ONE, command_environment
from tests.wrapped import (
    REHEARSING,
    asker,
    bridge_of,
    dismiss,
    finished,
    said,
    sealed,
    started,
    survivors,
    witness,
)

URL, KEY = "http://127.0.0.1:1/v1", "a-key"
LOOPBACK = "127.0.0.1,localhost"


# --- environment ----------------------------------------------------------------------


def test_a_command_is_given_both_names_of_the_base_url_the_key_and_a_sign() -> None:
    assert command_environment({"HOME": "/h"}, URL, KEY) == {
        "HOME": "/h",
        "OPENAI_BASE_URL": URL,
        "OPENAI_API_BASE": URL,
        "OPENAI_API_KEY": KEY,
        "OPENAI_AGENTS_DISABLE_TRACING": "1",
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
        "CLAUDE_RUN": "1",
    }


@pytest.mark.parametrize(
    ("before", "upper", "lower"),
    [
        ({"NO_PROXY": "corp.example"}, f"corp.example,{LOOPBACK}", f"corp.example,{LOOPBACK}"),
        ({"no_proxy": ".a, .b"}, f".a,.b,{LOOPBACK}", f".a,.b,{LOOPBACK}"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, f"a,{LOOPBACK}", f"b,{LOOPBACK}"),
        ({"NO_PROXY": "localhost"}, "localhost,127.0.0.1", "localhost,127.0.0.1"),
        ({"NO_PROXY": "*"}, "*", "*"),
    ],
)
def test_loopback_is_added_to_what_is_kept_from_proxies(
    before: dict[str, str], upper: str, lower: str
) -> None:
    after = command_environment(before, URL, KEY)
    assert (after["NO_PROXY"], after["no_proxy"]) == (upper, lower)


def test_a_decision_of_the_user_about_tracing_is_kept() -> None:
    before = {"OPENAI_AGENTS_DISABLE_TRACING": "0"}
    assert command_environment(before, URL, KEY)["OPENAI_AGENTS_DISABLE_TRACING"] == "0"


PORTRAIT = """
import json, os, signal, sys
names = [s for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP)]
umask = os.umask(0)
print(json.dumps({
    "ignored": [s for s in names if signal.getsignal(s) is signal.SIG_IGN],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "directory": os.getcwd(),
    "umask": umask,
    "files": sorted(os.listdir("/dev/fd")),
    "nice": os.nice(0),
    "group": os.getpgrp(),
    "session": os.getsid(0),
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
}))
"""


def test_apart_from_its_environment_a_command_finds_everything_as_without_us(
    tmp_path: Path,
) -> None:
    def some_signals_changed() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})

    def portrait(prefix: tuple[str, ...]) -> dict[str, object]:
        command = [*prefix, sys.executable, "-c", PORTRAIT, "--", "-x", "", "ü *"]
        result = finished(
            command,
            sealed(tmp_path, LANG="C.UTF-8"),
            preexec_fn=some_signals_changed,
            cwd=tmp_path,
            umask=0o027,
        )
        portrait: dict[str, object] = json.loads(result.stdout)
        return portrait

    bare, wrapped = portrait(()), portrait(REHEARSING)
    assert wrapped.pop("environment") != bare.pop("environment")
    assert bare["ignored"]
    assert bare["blocked"] == [signal.SIGUSR2]
    assert wrapped == bare


# --- exit status ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 255", 255),
        ("kill -TERM $$", 128 + signal.SIGTERM),
        ("kill -KILL $$", 128 + signal.SIGKILL),
        ("kill -INT $$", 128 + signal.SIGINT),
        ("kill -ABRT $$", 128 + signal.SIGABRT),
    ],
)
def test_the_exit_status_is_the_commands(script: str, status: int, tmp_path: Path) -> None:
    assert finished([*REHEARSING, "sh", "-c", script], sealed(tmp_path)).returncode == status


@pytest.mark.parametrize(
    ("name", "content", "mode", "status", "told"),
    [
        ("missing", None, 0, 127, "command not found"),
        ("plain", "#!/bin/sh\n", 0o644, 126, "Permission denied"),
        ("nonsense", "\x7fnonsense", 0o755, 126, "Exec format error"),
        ("orphan", "#!/no/such/interpreter\n", 0o755, 126, "its interpreter was not found"),
    ],
)
def test_a_command_that_cannot_start_is_told_apart_as_shells_do(
    name: str, content: str | None, mode: int, status: int, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    result = finished([*REHEARSING, str(path)], sealed(tmp_path))
    assert result.returncode == status
    assert result.stderr == f"claude-run: {path}: {told}\n"
    assert not list((tmp_path / "tmp").iterdir())


def test_output_and_input_pass_byte_for_byte(tmp_path: Path) -> None:
    everything = bytes(range(256)) * 400
    result = subprocess.run(
        [*REHEARSING, "cat"],
        input=everything,
        env=sealed(tmp_path),
        capture_output=True,
        check=True,
    )
    assert result.stdout == everything


# --- signals --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGWINCH"])
def test_a_signal_sent_to_the_wrapper_alone_reaches_the_command_once(
    name: str, tmp_path: Path
) -> None:
    with started([*REHEARSING, *witness(name, "SIGUSR2")], sealed(tmp_path)) as wrapper:
        assert said(wrapper) == "ready"
        wrapper.send_signal(signal.Signals[name])
        assert said(wrapper) == name
        wrapper.send_signal(signal.SIGUSR2)  # a second one of the first would come before it
        assert said(wrapper) == "SIGUSR2"
        assert dismiss(wrapper) == 7


def test_a_signal_that_kills_the_command_shows_in_the_exit_status(tmp_path: Path) -> None:
    with started([*REHEARSING, *witness()], sealed(tmp_path)) as wrapper:
        assert said(wrapper) == "ready"
        wrapper.send_signal(signal.SIGTERM)
        assert wrapper.wait() == 128 + signal.SIGTERM


def test_sigterms_at_once_are_one(tmp_path: Path) -> None:
    """So `timeout` and supervisors send it: to the process, and to its group."""
    with started([*REHEARSING, *witness("SIGTERM")], sealed(tmp_path)) as wrapper:
        assert said(wrapper) == "ready"
        for _ in range(3):
            wrapper.send_signal(signal.SIGTERM)
        assert said(wrapper) == "SIGTERM"
        with pytest.raises(subprocess.TimeoutExpired):
            wrapper.wait(GRACE * 1.5)
        assert dismiss(wrapper) == 7


def test_a_second_sigterm_kills_when_the_grace_period_is_over(tmp_path: Path) -> None:
    with started([*REHEARSING, *witness("SIGTERM")], sealed(tmp_path)) as wrapper:
        assert said(wrapper) == "ready"
        first = time.monotonic()
        wrapper.send_signal(signal.SIGTERM)
        assert said(wrapper) == "SIGTERM"
        time.sleep(2 * ONE)
        wrapper.send_signal(signal.SIGTERM)
        assert wrapper.wait() == 128 + signal.SIGKILL
        assert time.monotonic() - first >= GRACE


def test_a_signal_the_wrapper_was_started_to_ignore_is_ignored(tmp_path: Path) -> None:
    with started(
        [*REHEARSING, *witness("SIGUSR1")],
        sealed(tmp_path),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    ) as wrapper:
        assert said(wrapper) == "ready"
        wrapper.send_signal(signal.SIGHUP)
        wrapper.send_signal(signal.SIGUSR1)
        assert said(wrapper) == "SIGUSR1"
        assert dismiss(wrapper) == 7


# --- the bridge beside it -------------------------------------------------------------


def test_when_the_bridge_dies_it_is_told_at_once_and_the_command_goes_on(tmp_path: Path) -> None:
    with started([*REHEARSING, *asker()], sealed(tmp_path)) as wrapper:
        assert wrapper.stdin is not None
        assert wrapper.stderr is not None
        assert said(wrapper) == "asked 0"
        bridge = bridge_of(wrapper.pid)
        claude = bridge.children(recursive=True)
        assert claude
        bridge.kill()
        assert wrapper.stderr.readline() == "claude-run: the bridge died (signal 9)\n"
        assert "the command goes on" in wrapper.stderr.readline()
        assert survivors(claude, 5) == []
        wrapper.stdin.write("still here\n")
        wrapper.stdin.flush()
        assert said(wrapper) == "read still here"
        assert dismiss(wrapper) == 7


def test_a_wrapper_that_is_killed_takes_bridge_and_claude_with_it(tmp_path: Path) -> None:
    with started([*REHEARSING, *asker()], sealed(tmp_path)) as wrapper:
        assert said(wrapper) == "asked 0"
        bridge = bridge_of(wrapper.pid)
        claude = bridge.children(recursive=True)
        assert claude
        wrapper.kill()
        assert survivors([bridge, *claude], 5) == []
    assert not list((tmp_path / "tmp").iterdir())
