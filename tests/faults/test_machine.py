"""Two of what a machine can run out of; `python -m tests.faults` tries all of it."""

from pathlib import Path

import pytest

from tests.faults.machine import MACHINES, wrong


@pytest.mark.parametrize("name", ["no file descriptor left", "no file may grow"])
def test_what_is_used_up_is_told_and_passes(name: str, tmp_path: Path) -> None:
    assert wrong(MACHINES[name](tmp_path)) == []
