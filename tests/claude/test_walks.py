"""A process that was changed asks what one born so asks, whatever it was before."""

import os
from pathlib import Path

import pytest

from tests.claude.walks import walk
from tests.scripted import ScriptedUpstream

STEPS = int(os.environ.get("WALK_STEPS", "60"))


@pytest.mark.timeout(max(120, STEPS))
def test_whatever_a_process_was_it_asks_what_one_born_so_asks(
    environment: dict[str, str],
    upstream: ScriptedUpstream,
    tmp_path: Path,
) -> None:
    changed = {k: v for k, v in environment.items() if os.environ.get(k) != v}
    assert walk(upstream, tmp_path, changed, seed=1, shapes=12, steps=STEPS) == STEPS
