from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_run.turn import PlanWindow, Usage
from claude_run.usage.record import CallRecord
from claude_run.usage.tally import totals
from claude_run.usage.totals import Sums, model_of, repeated, spread
from tests.usage.records import OPUS, OVERLOADED, SONNET, UNKNOWN, call, failed, some_calls


def added(groups: Sequence[Sums]) -> Sums:
    return sum(groups, Sums())


@given(st.lists(some_calls, max_size=20))
def test_models_and_labels_each_add_up_to_the_whole(calls: list[CallRecord]) -> None:
    told = totals(calls)
    for groups in (told.models, told.labels):
        whole = added(list(groups.values()))
        assert whole.usage == told.together.usage
        assert (whole.calls, whole.failed) == (told.together.calls, told.together.failed)
        assert whole.cost_usd == pytest.approx(told.together.cost_usd)
        assert whole.seconds == pytest.approx(told.together.seconds)
    assert sum(error.calls for error in told.errors) == told.together.failed
    assert sum(told.sessions.values()) == sum(record.session is not None for record in calls)


@given(st.lists(some_calls, max_size=20))
def test_each_call_is_counted_for_the_model_that_it_is_shown_with(calls: list[CallRecord]) -> None:
    told = totals(calls)
    shown = Counter(model_of(record, told.answering) for record in calls)
    assert shown == {model: sums.calls + sums.retries for model, sums in told.models.items()}


@given(st.lists(some_calls, max_size=20))
def test_each_failure_is_shown_as_one_unless_it_was_asked_again(calls: list[CallRecord]) -> None:
    shown = sum(call.error is not None for call in calls) - len(repeated(calls))
    assert shown == totals(calls).together.failed


def test_a_models_successes_and_failures_stand_in_one_row() -> None:
    told = totals([call(), failed(), failed(mapped_model=OPUS)])
    assert {model: (sums.calls, sums.failed) for model, sums in told.models.items()} == {
        SONNET: (2, 1),
        OPUS: (1, 1),
    }


def test_a_cost_that_is_not_known_is_not_counted_as_nothing() -> None:
    assert totals([failed()]).together.cost_usd is None
    assert totals([call(cost_usd=0.5), failed()]).together.cost_usd == 0.5


def test_errors_are_told_by_kind_with_the_commonest_message_and_the_names_asked_for() -> None:
    told = totals(
        [
            failed(UNKNOWN, asked_model="b"),
            failed(UNKNOWN, asked_model="a"),
            failed(OVERLOADED),
        ]
    )
    unknown, overloaded = told.errors
    assert (unknown.kind, unknown.status, unknown.calls) == ("model_not_found", 404, 2)
    assert (unknown.message, unknown.models) == (UNKNOWN.message, ("a", "b"))
    assert overloaded.calls == 1


def test_an_attempt_that_is_repeated_and_answered_has_not_failed() -> None:
    first = failed(OVERLOADED, request_id="a", label="x")
    again = call(retry_of="a", label="x")
    told = totals([first, again])
    assert (told.together.calls, told.together.retries, told.together.failed) == (1, 1, 0)
    assert told.errors == ()
    assert told.labels["x"].failed == told.models[SONNET].failed == 0


def test_attempts_that_all_fail_are_one_failure_of_the_last_kind() -> None:
    attempts = [failed(OVERLOADED, request_id="a"), failed(UNKNOWN, retry_of="a")]
    told = totals(attempts)
    assert (told.together.calls, told.together.retries, told.together.failed) == (1, 1, 1)
    assert [(error.kind, error.calls) for error in told.errors] == [("model_not_found", 1)]


def heard(*used: float | None) -> list[CallRecord]:
    return [call(windows=(PlanWindow("five_hour", "allowed", u),)) for u in used]


@pytest.mark.parametrize(
    ("used", "last", "here"),
    [
        ((0.25, 0.25, 0.5), 0.5, 0.25),
        ((0.25,), 0.25, 0.0),
        ((0.75, 0.0), 0.0, None),  # it began anew: what was used before is not known
        ((0.25, None), 0.25, 0.0),
        ((None, 0.5), 0.5, 0.0),
    ],
)
def test_a_window_is_told_as_last_heard_and_by_how_much_it_filled(
    used: tuple[float | None, ...], last: float, here: float | None
) -> None:
    [window] = totals(heard(*used)).windows
    assert (window.last.utilization, window.used_here) == (last, here)


def test_percentiles_are_times_that_were_measured() -> None:
    told = spread(n / 10 for n in range(1, 101))
    assert told is not None
    assert (told.p50, told.p95, told.longest) == (5.0, 9.5, 10.0)
    assert spread([]) is None


def test_tokens_are_added_each_kind_for_itself() -> None:
    told = totals([call(Usage(1, 2, 3, 4, 5)), call(Usage(10, 20, 30, 40, 50))])
    assert told.together.usage == Usage(11, 22, 33, 44, 55)
