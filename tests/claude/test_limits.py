"""What a run allows itself on a machine."""

import pytest

from claude_run.claude.limits import MIB, limits_of
from claude_run.settings import Settings

GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("settings", "cores", "available", "concurrency", "sessions"),
    [
        (Settings(), 2, 24 * GIB, 16, 32),
        (Settings(), 16, 64 * GIB, 32, 64),
        (Settings(), 2, 2 * GIB, 3, 3),
        (Settings(), 2, 512 * MIB, 2, 2),
        (Settings(max_concurrency=3), 2, 24 * GIB, 3, 32),
        (Settings(max_sessions=4), 2, 24 * GIB, 4, 4),
        (Settings(max_concurrency=50), 2, 24 * GIB, 50, 50),
        (Settings(max_concurrency=8, max_sessions=2), 2, 24 * GIB, 2, 2),
    ],
)
def test_limits_follow_the_machine_and_every_turn_can_have_a_session(
    settings: Settings, cores: int, available: int, concurrency: int, sessions: int
) -> None:
    limits = limits_of(settings, cores=cores, available=available)
    assert (limits.concurrency, limits.sessions) == (concurrency, sessions)


def test_only_as_many_processes_start_at_once_as_keep_the_cores_busy() -> None:
    limits = [limits_of(Settings(), cores=cores, available=24 * GIB) for cores in (1, 2, 16)]
    assert [limit.starts for limit in limits] == [2, 3, 17]


def test_before_anybody_has_asked_half_of_the_cores_are_left_to_the_command() -> None:
    limits = [limits_of(Settings(), cores=cores, available=24 * GIB) for cores in (1, 2, 4, 16)]
    assert [limit.spares for limit in limits] == [1, 1, 2, 2]
