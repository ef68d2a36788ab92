"""A record is the same after the disk, whatever it holds, and a cut spool gives what is whole."""

import os
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.turn import Notice, Overage, PlanWindow
from claude_run.usage.record import CallError, CallRecord
from claude_run.usage.spool import Spool, records_in

seconds = st.floats(0, 1e10)
counts = st.integers(0, 10**9)
texts = st.text(max_size=20)
records = st.builds(
    CallRecord,
    request_id=texts,
    began=seconds,
    choice=counts,
    label=st.none() | texts,
    model=st.none() | texts,
    first_token=st.none() | seconds,
    input_tokens=counts,
    output_tokens=counts,
    cost_usd=st.none() | seconds,
    error=st.none() | st.builds(CallError, texts, counts, st.none() | texts, texts),
    client_gone=st.booleans(),
    notices=st.tuples() | st.tuples(st.builds(Notice, texts, texts)),
    windows=st.tuples() | st.tuples(st.builds(PlanWindow, texts, texts, seconds, seconds, seconds)),
    overage=st.none() | st.builds(Overage, st.booleans(), texts),
)


@settings(deadline=None)
@given(records)
def test_a_record_is_the_same_after_the_disk(record: CallRecord) -> None:
    line = record.to_json()
    assert "\n" not in line
    assert CallRecord.from_json(line) == record


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"request_id": "r"}', "7"])
def test_what_is_no_record_is_an_error(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json says
        CallRecord.from_json(line)


def test_a_spool_that_was_cut_off_gives_what_was_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    written = [CallRecord(f"r{n}", float(n), label="l" * n) for n in range(3000)]
    with Spool(path) as spool:
        for record in written:
            spool.append(record)
    os.truncate(path, path.stat().st_size - 10)
    with path.open("rb") as file:
        assert list(records_in(file.fileno())) == written[:-1]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_there_is_no_room_for_is_told_and_written_later(tmp_path: Path) -> None:
    told: list[str] = []
    with Spool(Path("/dev/full"), told.append) as spool:
        for number in range(3):
            spool.append(CallRecord(f"req_{number}", 0.0))
    assert told == [
        *["the record of a call could not be written: No space left on device"] * 4,
        "3 calls could not be written down: the summary lacks them",
    ]
    path, limit = tmp_path / "spool", resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with Spool(path, told.append) as spool:
            resource.setrlimit(resource.RLIMIT_FSIZE, (60, limit[1]))  # one, and a part of another
            for number in range(3):
                spool.append(CallRecord(f"req_{number}", 0.0))
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            spool.append(CallRecord("req_3", 0.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    with path.open("rb") as written:
        found = [record.request_id for record in records_in(written.fileno())]
    assert found == ["req_0", "req_1", "req_2", "req_3"]
