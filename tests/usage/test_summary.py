import io
import os
import pty
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_run.turn import Failure, Notice, Overage, PlanWindow
from claude_run.usage.cures import CURES
from claude_run.usage.paper import Paper, paper_of
from claude_run.usage.record import CallError, CallRecord
from claude_run.usage.summary import Detail, Telling, print_summary, summary
from claude_run.usage.tally import totals
from claude_run.usage.windows import lasting
from claude_run.usage.words import FREE, PAYERS, cells, duration
from tests.usage.records import (
    HOSTILE,
    NOW,
    OPUS,
    OVERLOADED,
    SONNET,
    UNKNOWN,
    USED_UP,
    call,
    failed,
    run,
    some_calls,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80, 120)
USED = (
    PlanWindow("five_hour", "rejected", 1.0, NOW + 7200),
    PlanWindow("seven_day", "allowed", 0.5, NOW + 90_000),
)
EVERYTHING = (
    *(
        call(
            asked_model="gpt-4.1-mini",
            notices=tuple(Notice(f, f"{f} is ignored") for f in ("seed", "user", "n", "logprobs")),
            queued=0.2,
            windows=(PlanWindow("five_hour", "allowed", 0.96),),
            at_once=4,
        )
        for _ in range(11)
    ),
    *(failed(USED_UP, windows=USED) for _ in range(3)),
    call(model=OPUS, mapped_model=OPUS, asked_model=OPUS),
    failed(UNKNOWN, asked_model="text-embedding-3-small", mapped_model=""),
)


def told(
    *calls: CallRecord,
    width: int = 100,
    detail: Detail = "short",
    quiet: bool = False,
    **facts: Any,
) -> str:
    return summary(Telling(run(**facts), totals(calls), Paper(width), NOW, detail, quiet))


def rows(text: str) -> list[list[str]]:
    """The lines, split where there are two blanks or more."""
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


def test_the_outcome_comes_first_then_failures_and_their_cure_then_cost_then_the_table() -> None:
    text = told(*EVERYTHING, status=1)
    order = ["claude-run: pytest -q ended with 1 after 12.2 s", "FAILED", "paid by", "5 hours",
             "\nmodel ", "answered", "ignored", "speed"]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_failures_are_told_by_kind_with_what_helps() -> None:
    lines = rows(told(*EVERYTHING))
    assert ["FAILED", "4 of 16 calls"] in lines
    [quota] = [line for line in lines if line[0] == "3 x 429"]
    assert quota[1].startswith("plan window used up: wait until ")
    assert quota[1].endswith(", or --on-limit wait")
    unknown = "unknown model text-embedding-3-small: give that client its own base URL"
    assert ["1 x 404", unknown] in lines


def test_failures_of_a_kind_that_say_other_things_are_not_told_as_one() -> None:
    images = CallError("not_found", 404, None, "Claude has no images API.")
    speech = replace(images, message="Claude has no audio API.")
    lines = rows(told(failed(images), failed(speech), failed(images)))
    assert ["3 x 404", "Claude has no images API (the commonest of 2 messages)"] in lines


def test_a_name_that_is_known_here_and_not_upstream_is_not_mapped_to_itself() -> None:
    lines = rows(told(failed(replace(UNKNOWN, message="The account has no such model."))))
    assert ["1 x 404", "unknown model sonnet: The account has no such model"] in lines


def test_the_plan_tells_what_is_left_and_what_this_run_used_of_it() -> None:
    lines = rows(told(*EVERYTHING))
    payer = "your Claude subscription (the API would have charged about $0.120)"
    assert ["paid by", payer] in lines
    [five] = [line for line in lines if line[0] == "5 hours"]
    assert re.fullmatch(r"100% used \(\+4 in this run\), resets \w+ [\d:]+, in 2 h 0 min", five[1])
    [week] = [line for line in lines if line[0] == "7 days"]
    assert re.fullmatch(r"50% used, resets \w+ [\d:]+, in 1 d 1 h", week[1])


def test_the_table_has_a_row_for_each_model_and_their_sum() -> None:
    lines = rows(told(*EVERYTHING))
    assert ["model", "calls", "failed", "input", "cached", "output", "~ cost"] in lines
    assert [SONNET, "14", "3", "12,210", "11,000", "220", "$0.110"] in lines
    assert [OPUS, "1", "0", "1,110", "1,000", "20", "$0.010"] in lines
    assert ["text-embedding-3-small", "1", "1", "0", "0", "0", "-"] in lines
    assert ["total", "16", "4", "13,320", "12,000", "240", "$0.120"] in lines


def test_what_was_answered_ignored_and_how_fast_follows() -> None:
    lines = rows(told(*EVERYTHING))
    assert ["answered", f"gpt-4.1-mini by {SONNET} (11 calls)"] in lines
    assert ["ignored", "seed, user, n and 1 more: --summary full"] in lines
    speed = "first token 0.5 s; up to 4 at once; 2.2 s waiting for a session"
    assert ["speed", speed] in lines


def test_what_is_about_no_field_of_a_request_is_not_called_ignored() -> None:
    others = Notice("sessions", "one had to be started"), Notice("model gpt-4.1", "a map led on")
    calls = call(notices=(*others, Notice("seed", "seed is ignored")))
    short, full = rows(told(calls)), rows(told(calls, detail="full"))
    assert [row for row in short if row[0] in {"ignored", "noted"}] == [
        ["ignored", "seed"],
        ["noted", "one had to be started (1 time)"],
    ]
    assert ["noted", "a map led on (1 time)"] in full
    assert ["ignored", "seed is ignored (1 time)"] in full


