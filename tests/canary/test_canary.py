"""The canary names what does not hold, and its status says that something does not."""

import subprocess
import sys

FACT = "the SDK brings a CLI along, which starts"


def canary(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.canary", "--only", FACT, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_fact_that_does_not_hold_is_told_by_name() -> None:
    told = canary("--cli", "/bin/false")
    assert told.returncode == 1
    assert f"BROKEN  {FACT}" in told.stdout
    assert "0 hold, 1 do not" in told.stdout


def test_what_is_installed_is_named() -> None:
    told = canary()
    assert told.returncode == 0, told.stdout
    assert "(Claude Code)" in told.stdout.splitlines()[0]
    assert f"holds   {FACT}" in told.stdout
