"""A short soak: every dialect, upstream's faults, and CLIs that are killed."""

from tests.soak.enduring import soaked


def test_nothing_is_wrong_lost_or_left_whatever_is_killed() -> None:
    result = soaked(clients=10, seconds=8.0, kill_every=2.0)
    assert result.faults() == [], result.wrong
    assert result.found.killed > 0
    assert len(result.found.tally.done) > 6
    assert result.model.compared > 20
