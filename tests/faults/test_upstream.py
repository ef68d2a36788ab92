"""Some of what an upstream does wrong; `python -m tests.faults` tries all of it."""

from collections.abc import Iterator

import pytest

from tests.faults.trying import Trial, trial

SOME = (
    "resets at once",
    "a page",
    "packed, it says",
    "cut in an event",
    "refused until beyond all time",
    "a window that resets beyond all time",
    "no start",
    "usage below nothing",
    "a byte at a time",
)


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with trial(tmp_path_factory.mktemp("upstream")) as tried:
        yield tried


@pytest.mark.parametrize("name", SOME)
def test_no_fault_of_the_upstreams_is_an_answer_or_a_hang(upstream: Trial, name: str) -> None:
    assert upstream.tried(name).wrong(name) == []
