"""What is likely to be asked next."""

from claude_run.claude.pool.candidates import Wanted
from claude_run.claude.pool.demand import Demand
from claude_run.claude.pool.lru import Recent
from claude_run.claude.session.shape import Tuning, shape_of
from claude_run.claude.tools import names_of
from claude_run.turn import Text, TurnRequest, UserTurn


def wanted(system: str, model: str = "sonnet") -> Wanted:
    turns = (UserTurn((Text("hello"),)),)
    names = names_of((), turns)
    shape = shape_of(TurnRequest(model=model, system=system, turns=turns), names)
    return Wanted(shape, Tuning(model, "{}"), names, turns)


def test_one_conversation_says_nothing_of_the_next() -> None:
    demand = Demand()
    assert demand.latest() is None
    one = wanted("one")
    demand.began(one)
    assert demand.latest() is one
    assert not demand.is_lively(wanted("one").shape)
    assert list(demand.lively()) == []


def test_what_was_wanted_last_is_expected_next() -> None:
    demand = Demand()
    for system in ("one", "two", "one", "two"):
        demand.began(wanted(system))
    demand.began(wanted("one", model="haiku"))
    expected = [(wanted.shape.system, wanted.tuning.model) for wanted in demand.lively()]
    assert expected == [("one", "haiku"), ("two", "sonnet")]


def test_the_more_begins_the_more_begins_while_a_process_starts() -> None:
    demand = Demand()
    counts = []
    for _ in range(3):
        for _ in range(20):
            demand.began(wanted("busy"))
        counts.append(demand.during_a_start(wanted("busy").shape))
    assert 1 < counts[0] < counts[1] < counts[2]
    assert demand.during_a_start(wanted("quiet").shape) == 1


def test_what_could_not_be_started_is_expected_no_more() -> None:
    demand = Demand()
    for _ in range(3):
        demand.began(wanted("broken"))
    demand.forget(wanted("broken").shape)
    assert list(demand.lively()) == []


def test_conversations_go_on_where_half_of_them_have() -> None:
    demand, chat = Demand(), wanted("chat")
    went_on = []
    for _ in range(3):
        demand.began(chat)
        demand.went_on(chat)
        went_on.append(demand.goes_on(chat.shape))
    for _ in range(6):
        demand.began(chat)
        went_on.append(demand.goes_on(chat.shape))
    assert went_on == [True] * 6 + [False] * 3
    assert not demand.goes_on(wanted("something else").shape)


def test_what_conversations_did_long_ago_counts_less() -> None:
    demand, chat = Demand(), wanted("chat")
    for _ in range(200):
        demand.began(chat)
    for _ in range(32):
        demand.began(chat)
        demand.went_on(chat)
    assert demand.goes_on(chat.shape)


def test_the_recent_forgets_what_was_put_longest_ago() -> None:
    recent: Recent[str, int] = Recent(2)
    for key in ("a", "b", "a", "c"):
        recent.put(key, len(recent))
    assert list(recent) == ["a", "c"]
