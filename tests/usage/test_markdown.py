from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from claude_run.usage.markdown import MOST_BYTES, markdown, quoted
from claude_run.usage.record import CallError, CallRecord
from tests.usage.records import HOSTILE, NOW, OPUS, SONNET, call, failed, report, some_calls


def cells(text: str, first: str) -> list[str]:
    """The cells of the first row that begins with `first`."""
    [row, *_] = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_it_tells_the_end_the_failures_the_models_and_the_dearest_calls() -> None:
    dear = call(model=OPUS, mapped_model=OPUS, cost_usd=3.0, request_id="req.dear")
    text = markdown(report(call(), call(), failed(), dear, status=1))
    assert "### claude-run: pytest -q ended with 1 after 12.2 s" in text
    assert "**Failed: 1 of 4 calls**" in text
    assert cells(text, SONNET) == [SONNET, "3", "1", "2,220", "2,000", "40", "$0.020"]
    assert cells(text, "total") == ["total", "4", "1", "3,330", "3,000", "60", "$3.02"]
    assert cells(text.partition("Dearest")[2], "req.dear")[-3:] == ["stop", "1.0 s", "$3.00"]


def test_what_comes_from_requests_is_never_markup() -> None:
    row = cells(markdown(report(call(model=HOSTILE, label=HOSTILE))), quoted(HOSTILE))
    assert len(row) == 7
    assert not set("<>|`[]\\*_&#\x1b\n") & set(
        "".join(c for c in row[0].replace("&#", "").replace(";", ""))
    )
    assert "http:" not in row[0]


@given(st.lists(some_calls, max_size=8))
def test_every_table_has_as_many_cells_in_each_row(calls: list[CallRecord]) -> None:
    width = 0
    for line in markdown(report(*calls)).splitlines():
        if not line.startswith("|"):
            width = 0
        width = width or line.count("|")
        assert line.count("|") == (width if line.startswith("|") else 0) or not line.startswith("|")


def test_it_stays_small_whatever_there_is_to_tell() -> None:
    calls = [
        replace(
            failed(CallError("bad_request", 400 + n % 90, None, "<" * 5000)),
            label="<" * 5000 + str(n),
            asked_model="|" * 5000,
            mapped_model=f"{n}" + "|" * 5000,
            began=NOW + n,
        )
        for n in range(2000)
    ]
    text = markdown(report(*calls, command=("<" * 100_000,)))
    assert len(text.encode()) <= MOST_BYTES


def test_a_run_without_calls_says_so() -> None:
    assert "No calls were made to Claude." in markdown(report())


def test_a_rehearsal_has_no_cost() -> None:
    assert "ost" not in markdown(report(call(), paid_by="rehearsal"))
