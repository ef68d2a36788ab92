"""What a run writes, as the command line writes it: real runs against the scripted upstream."""

import html
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import CompletedProcess

import jsonschema_rs
import pytest

from claude_run.turn import JsonObject, Usage
from claude_run.usage.document import schema
from tests.scripted import ScriptedUpstream
from tests.usage import mixed
from tests.wrapped import CLAUDE_RUN, answered_by, finished, sealed

Row = tuple[int, ...]
"""Calls, failures, tokens read, tokens of them from the cache, tokens written."""


@dataclass(frozen=True)
class Written:
    """What the mixed run left; `sent` is what the upstream had charged, `history` what is told
    of it by model afterwards."""

    document: JsonObject
    markdown: str
    page: str
    stderr: str
    status: int
    usage: JsonObject
    history: list[JsonObject]
    sent: dict[str, Usage]

    @property
    def texts(self) -> list[str]:
        told = (self.document, self.usage, self.history)
        return [*map(json.dumps, told), self.markdown, self.page, self.stderr]

    @property
    def totals(self) -> JsonObject:
        totals: JsonObject = self.document["totals"]
        return totals

    @property
    def page_calls(self) -> list[JsonObject]:
        [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', self.page)
        parsed = json.loads(data)
        return [dict(zip(parsed["columns"], row, strict=True)) for row in parsed["rows"]]

    @property
    def tiles(self) -> dict[str, str]:
        return dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", self.page))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    directory = tmp_path_factory.mktemp("mixed")
    files = {kind: directory / kind for kind in ("json", "markdown", "report", "log")}
    flags = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    budget = sum(usage.prompt_tokens + usage.output_tokens for usage in mixed.USAGES)
    flags += ["--history", "--extra-usage=allow", f"--max-tokens={budget}", "--fail-on=budget"]
    sent, asked = mixed.Sent(), directory / "usage"
    with ScriptedUpstream(sent.answer) as upstream:
        environment = answered_by(upstream, directory)
        environment["XDG_STATE_HOME"] = str(directory / "state")
        command = [*CLAUDE_RUN, *flags, "--", sys.executable, "-c", mixed.COMMAND, str(asked)]
        done = finished(command, environment)
        history = finished([*CLAUDE_RUN, "usage", "--by=model", "--json"], environment)
    return Written(
        json.loads(files["json"].read_text()),
        files["markdown"].read_text(),
        files["report"].read_text(),
        done.stderr,
        done.returncode,
        json.loads(asked.read_text()),
        json.loads(history.stdout),
        sent.charged,
    )


def row(told: JsonObject, failed: str = "failed") -> Row:
    read = sum(told[f"{kind}_tokens"] for kind in ("input", "cache_read", "cache_write"))
    return told["calls"], told[failed], read, told["cache_read_tokens"], told["output_tokens"]


def rows_of(told: JsonObject, member: str, failed: str = "failed") -> dict[str, Row]:
    return {one[member]: row(one, failed) for one in told[f"by_{member}"]}


def figures(texts: Iterable[str]) -> Row:
    return tuple(int(text.replace(",", "")) for text in texts)


def test_its_figures_are_what_the_upstream_sent(written: Written) -> None:
    told = written.totals
    assert sum(written.sent.values(), Usage()) == sum(mixed.USAGES, Usage())  # and nothing more
    assert {name: told[name] for name in asdict(Usage())} == asdict(sum(mixed.USAGES, Usage()))
    counts = ("calls", "failed", "cancelled", "retries")
    assert [told[count] for count in counts] == [
        mixed.CALLS, mixed.FAILED.total(), 1, mixed.RETRIES
    ]  # fmt: skip
    assert len(written.document["calls"]) == mixed.CALLS + mixed.RETRIES
    assert {error["kind"]: error["calls"] for error in told["errors"]} == mixed.FAILED
    models = {one["model"]: one for one in told["by_model"] if one["output_tokens"]}
    assert models.keys() == written.sent.keys()
    for model, usage in written.sent.items():
        assert {name: models[model][name] for name in asdict(usage)} == asdict(usage)
    assert {one["label"]: one["calls"] for one in told["by_label"]} == mixed.LABELS
    finishes = {"end": 16, "refusal": 1, "tool_calls": 1}
    assert told["finishes"] == finishes


def test_its_extra_usage_is_what_the_upstream_charged_then(written: Written) -> None:
    extra = written.totals["extra_usage"]
    drawn = mixed.EXTRA + mixed.EXTRA
    assert extra["calls"] == 2
    assert {name: extra[name] for name in asdict(drawn)} == asdict(drawn)
    paid = [call["cost_usd"] for call in written.document["calls"] if _is_paid(call)]
    assert extra["cost_usd"] == pytest.approx(sum(paid))
    told = written.usage["extra_usage"]
    assert (told["calls"], told["output_tokens"]) == (2, drawn.output_tokens)
    tokens = drawn.prompt_tokens + drawn.output_tokens
    words = f"2 calls, {tokens:,} tokens, about ${extra['cost_usd']:.3f}"
    for text in (written.stderr, written.markdown, written.page):
        assert words in text


def _is_paid(call: JsonObject) -> bool:
    return bool((call["overage"] or {}).get("in_use") and call["output_tokens"])


def test_a_window_is_told_as_last_heard(written: Written) -> None:
    [window] = written.totals["windows"]
    assert (window["name"], window["utilization"]) == ("five_hour", 0.6)
    assert window["used_here"] == pytest.approx(0.35)
    for text in (written.stderr, written.markdown.replace("&#43;", "+"), written.page):
        assert "60% used (+35 in this run)" in text
    assert written.usage["windows"][0]["utilization"] == 0.6


def test_a_budget_lets_through_what_it_allows_and_no_more(written: Written) -> None:
    told = [line for line in written.stderr.splitlines() if "--max-tokens" in line]
    assert sum("80% of --max-tokens" in line for line in told) == 1
    assert sum("The budget of this run is used up" in line for line in told) == 2  # and at the end
    assert written.status == 75
    assert "claude-run: 1 call beyond the budget: the status is 75" in written.stderr


def test_every_output_tells_the_same_figures(written: Written) -> None:
    told = written.totals
    models = rows_of(told, "model")
    assert {one["model"]: row(one, "errors") for one in written.usage["models"]} == models
    assert {one["model"]: row({**one, **one["usage"]}) for one in written.history} == models
    labels = {one["label"] or "(no label)": row(one) for one in told["by_label"]}
    labelled = {one["label"]: row(one, "errors") for one in written.usage["labels"]}
    assert labelled == {name: one for name, one in labels.items() if name != "(no label)"}
    everything = {**models, **labels, "total": row(told)}
    assert _in_summary(written.stderr) == everything
    assert _in_markdown(written.markdown) == {
        "(none)" if name == "(no label)" else name: one for name, one in everything.items()
    }
    assert _in_page(written.page) == everything


def _in_summary(text: str) -> dict[str, Row]:
    found = re.findall(r"^(\S+|\(no label\)) +((?:[\d,]+ +){5})[$-]", text, re.MULTILINE)
    return {name: figures(counts.split()) for name, counts in found}


def _in_markdown(text: str) -> dict[str, Row]:
    found = re.findall(r"^\| (.+?) \| ((?:[\d,]+ \| ){5})", text, re.MULTILINE)
    return {html.unescape(name): figures(counts.split(" | ")[:5]) for name, counts in found}


def _in_page(text: str) -> dict[str, Row]:
    found = re.findall(r'<tr><th scope="row">([^<]*)</th>(.*?)<td class="bar">', text, re.DOTALL)
    cells = {name: re.findall(r"<td[^>]*>([\d,]+)</td>", rest) for name, rest in found}
    return {name: figures(counts) for name, counts in cells.items() if len(counts) == 5}


def test_costs_add_up_and_are_told_alike(written: Written) -> None:
    told, calls = written.totals, written.document["calls"]
    whole = pytest.approx(sum(call["cost_usd"] or 0.0 for call in calls))
    assert told["cost_usd"] == whole
    for rows in (told["by_model"], told["by_label"], written.usage["models"]):
        assert sum(one["cost_usd"] or 0.0 for one in rows) == whole
    assert sum(call["cost"] or 0.0 for call in written.page_calls) == whole
    price = f"${told['cost_usd']:.3f}"
    assert f"(the API would have charged about {price})" in written.stderr
    assert f"the API would have charged about {price}." in written.markdown
    assert written.tiles["API-equivalent cost"] == price
    prices = defaultdict(set)  # what has the same tokens of the same model costs the same
    for call in calls:
        if call["finish_reason"] is not None:
            tokens = tuple(call[name] for name in asdict(Usage()))
            prices[call["model"], tokens].add(call["cost_usd"])
    assert all(max(costs) == pytest.approx(min(costs)) for costs in prices.values())


def test_the_pages_calls_add_up_to_its_header(written: Written) -> None:
    calls, tiles = written.page_calls, written.tiles
    assert tiles["asked again"] == f"{sum(call['retry'] for call in calls)}"
    assert f"Asked again after an error: {tiles['asked again']} times." in written.markdown
    assert tiles["calls"] == f"{sum(not call['retry'] for call in calls)}"
    failed = [call for call in calls if call["note"] and not call["again"]]
    assert tiles["failed"] == f"{len(failed)}"
    assert len(re.findall(r'<tr id="call-[^"]*" class="failed">', written.page)) == len(failed)
    for name, title in (
        ("input", "input tokens"), ("cached", "of it from the cache"), ("output", "output tokens")
    ):  # fmt: skip
        assert tiles[title] == f"{sum(call[name] for call in calls):,}"
    [foot] = re.findall(r"<tfoot>\s*<tr><td class=\"text\">(.*?)</tr>", written.page, re.DOTALL)
    assert foot.startswith(f"{mixed.CALLS} calls, {mixed.RETRIES} asked again<")
    sums = [tiles[title] for title in ("input tokens", "of it from the cache", "output tokens")]
    assert re.findall(r"<td>([\d,]+)</td>", foot) == sums


def test_the_document_is_as_its_schema_says(written: Written) -> None:
    jsonschema_rs.Draft202012Validator(schema()).validate(written.document)


def test_no_key_and_no_prompt_is_in_any_of_them(written: Written) -> None:
    for text in written.texts:
        assert mixed.KEY not in text
    assert all(mixed.SECRET not in json.dumps(call) for call in written.document["calls"])


def test_a_file_that_can_never_be_written_is_told_before_the_command_starts(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    wrong = {
        "--json file/run.json": "written: file is no directory",
        "--markdown .": "written: it is a directory",
        "--report file/a/b.html": "written: file is no directory",
        "--log file/log": "written: file is no directory",
        "--cassette file": "used: it is no directory",
    }
    for flag, why in wrong.items():
        command = [*CLAUDE_RUN, "--rehearse", *flag.split(), "--", "touch", "began"]
        done = finished(command, sealed(tmp_path), cwd=tmp_path)
        assert (done.returncode, done.stderr) == (
            2,
            f"claude-run: {flag} cannot be {why}\n",
        )
    assert {path.name for path in tmp_path.iterdir()} == {"home", "tmp", "file"}


def test_missing_directories_are_made_when_there_is_something_to_write(tmp_path: Path) -> None:
    flags = ["--json=out/a/run.json", "--markdown=out/run.md", "--report=out/b/run.html"]
    command = [*CLAUDE_RUN, "--rehearse", *flags, "--", "mkdir", "out"]  # which it may do itself
    assert finished(command, sealed(tmp_path), cwd=tmp_path).returncode == 0
    written = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == {"run.json", "run.md", "run.html"}


def test_what_can_no_longer_be_written_is_told_and_changes_nothing(tmp_path: Path) -> None:
    flags = ["--json=out/run.json", "--report=out/run.html"]
    environment = sealed(tmp_path, GITHUB_STEP_SUMMARY=str(tmp_path / "nowhere" / "summary"))
    command = [*CLAUDE_RUN, "--rehearse", *flags, "--", "sh", "-c", "echo > out; exit 3"]
    done = finished(command, environment, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count("could not be written") == 3
    assert {path.name for path in tmp_path.iterdir()} == {"home", "tmp", "out"}


def test_a_jobs_step_summary_is_added_to_what_is_there(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    environment = sealed(tmp_path)
    environment["GITHUB_STEP_SUMMARY"] = str(summary)
    finished([*CLAUDE_RUN, "--rehearse", "--", "true"], environment)
    assert summary.read_text().startswith("before\n### claude-run: true ended with 0 after ")


KILLED = """
import os, sys, threading, openai, psutil
client = openai.OpenAI(max_retries=0)
def ask(text):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="sonnet", messages=messages, stream=True)
def endless():
    try:
        for _ in ask("(endless)"):
            begun.release()
    except openai.APIError:
        pass
list(ask("(plain)"))
list(ask("(streamed)"))
begun = threading.Semaphore(0)
flying = [threading.Thread(target=endless) for _ in range(2)]
for one in flying:
    one.start()
for _ in range(4):  # the role and the first words of each
    begun.acquire()
[bridge] = [one for one in psutil.Process(os.getppid()).children() if one.pid != os.getpid()]
bridge.kill()
for one in flying:
    one.join()
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompletedProcess[str], JsonObject]:
    """A run whose bridge was killed with calls in flight, and its report."""
    directory = tmp_path_factory.mktemp("killed")
    file = directory / "report.json"
    with ScriptedUpstream(mixed.Sent().answer) as upstream:
        command = [*CLAUDE_RUN, f"--json={file}", "--fail-on=errors", "--", sys.executable]
        done = finished([*command, "-c", KILLED], answered_by(upstream, directory))
    return done, json.loads(file.read_text())


def test_after_the_bridge_was_killed_the_summary_is_there_and_says_so(
    killed: tuple[CompletedProcess[str], JsonObject],
) -> None:
    done, document = killed
    assert "the bridge died (signal 9)" in done.stderr
    assert "The bridge died on the way" in done.stderr
    assert document["runs"][0]["is_complete"] is False
    both = mixed.PLAIN + mixed.STREAMED  # those that had ended, with all they used
    told = document["totals"]
    assert (told["calls"], told["failed"], len(document["calls"])) == (2, 0, 2)
    assert {name: told[name] for name in asdict(both)} == asdict(both)
    assert f"{both.prompt_tokens:,}" in done.stderr
    assert done.returncode == 75
    assert "claude-run: the bridge died: the status is 75 instead of 0 (--fail-on)" in done.stderr


def test_three_jobs_are_merged_into_one_report(
    tmp_path: Path, written: Written, killed: tuple[CompletedProcess[str], JsonObject]
) -> None:
    environment = sealed(tmp_path)
    idle = tmp_path / "idle.json"
    finished([*CLAUDE_RUN, "--rehearse", f"--json={idle}", "--", "true"], environment)
    jobs = [written.document, killed[1], json.loads(idle.read_text())]
    files = [tmp_path / f"{number}.json" for number in range(3)]
    for file, job in zip(files, jobs, strict=True):
        file.write_text(json.dumps(job))
    outputs = {kind: tmp_path / kind for kind in ("json", "markdown", "report")}
    flags = [f"--{kind}={file}" for kind, file in outputs.items()]
    assert finished([*CLAUDE_RUN, "report", *map(str, files), *flags], environment).returncode == 0
    one = json.loads(outputs["json"].read_text())
    jsonschema_rs.Draft202012Validator(schema()).validate(one)
    together = sum(mixed.USAGES, Usage()) + mixed.PLAIN + mixed.STREAMED
    assert {name: one["totals"][name] for name in asdict(together)} == asdict(together)
    assert one["totals"]["calls"] == mixed.CALLS + 2
    assert one["totals"]["cost_usd"] == pytest.approx(
        sum(job["totals"]["cost_usd"] or 0.0 for job in jobs)
    )
    assert [run["is_complete"] for run in one["runs"]] == [True, False, True]
    assert Counter(call["run"] for call in one["calls"]) == {0: mixed.CALLS + mixed.RETRIES, 1: 2}
    rows = {**rows_of(one["totals"], "model"), "total": row(one["totals"])}
    for text, read in (("markdown", _in_markdown), ("report", _in_page)):
        told = read(outputs[text].read_text())
        assert {name: told[name] for name in rows} == rows
    refused = finished([*CLAUDE_RUN, "report", str(tmp_path / "none")], environment)
    assert refused.returncode == 1
    assert "cannot be read" in refused.stderr