def test_in_full_it_tells_every_notice_and_every_model() -> None:
    models = [call(model=f"m{n}", mapped_model=f"m{n}") for n in range(20)]
    assert ["13 others", "13", "14,430", "13,000", "260", "$0.130"] in rows(told(*models))
    full = told(*models, *EVERYTHING, detail="full")
    assert all(f"m{n} " in full for n in range(20))
    assert ["ignored", "logprobs is ignored (11 times)"] in rows(full)
    assert ["sessions", "36 continued"] in rows(full)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal_and_names_are_whole(width: int) -> None:
    text = told(*EVERYTHING, width=width)
    assert max(cells(line) for line in text.splitlines()) <= width
    assert all(name in text for name in (SONNET, OPUS, "text-embedding-3-small"))
    assert len(text.splitlines()) <= 30


def test_where_there_is_no_room_columns_go_that_matter_less() -> None:
    [header] = [line for line in rows(told(*EVERYTHING, width=60)) if line[0] == "model"]
    assert header == ["model", "calls", "failed", "output", "~ cost"]


@given(st.lists(some_calls, max_size=12), st.integers(60, 200), st.sampled_from(["short", "full"]))
def test_whatever_there_is_to_tell_it_fits_and_has_no_control_characters(
    calls: list[CallRecord], width: int, detail: Detail
) -> None:
    text = told(*calls, width=width, detail=detail, command=("x" * 300, HOSTILE))
    assert all(c.isprintable() for c in text.replace("\n", ""))
    assert max(cells(line) for line in text.splitlines()) <= width


def test_labels_are_told_where_there_are_any() -> None:
    assert "label" not in told(call())
    lines = rows(told(call(label="train"), call(label="train"), call()))
    assert ["train", "2", "2,220", "2,000", "40", "$0.020"] in lines
    assert ["(no label)", "1", "1,110", "1,000", "20", "$0.010"] in lines


@pytest.mark.parametrize("payer", PAYERS)
def test_every_payer_has_words_and_what_is_free_has_no_cost(payer: str) -> None:
    text = told(call(), paid_by=payer)
    assert PAYERS[payer] in text
    assert ("$" in text) is (payer not in FREE)


def test_extra_usage_that_is_paid_for_is_never_left_out() -> None:
    text = told(call(overage=Overage(in_use=True)), paid_by="subscription")
    line = ["extra", "1 call, 1,130 tokens, about $0.010 of paid extra usage"]
    assert line in rows(text)
    assert line in rows(told(call(overage=Overage(in_use=True)), quiet=True))


def test_why_extra_usage_is_not_available_is_told_where_the_plan_is_used_up() -> None:
    overage = Overage(in_use=False, status="rejected", disabled_reason="out_of_credits")
    used_up = failed(USED_UP, overage=overage, windows=(PlanWindow("five_hour", "rejected", 1.0),))
    assert ["extra", "paid extra usage is not available: out of credits"] in rows(told(used_up))
    assert "extra" not in told(call(overage=overage))


def test_a_bridge_that_died_is_said_before_the_figures() -> None:
    text = told(call(), is_complete=False)
    assert text.index("The bridge died on the way") < text.index(SONNET)


def test_quiet_leaves_what_failed() -> None:
    assert told(call(), quiet=True) == ""
    text = told(call(), failed(OVERLOADED), quiet=True)
    assert "FAILED  1 of 2 calls" in text
    assert "paid by" not in text


def test_none_tells_nothing() -> None:
    assert told(*EVERYTHING, detail="none") == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("codex", "Codex reads no OPENAI_BASE_URL"),
        ("/usr/bin/opencode", "opencode reads no OPENAI_BASE_URL"),
        ("goose", "add --for goose"),
        ("cn", "add --for continue"),
        ("make", "may have needed no model"),
    ],
)
def test_a_run_without_calls_says_why_that_may_be(command: str, words: str) -> None:
    text = told(command=(command, "run"))
    assert "no calls  were made to Claude" in text
    assert words in text


def test_a_command_is_not_blamed_for_a_bridge_that_could_not_start() -> None:
    assert "no calls  were made to Claude: the bridge could not start\n" in told(is_served=False)


def test_every_kind_of_failure_has_a_cure_or_a_message_that_is_one() -> None:
    assert set(CURES) == set(Failure)


def test_it_is_plain_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stderr = io.StringIO()
    print_summary(run(), totals(EVERYTHING), stderr)
    assert "FAILED" in stderr.getvalue()
    assert stderr.getvalue().isascii()
    assert "\x1b" not in stderr.getvalue()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_it_is_coloured_in_a_terminal_unless_colours_are_unwanted(
    no_color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    screen, far = pty.openpty()
    os.set_blocking(screen, False)
    with os.fdopen(far, "w") as stderr:
        print_summary(run(), totals(EVERYTHING), stderr)
        shown = os.read(screen, 100_000).decode()
        assert paper_of(stderr).width == 80
    os.close(screen)
    assert ("\x1b[" in shown) is (no_color == "")
    assert "\x1b[2m" not in shown  # dim is unreadable on a light ground
    assert max(len(ANSI.sub("", line)) for line in shown.splitlines()) <= 80


def test_nothing_that_goes_wrong_gets_out() -> None:
    stderr = io.StringIO()
    stderr.close()
    print_summary(run(), totals([]), stderr)
    print_summary(run(), totals([]), None)


def test_no_time_is_shorter_than_nothing_where_a_clock_was_put_back() -> None:
    assert duration(-86400.0) == "0.0 s"
    assert lasting(-86400.0) == "0 s"
