"""Whether a call may be sent, decided purely."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.turn import Overage, PlanWindow, Sampling, Text, TurnRequest, UserTurn
from claude_run.usage.budget import (
    Admitted,
    Amount,
    Later,
    Limits,
    Reason,
    Refusal,
    State,
    admit,
    nearly_used_up,
)
from claude_run.usage.windows import Plan, crossed, headers_of

NOW = 1_800_000_000.0
ASKED = TurnRequest("sonnet", (UserTurn((Text("x" * 400),)),))


def window(name: str = "five_hour", **known: Any) -> PlanWindow:
    return PlanWindow(**{"name": name, "status": "allowed", "heard_at": NOW - 60, **known})


def plan(*windows: PlanWindow, **overage: Any) -> Plan:
    return Plan().heard(windows, Overage(**overage) if overage else None)


def decided(limits: Limits, plan: Plan | None = None, model: str = "", **state: Amount) -> Any:
    return admit(State(limits, plan or Plan(), now=NOW, **state), ASKED, model)


def test_without_limits_everything_is_sent() -> None:
    assert isinstance(decided(Limits(), spent=Amount(10**6, 1e12, 1e6)), Admitted)


@pytest.mark.parametrize(
    ("limits", "flag"),
    [
        (Limits(max_calls=5), "--max-calls 5"),
        (Limits(max_tokens=1000), "--max-tokens 1000"),
        (Limits(max_cost=2.5), "--max-cost 2.5"),
    ],
)
def test_a_budget_that_is_used_up_is_named(limits: Limits, flag: str) -> None:
    refusal = decided(limits, spent=Amount(5, 1000, 2.5))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.BUDGET
    assert flag in refusal.message
    assert refusal.until is None
    assert isinstance(decided(limits, spent=Amount(4, 999, 2.49)), Admitted)
    state = State(limits, spent=Amount(4, 800, 2.0))
    assert nearly_used_up(state) == [flag]
    assert nearly_used_up(replace(state, spent=Amount(3, 799, 1.9))) == []


def test_calls_in_flight_count_as_calls_at_once() -> None:
    assert isinstance(decided(Limits(max_calls=3), reserved=Amount(3)), Refusal)


def test_what_calls_in_flight_may_use_up_is_waited_for() -> None:
    limits = Limits(max_tokens=1000)
    spent = Amount(2, 600, charged=2)  # 300 a call
    assert isinstance(decided(limits, spent=spent, reserved=Amount(1, 300)), Later)
    assert isinstance(decided(limits, spent=spent), Admitted)


ROOM = [Limits(max_tokens=70_000), Limits(max_cost=0.4)]


@pytest.mark.parametrize("limits", ROOM, ids=["tokens", "cost"])
def test_until_a_call_has_ended_each_is_reserved_for_as_a_long_one(limits: Limits) -> None:
    first = decided(limits, model="haiku").reserved
    flying, sent = first, 1
    while isinstance(decision := decided(limits, reserved=flying, model="haiku"), Admitted):
        flying, sent = flying + decision.reserved, sent + 1
    assert sent == 4
    assert isinstance(decision, Later)
    failures = Amount(5)  # and what has failed at once tells nothing
    assert isinstance(decided(limits, spent=failures, reserved=flying, model="haiku"), Later)
    one_has_ended = Amount(1, 600, 0.01, charged=1)
    rest = flying - first
    assert isinstance(decided(limits, spent=one_has_ended, reserved=rest, model="haiku"), Admitted)


def test_a_short_answer_is_reserved_for_as_that_and_a_dear_model_for_more() -> None:
    limits = Limits(max_tokens=70_000, max_cost=2.0)
    short = replace(ASKED, sampling=Sampling(max_tokens=100))
    long, dear = (admit(State(limits), ASKED, model) for model in ("haiku", "opus"))
    brief = admit(State(limits), short, "haiku")
    assert isinstance(long, Admitted)
    assert isinstance(dear, Admitted)
    assert isinstance(brief, Admitted)
    assert brief.reserved.tokens < long.reserved.tokens / 10
    assert brief.reserved.cost < long.reserved.cost / 10
    assert dear.reserved.cost == pytest.approx(5 * long.reserved.cost)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(100, 100_000))
def test_concurrency_runs_past_a_budget_only_by_what_was_not_expected(
    seed: int, at_once: int, most: int
) -> None:
    chance = random.Random(seed)
    limits, spent, flying = Limits(max_tokens=most), Amount(), list[Amount]()
    surprise = 0.0
    for _ in range(400):
        reserved = sum(flying, Amount())
        decision = admit(State(limits, Plan(), spent, reserved, NOW), ASKED)
        if isinstance(decision, Admitted) and len(flying) < at_once:
            flying.append(decision.reserved)
        elif flying:
            expected = flying.pop(chance.randrange(len(flying)))
            used = chance.randint(1, 2000)
            surprise += max(0.0, used - expected.tokens)
            spent += Amount(1, used, charged=1)
        else:
            assert isinstance(decision, Refusal)
            break
    assert spent.tokens <= most + surprise + 2000


def test_a_window_that_is_used_up_refuses_until_it_resets() -> None:
    used_up = window(status="rejected", resets_at=NOW + 3600)
    refusal = decided(Limits(), plan(used_up))
    assert (refusal.reason, refusal.until) == (Reason.LIMIT, NOW + 3600)
    assert "5-hour window" in refusal.message
    assert "in 1 h 0 min" in refusal.message
    assert "--on-limit wait" in refusal.message
    assert isinstance(decided(Limits(), plan(replace(used_up, resets_at=NOW))), Admitted)


@pytest.mark.parametrize(
    "harmless",
    [
        window(status="allowed_warning", utilization=0.99, resets_at=NOW + 9),
        window("seven_day_opus", status="rejected", resets_at=NOW + 9),
        window("lunar", status="rejected", resets_at=NOW + 9),
        window(status="rejected"),
    ],
    ids=["a warning", "another model's", "of a name not known", "without a reset"],
)
def test_what_may_be_past_or_anothers_is_left_to_the_api(harmless: PlanWindow) -> None:
    assert isinstance(decided(Limits(), plan(harmless)), Admitted)


def test_of_several_windows_the_last_reset_counts() -> None:
    both = plan(
        window(status="rejected", resets_at=NOW + 60),
        window("seven_day", status="rejected", resets_at=NOW + 9000),
    )
    assert decided(Limits(), both).until == NOW + 9000


def test_max_window_leaves_room_in_the_five_hours() -> None:
    limits = Limits(max_window=80)
    full = plan(window(utilization=0.8, resets_at=NOW + 60))
    assert decided(limits, full).until == NOW + 60
    assert "--max-window is 80" in decided(limits, full).message
    assert isinstance(decided(limits, plan(window(utilization=0.79))), Admitted)
    assert isinstance(decided(limits, plan(window("seven_day", utilization=0.9))), Admitted)
    past = plan(window(utilization=0.9, resets_at=NOW - 1))
    assert isinstance(decided(limits, past), Admitted)


def test_extra_usage_stops_whoever_guards_against_it() -> None:
    drawing = plan(window(status="rejected", resets_at=NOW + 60), in_use=True, status="allowed")
    refusal = decided(Limits(guarded=True), drawing)
    assert (refusal.reason, refusal.until) == (Reason.EXTRA_USAGE, NOW + 60)
    assert "--extra-usage allow" in refusal.message
    assert isinstance(decided(Limits(), drawing), Admitted)


def test_extra_usage_ends_with_the_window_it_stood_in_for() -> None:
    past = plan(window(status="rejected", resets_at=NOW - 1), in_use=True)
    assert isinstance(decided(Limits(guarded=True), past), Admitted)
    assert isinstance(decided(Limits(guarded=True), plan(in_use=True)), Refusal)
    refused = plan(in_use=False, status="rejected", disabled_reason="out_of_credits")
    assert isinstance(decided(Limits(guarded=True), refused), Admitted)


def test_of_what_is_heard_the_newest_counts() -> None:
    late, early = window(utilization=0.5, heard_at=NOW), window(utilization=0.4, heard_at=NOW - 1)
    assert Plan().heard([late], None).heard([early], None).windows["five_hour"] == late


def test_a_threshold_is_crossed_once_and_the_highest_is_told() -> None:
    def at(share: float, resets_at: float = NOW) -> Plan:
        return plan(window(utilization=share, resets_at=resets_at))

    def told(before: Plan, after: Plan) -> list[float]:
        return [threshold for _, threshold in crossed(before, after)]

    assert told(Plan(), at(0.74)) == []
    assert told(at(0.74), at(0.75)) == [0.75]
    assert told(at(0.75), at(0.8)) == []
    assert told(at(0.5), at(1.0)) == [0.9]
    assert told(at(0.95, NOW), at(0.76, NOW + 9000)) == [0.75]
    assert told(at(0.75, NOW), at(0.76, NOW + 1)) == []


def test_headers_hold_no_more_than_a_header_may() -> None:
    strange = window("ünd\r\nso", status="rej\r\nected", utilization=0.5, resets_at=NOW + 9)
    for name, value in headers_of(plan(strange), NOW):
        assert (name + value).isascii()
        assert "\n" not in name + value
