import json
import stat
import time
from pathlib import Path

import pytest

from claude_run.usage.history import GROUPS, append, entries_in, entry_of, grouped
from claude_run.usage.tally import totals
from claude_run.usage.totals import Sums
from tests.scripted import sealed_environment
from tests.usage.records import NOW, OPUS, SONNET, call, failed, run
from tests.wrapped import CLAUDE_RUN, finished

DAY = 24 * 3600
CALLS = [call(), call(label="train"), call(model=OPUS, mapped_model=OPUS), failed()]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    file = tmp_path / "state" / "history.jsonl"
    for days, command in ((0, "pytest"), (0, "/usr/bin/make"), (1, "pytest")):
        began = run(began=NOW + days * DAY, command=(command, "--secret", "a prompt"))
        append(file, entry_of(began, totals(CALLS)))
    return file


@pytest.mark.parametrize("by", GROUPS)
def test_however_runs_are_grouped_they_add_up_to_the_same(history: Path, by: str) -> None:
    groups = grouped(entries_in(history, 0), by)
    whole = sum(groups.values(), Sums())
    once = totals(CALLS).together
    assert (whole.calls, whole.failed) == (3 * once.calls, 3 * once.failed)
    assert whole.usage == once.usage + once.usage + once.usage
    assert whole.cost_usd == pytest.approx(3 * (once.cost_usd or 0))


def test_runs_are_told_by_day_model_command_and_label(history: Path) -> None:
    calls = {
        by: {n: s.calls for n, s in grouped(entries_in(history, 0), by).items()} for by in GROUPS
    }
    assert sorted(calls["day"].values()) == [4, 8]
    assert calls["model"] == {OPUS: 3, SONNET: 9}
    assert calls["command"] == {"make": 4, "pytest": 8}
    assert calls["label"] == {"(no label)": 9, "train": 3}
    assert sum(s.calls for s in grouped(entries_in(history, NOW + 1), "day").values()) == 4


def test_it_is_its_owners_and_has_no_prompt(history: Path) -> None:
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "prompt" not in history.read_text()


def test_a_line_that_is_damaged_is_left_out(history: Path) -> None:
    with history.open("a") as file:
        file.write("{\n[]\n")
    assert len(list(entries_in(history, 0))) == 3


def test_a_run_is_kept_where_that_is_wanted_and_told_afterwards(tmp_path: Path) -> None:
    environment = sealed_environment(tmp_path, "http://127.0.0.1:9")
    environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    none = finished([*CLAUDE_RUN, "usage"], environment)
    assert (none.returncode, "there is no history yet" in none.stderr) == (1, True)
    ask = [*CLAUDE_RUN, "ask", "hello"]
    finished([*CLAUDE_RUN, "--rehearse", "--history", "-q", "--", *ask], environment)
    told = finished([*CLAUDE_RUN, "usage", "--since", "1d"], environment).stdout.splitlines()
    assert told[1].split()[:2] == [time.strftime("%Y-%m-%d"), "1"]
    [row] = json.loads(finished([*CLAUDE_RUN, "usage", "--json", "--by=week"], environment).stdout)
    assert (row["calls"], row["cost_usd"]) == (1, None)  # a rehearsal costs nothing
