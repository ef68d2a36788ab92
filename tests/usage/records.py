"""Records of calls as tests want them, and whole reports of them."""

from dataclasses import asdict
from typing import Any

from hypothesis import strategies as st

from claude_run.turn import Notice, PlanWindow, Usage
from claude_run.usage.record import CallError, CallRecord
from claude_run.usage.report import Part, Report, report_of
from claude_run.usage.run import Run

NOW = 1_800_000_000.0
SONNET, OPUS = "claude-sonnet-5-5", "claude-opus-5-5"
OVERLOADED = CallError("overloaded", 503, "overloaded", "Claude is overloaded.")
UNKNOWN = CallError("model_not_found", 404, "model_not_found", "There is no such model.")
USED_UP = CallError(
    "quota", 429, "insufficient_quota", "The five_hour window of the plan is used up."
)
HOSTILE = "</script><script>alert(1)</script>|`[x](http://x.example)\x1b[2J\u202e&amp;\n# h"

_numbers = iter(range(10_000_000))


def call(usage: Usage | None = None, **members: Any) -> CallRecord:
    """An answered call to sonnet that began at NOW, but for `members`."""
    number = next(_numbers)
    answered: dict[str, Any] = {
        "request_id": f"req_{number}",
        "began": NOW,
        "endpoint": "chat",
        "asked_model": "sonnet",
        "mapped_model": SONNET,
        "model": SONNET,
        "session": "continued",
        "first_token": 0.5,
        "seconds": 1.0,
        "finish_reason": "stop",
        "cost_usd": 0.01,
    }
    counts = asdict(Usage(100, 1000, 10, 20, 5) if usage is None else usage)
    return CallRecord(**{**answered, **counts, **members})


def failed(error: CallError = OVERLOADED, **members: Any) -> CallRecord:
    unanswered = {"model": None, "first_token": None, "finish_reason": None, "cost_usd": None}
    return call(Usage(), **{**unanswered, "error": error, **members})


def run(**members: Any) -> Run:
    facts: dict[str, Any] = {
        "command": ("pytest", "-q"),
        "began": NOW,
        "seconds": 12.2,
        "paid_by": "subscription",
        "status": 0,
    }
    return Run(**{**facts, **members})


def report(*records: CallRecord, **members: Any) -> Report:
    return report_of([Part(run(**members), lambda: records)])


texts = st.text(max_size=12) | st.sampled_from(["sonnet", "opus", HOSTILE])
counts = st.integers(0, 10**7)
lengths = st.floats(0, 1e4, allow_nan=False)
some_windows = st.lists(
    st.builds(
        PlanWindow,
        name=st.sampled_from(["five_hour", "seven_day", "moon"]),
        status=st.sampled_from(["allowed", "allowed_warning", "rejected"]),
        utilization=st.none() | st.floats(0, 1.2),
        resets_at=st.none() | st.floats(1.7e9, 1.9e9),
    ),
    max_size=2,
).map(tuple)
some_calls = st.builds(
    CallRecord,
    request_id=st.integers(0, 10**9).map("req_{}".format),
    began=st.floats(1.8e9, 1.8e9 + 1e4),
    label=st.none() | texts,
    asked_model=texts,
    mapped_model=texts,
    model=st.none() | texts,
    session=st.none() | st.sampled_from(["continued", "spare", "cold"]),
    queued=lengths,
    first_token=st.none() | lengths,
    seconds=lengths,
    input_tokens=counts,
    cache_read_tokens=counts,
    cache_write_tokens=counts,
    output_tokens=counts,
    cost_usd=st.none() | st.floats(0, 100),
    finish_reason=st.none() | st.just("stop"),
    error=st.none() | st.sampled_from([OVERLOADED, UNKNOWN, USED_UP]),
    client_gone=st.booleans(),
    retry_of=st.none() | st.just("req_0"),
    notices=st.lists(st.builds(Notice, texts, texts), max_size=2).map(tuple),
    windows=some_windows,
)
