"""Whatever clients do, no answer is wrong and nothing is lost."""

import pytest

from tests.benchmarks.stress import AT_ONCE, MOST_SESSIONS, Findings, endure


@pytest.fixture(scope="module")
def found() -> Findings:
    return endure(clients=25, seconds=8.0)


def test_every_answer_is_right(found: Findings) -> None:
    assert found.tally.wrong == []
    assert len(found.tally.done) > 4


def test_no_conversation_holds_anything_of_another(found: Findings) -> None:
    assert found.mixed == 0


def test_every_place_is_free_again(found: Findings) -> None:
    assert found.places == AT_ONCE


def test_there_are_never_more_sessions_than_allowed(found: Findings) -> None:
    assert 0 < found.sessions <= found.most_sessions <= MOST_SESSIONS


def test_no_file_stays_open_and_no_process_stays_behind(found: Findings) -> None:
    assert (found.files, found.orphans) == (0, 0)
