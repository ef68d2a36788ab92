import io
import os
import pty
import re
import time
from pathlib import Path
from typing import Any

import pytest

from claude_run.usage.summary import COST, NOTHING, print_summary, summary

NOW = 1_800_000_000.0
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def model(name: str, **counts: Any) -> dict[str, Any]:
    return {
        "model": name,
        "calls": 3,
        "errors": 1,
        "input_tokens": 1200,
        "cache_read_tokens": 30_000,
        "cache_write_tokens": 450,
        "output_tokens": 2345,
        "reasoning_tokens": 100,
        "cost_usd": 0.0123,
        **counts,
    }


def report(*models: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "models": list(models),
        "wall_seconds": 75.2,
        "claude_seconds": 12.5,
        "first_token_p50": 0.42,
        "first_token_p95": 1.5,
        "most_at_once": 4,
        "waited_seconds": 0.0,
        "paid_by": "subscription",
        "windows": [],
        "notices": [],
        "sessions": {"continued": 2, "spare": 0, "cold": 1},
        **changes,
    }


def plain(text: dict[str, Any]) -> str:
    return summary(text, width=None, now=NOW)


def rows(text: str) -> list[list[str]]:
    """The lines, split where there are two blanks or more."""
    return [re.split(r" {2,}", line) for line in text.splitlines()]


def test_each_model_has_a_row_and_several_have_a_sum() -> None:
    told = rows(plain(report(model("claude-opus-5-5"), model("claude-haiku-5-5", calls=1))))
    header = ["model", "calls", "errors", "input", "cache read", "cache write", "output"]
    assert [*header, "cost, estimated"] in told
    assert ["claude-opus-5-5", "3", "1", "1,200", "30,000", "450", "2,345", "$0.0123"] in told
    assert ["claude-haiku-5-5", "1", "1", "1,200", "30,000", "450", "2,345", "$0.0123"] in told
    assert ["together", "4", "2", "2,400", "60,000", "900", "4,690", "$0.0246"] in told


def test_a_single_model_needs_no_sum() -> None:
    assert "together" not in plain(report(model("claude-opus-5-5")))


@pytest.mark.parametrize(
    "line",
    [
        ["wall time", "1 min 15 s"],
        ["time in Claude", "12.50 s"],
        ["time to first token", "p50 0.42 s, p95 1.50 s"],
        ["most at once", "4"],
        ["sessions", "2 continued, 1 cold"],
        [COST, "$0.0123"],
        ["paid by", "your Claude subscription"],
    ],
)
def test_times_cost_and_payer_follow(line: list[str]) -> None:
    assert line in rows(plain(report(model("claude-opus-5-5"))))


@pytest.mark.parametrize(
    ("payer", "words"),
    [
        ("api-key", "your API key (metered)"),
        ("rehearsal", "nobody: it was a rehearsal"),
        ("cloud", "your cloud account (metered)"),
        ("other", "the account behind ANTHROPIC_BASE_URL"),
    ],
)
def test_every_payer_has_words(payer: str, words: str) -> None:
    assert ["paid by", words] in rows(plain(report(model("m"), paid_by=payer)))


def test_what_is_not_known_is_not_made_up() -> None:
    unknown = report(model("m", cost_usd=None), first_token_p50=None, first_token_p95=None)
    told = plain(unknown)
    assert [COST, "unknown"] in rows(told)
    assert "first token" not in told


def test_waiting_is_told_where_there_was_any() -> None:
    told = rows(plain(report(model("m"), waited_seconds=3.0)))
    assert ["most at once", "4, 3.00 s spent waiting for a session"] in told


@pytest.mark.parametrize(
    ("window", "line"),
    [
        (("five_hour", 0.42, 2 * 3600 + 60, "allowed"), ["5-hour window", "42% used", "2 h 1 min"]),
        (("seven_day", 1.0, 90_000, "rejected"), ["7-day window", "100% used, used up", "1 d 1 h"]),
        (("overage", None, None, "allowed_warning"), ["overage", "nearly used up"]),
    ],
)
def test_plan_windows_are_told_with_use_and_reset(
    window: tuple[str, float | None, float | None, str], line: list[str]
) -> None:
    name, used, resets_in, status = window
    resets_at = None if resets_in is None else NOW + resets_in
    reported = {"name": name, "utilization": used, "resets_at": resets_at, "status": status}
    [told] = [
        text
        for text in plain(report(model("m"), windows=[reported])).splitlines()
        if text.startswith(line[0])
    ]
    for words in line:
        assert words in told
    if resets_at is not None:
        assert time.strftime("resets %a %H:%M", time.localtime(resets_at)) in told


def test_notices_are_told_with_how_often() -> None:
    notices = [
        {"subject": "seed", "text": "seed is ignored", "count": 7},
        {"subject": "model", "text": "a -> b", "count": 1},
    ]
    told = rows(plain(report(model("m"), notices=notices)))
    assert ["note", "seed is ignored (7 times)"] in told
    assert ["note", "a -> b"] in told


def test_a_run_without_calls_is_one_line() -> None:
    assert plain({}) == f"{NOTHING}\n"
    assert plain(report()) == f"{NOTHING}\n"


def test_it_is_plain_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stderr = io.StringIO()
    print_summary(report(model("claude-opus-5-5")), stderr=stderr)
    told = stderr.getvalue()
    assert COST in told
    assert told.isascii()
    assert "\x1b" not in told
    assert max(map(len, told.splitlines())) <= 120


def test_it_is_coloured_and_fits_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen, far = pty.openpty()
    os.set_blocking(screen, False)
    with os.fdopen(far, "w") as stderr:
        print_summary(report(model("claude-opus-5-5")), stderr=stderr)
        shown = os.read(screen, 100_000).decode()
    os.close(screen)
    assert "\x1b[" in shown
    assert COST in ANSI.sub("", shown)
    assert max(len(ANSI.sub("", line)) for line in shown.splitlines()) <= 80


def test_names_are_shown_as_they_are() -> None:
    told = plain(report(model("sonnet[1m]"), model("[red]\x1b[2Jx")))
    assert "sonnet[1m]" in told
    assert "[red]\N{REPLACEMENT CHARACTER}[2Jx" in told


def test_nothing_that_goes_wrong_gets_out(tmp_path: Path) -> None:
    with (tmp_path / "closed").open("w") as stderr:
        pass
    print_summary(report(model("m")), stderr=stderr)
    print_summary({"models": [{"surprise": 1}]}, stderr=io.StringIO())
    print_summary(report(model("m")), stderr=None)
