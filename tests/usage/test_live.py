"""A run as it goes on: watched from another terminal, in the terminal's title, on stderr."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from claude_run.registry import running
from claude_run.rehearsal.answers import say
from claude_run.turn import PlanWindow, Usage
from claude_run.usage.alarm import alarm
from claude_run.usage.live import SECONDS, Live
from claude_run.usage.title import title
from claude_run.usage.totals import Sums
from claude_run.usage.windows import Plan
from tests.scripted import ScriptedUpstream
from tests.server.test_plan import plan
from tests.test_terminal import terminal
from tests.usage.records import NOW, UNKNOWN, call, failed
from tests.wrapped import CLAUDE_RUN, answered_by, dismiss, finished, said, started

CALLS = """
import openai, sys
client = openai.OpenAI(max_retries=0)
def tell(error):
    name = error.response.headers["x-request-id"]
    print(error.status_code, f"(request id: {name})" in str(error))
def ask(model, label, **more):
    try:
        message = {"role": "user", "content": "hello"}
        client.chat.completions.create(model=model, messages=[message], **more,
                                       extra_headers={"X-Claude-Run-Label": label})
    except openai.APIError as error:
        print(error.status_code)
for model in ("sonnet", "opus", "gpt-9", "gpt-8"):
    ask(model, "train")
for _ in range(2):
    try:
        client.embeddings.create(model="text-embedding-3-small", input="x")
    except openai.NotFoundError as error:
        tell(error)
try:
    openai.OpenAI(api_key="sk-of-somebody-else", max_retries=0).models.list()
except openai.AuthenticationError as error:
    tell(error)
print("ready", flush=True)
sys.stdin.readline()
sys.exit(3)
"""
COMMAND = [sys.executable, "-c", CALLS]


@pytest.fixture(scope="module")
def scripted() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        answer = say("hi")
        usage = Usage(input_tokens=1000, output_tokens=200)
        headers = plan(0.34, resets_in=7200)
        upstream.answer = type(answer)(answer.blocks, usage=usage, headers=headers)
        yield upstream


def test_a_run_is_watched_while_it_goes_on_and_says_what_goes_wrong_once(
    tmp_path: Path, scripted: ScriptedUpstream
) -> None:
    environment = answered_by(scripted, tmp_path)
    watch = [*CLAUDE_RUN, "watch"]
    assert finished(watch, environment).returncode == 1
    with started([*CLAUDE_RUN, "--quiet", "--", *COMMAND], environment) as wrapper:
        lines = [said(wrapper) for _ in range(6)]
        assert lines == ["404", "404", "404 True", "404 True", "401 True", "ready"]
        [run] = running(environment)
        shown = finished([*watch, str(run.bridge)], environment)
        unknown = finished([*watch, "1"], environment)
        assert dismiss(wrapper) == 3
        assert wrapper.stderr is not None
        told = wrapper.stderr.read()

    assert shown.returncode == 0, shown.stderr
    for words in ("0 in flight", "34% used", "opus", "train", "2,000", "gpt-9", "embeddings"):
        assert words in shown.stdout, words
    assert (unknown.returncode, unknown.stdout) == (1, "")
    alarms = re.findall(r"^claude-run: (?:a call failed|a request came).*$", told, re.MULTILINE)
    assert [("gpt-9" in one, "embeddings" in one, "another key" in one) for one in alarms] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert "--model-map 'gpt-*=sonnet'" in alarms[0]


def test_in_python_it_is_told_what_is_written_there() -> None:
    told = alarm(failed(UNKNOWN, asked_model="gpt-4.1"), in_python=True)
    assert told is not None
    assert told.endswith('unknown model gpt-4.1: model_map={"gpt-*": "sonnet"} answers it')
    busy = replace(UNKNOWN, kind="rate_limit", status=429, message="Slower.")
    told = alarm(failed(busy), in_python=True)
    assert told == "a call failed (429): Slower; max_concurrency=N asks for less at once"


def test_the_title_tells_of_the_run_and_is_put_back(
    tmp_path: Path, scripted: ScriptedUpstream
) -> None:
    environment = answered_by(scripted, tmp_path)
    with terminal([*CLAUDE_RUN, "--title", "--quiet", "--", *COMMAND], environment) as shown:
        shown.until(b"\x1b[22;0t")
        shown.until(b"\x1b]0;claude-run: 6 calls, 4 failed, $")
        shown.until(b", 5 hours 34%\x07")
        shown.type(b"\n")
        shown.until(b"\x1b]0;\x07\x1b[23;0t")
        assert shown.process.wait() == 3
    quiet = finished([*CLAUDE_RUN, "--title", "--rehearse", "--", "true"], environment)
    assert "\x1b" not in quiet.stderr


def test_a_title_names_the_fullest_window_that_has_not_reset() -> None:
    windows = {
        "five_hour": PlanWindow("five_hour", "allowed", 0.9, NOW - 1),
        "seven_day": PlanWindow("seven_day", "allowed", 0.5, NOW + 1),
        "moon": PlanWindow("moon", "allowed", 0.2),
        "sun": PlanWindow("sun", "allowed"),
    }
    sums = Sums(calls=1200, cost_usd=1.5)
    told = title(sums, Plan(windows), "subscription", NOW)
    assert told == "claude-run: 1,200 calls, $1.50, 7 days 50%"
    assert title(sums, Plan(), "rehearsal", NOW) == "claude-run: 1,200 calls"


def test_rates_are_those_of_the_last_minute_and_only_the_last_errors_are_kept() -> None:
    live = Live(now=0.0)
    for second in range(600):
        live.ended(call(Usage(output_tokens=10)), second)
    assert live.told(now=600)["per_minute"]["calls"] == SECONDS - 1
    for number in range(9):
        live.ended(failed(request_id=f"req_{number}"), 600)
    told = live.told(now=600)
    assert told["per_minute"]["failed"] == 9
    assert [error["request_id"] for error in told["last_errors"]][-1] == "req_8"
    assert len(told["last_errors"]) == 5
