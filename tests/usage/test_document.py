import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_run.turn import JsonObject
from claude_run.usage.document import DocumentError, merged, pieces, read, schema, totals_json
from claude_run.usage.record import CallError, CallRecord
from claude_run.usage.report import Report, report_of
from tests.usage.records import call, failed, report, run, some_calls

SCHEMA = jsonschema_rs.Draft202012Validator(schema())


def document(told: Report) -> JsonObject:
    parsed: JsonObject = json.loads("".join(pieces(told)))
    return parsed


@given(st.lists(some_calls, max_size=6))
def test_a_document_is_as_its_schema_says_and_can_be_read_back(calls: list[CallRecord]) -> None:
    told = report(*calls)
    written = document(told)
    SCHEMA.validate(written)
    again = merged({"a": written})
    assert [record for _, record in again.calls()] == calls
    assert again.totals == told.totals


def test_the_schema_describes_every_member() -> None:
    written = document(report(call(), failed()))
    described = schema()["properties"]
    assert described.keys() == written.keys()
    assert described["totals"]["properties"].keys() == written["totals"].keys()
    assert described["calls"]["items"]["properties"].keys() == written["calls"][0].keys()


def test_its_calls_add_up_to_its_totals() -> None:
    written = document(report(call(), call(label="x"), failed()))
    for member in ("input_tokens", "cache_read_tokens", "output_tokens"):
        assert sum(one[member] for one in written["calls"]) == written["totals"][member]
        for groups in ("by_model", "by_label"):
            rows = written["totals"][groups]
            assert sum(row[member] for row in rows) == written["totals"][member]
    assert written["totals"]["calls"] == len(written["calls"]) == 3


def test_three_jobs_become_one_report_whose_figures_are_theirs_together() -> None:
    jobs = [report(call(), failed(), command=("job", f"{n}")) for n in range(3)]
    one = merged({f"{n}": document(job) for n, job in enumerate(jobs)})
    together = report_of([part for job in jobs for part in job.parts])
    assert totals_json(one.totals) == totals_json(together.totals)
    assert [run.title for run in one.runs] == ["job 0", "job 1", "job 2"]
    assert [number for number, _ in one.calls()] == [0, 0, 1, 1, 2, 2]
    SCHEMA.validate(document(one))


def test_nothing_that_looks_like_a_key_is_in_it() -> None:
    key = "sk-ant-api03-" + "a1B2" * 8
    error = CallError("bad_request", 400, None, f"{key} is no model")
    told = report(failed(error), command=("curl", "-H", f"Authorization: Bearer {key}"))
    assert key not in "".join(pieces(told))
    assert run(command=("x", f"--api-key={key}")).title == "x --api-key=(key)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "not a report of claude-run"),
        ("[]", "not a report of claude-run"),
        ('{"version": 99}', "is of version 99"),
        ('{"version": 1, "runs": [], "calls": [{"run": 0}]}', "is damaged"),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(
    tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "report.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DocumentError, match=words) as refused:
        read(file)
    assert str(file) in str(refused.value)
