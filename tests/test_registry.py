"""Bridges that run are found by their user alone, and are forgotten however they end."""

import json
import os
import signal
import stat
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from claude_run.registry import directory_of, running
from tests.wrapped import CLAUDE_RUN, bridge_of, dismiss, said, sealed, started, witness

SLOW = [*CLAUDE_RUN, "--rehearse", "--quiet", "--", "env", "SECRET=sk-proj-" + "x" * 20, *witness()]


def test_a_run_is_found_while_it_runs_and_only_its_usage_can_be_read(tmp_path: Path) -> None:
    environment = sealed(tmp_path)
    with started(SLOW, environment) as wrapper:
        assert said(wrapper) == "ready"
        [found] = running(environment)
        assert (found.pid, found.bridge) == (wrapper.pid, bridge_of(wrapper.pid).pid)
        assert found.paid_by == "rehearsal"
        assert found.title.startswith("env SECRET=(key) ")
        assert status_of(found.base_url + "/usage", found.usage_key) == 200
        for path in ("/models", "/responses/x", "/scopes/x", "/usage/x", "/usage/../models"):
            assert status_of(found.base_url + path, found.usage_key) == 401
        for path in ("/chat/completions", "/messages", "/responses/compact", "/scopes"):
            assert status_of(found.base_url + path, found.usage_key, b"{}") == 401
        assert status_of(found.base_url + "/usage", found.usage_key[:-1]) == 401
        directory = directory_of(environment)
        [file] = directory.iterdir()
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert dismiss(wrapper) == 7
    assert not directory.exists()


@pytest.mark.parametrize("dead", [["bridge"], ["wrapper"], ["wrapper", "bridge"]], ids="+".join)
def test_a_run_that_was_killed_is_forgotten(tmp_path: Path, dead: list[str]) -> None:
    environment = sealed(tmp_path)
    with started(SLOW, environment) as wrapper:
        assert said(wrapper) == "ready"
        bridge = bridge_of(wrapper.pid)
        assert len(running(environment)) == 1
        bridge.suspend()  # or it would go with the wrapper, and clean up
        for name in dead:
            os.kill({"wrapper": wrapper.pid, "bridge": bridge.pid}[name], signal.SIGKILL)
        if dead == ["bridge"]:
            dismiss(wrapper)
        else:
            wrapper.wait()
        assert running(environment) == []
        if dead == ["wrapper"]:
            bridge.resume()
            bridge.wait()
    assert not list(Path(environment["TMPDIR"]).glob(f"claude-run-{os.getuid()}/*"))


def test_what_others_could_have_written_is_not_believed(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    directory = directory_of(environment)
    directory.mkdir(mode=0o700)
    (directory / "1-1.json").write_text(json.dumps({"registry": 1, "pid": os.getpid()}))
    (directory / "2-2.json").write_text("{")
    assert running(environment) == []
    directory.chmod(0o777)
    assert running(environment) == []


def status_of(url: str, key: str, body: bytes | None = None) -> int:
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
