"""A short search, the same every time, and whatever any search has found before."""

from collections.abc import Iterator

import pytest

from claude_run.bridge import Bridge
from tests.fuzz.found import FOUND
from tests.fuzz.search import Search, replaying
from tests.fuzz.trying import Target
from tests.scripted import ScriptedUpstream


@pytest.fixture(scope="module")
def dry() -> Iterator[Search]:
    with replaying() as target:
        yield Search(target)


@pytest.fixture
def live(bridge: Bridge, upstream: ScriptedUpstream) -> Target:
    del upstream  # it answers whatever is asked
    return Target(bridge)


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_is_not_found_again(live: Target, name: str) -> None:
    assert live.body(FOUND[name]) < 500


def test_no_body_is_a_fault_of_ours(dry: Search) -> None:
    dry.bodies(500, start=1)
    assert {name.split()[-1] for name in dry.tally} >= {"400", "409"}


def test_no_bytes_are_a_fault_of_ours(dry: Search) -> None:
    dry.bytes(400, start=1)
    assert {"raw 200", "raw 400", "raw 401"} <= dry.tally.keys()


def test_no_body_breaks_an_answer_of_the_cli(live: Target) -> None:
    search = Search(live)
    search.bodies(40, start=1)
    assert sum(search.tally.values()) >= 40
