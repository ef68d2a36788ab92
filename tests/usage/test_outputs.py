"""What a run writes, as the command line writes it: real runs against the scripted upstream."""

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import jsonschema_rs
import pytest

from claude_run.rehearsal.answers import Refuse, say
from claude_run.turn import JsonObject, Usage
from claude_run.usage.document import schema
from tests.scripted import ScriptedUpstream, sealed_environment
from tests.wrapped import CLAUDE_RUN, finished

KEY = "sk-proj-" + "Zx9" * 10
SECRET = "the-secret-of-the-prompt"
MIXED = f"""
import concurrent.futures, openai
client = openai.OpenAI(max_retries=0)
def ask(model, text, **more):
    try:
        asked = dict(model=model, messages=[{{"role": "user", "content": text}}], **more)
        answer = client.chat.completions.create(**asked)
        list(answer) if more.get("stream") else None
    except openai.APIError:
        pass
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    done = [pool.submit(ask, "sonnet", "plain {SECRET} {KEY}") for _ in range(3)]
    done += [pool.submit(ask, "opus", "streamed", stream=True) for _ in range(2)]
    done += [pool.submit(ask, "sonnet", "refused")]
    done += [pool.submit(ask, "no-such-model", "x")]
    done += [pool.submit(ask, "sonnet", "plain", n=2)]
    [one.result() for one in done]
"""
PLAIN = Usage(input_tokens=100, cache_read_tokens=40, cache_write_tokens=7, output_tokens=30)
STREAMED = Usage(input_tokens=1000, cache_read_tokens=400, output_tokens=300)


@dataclass(frozen=True)
class Written:
    """What the mixed run left."""

    document: JsonObject
    markdown: str
    page: str
    stderr: str
    status: int
    sent: Counter[str]

    @property
    def texts(self) -> list[str]:
        return [json.dumps(self.document), self.markdown, self.page, self.stderr]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    directory = tmp_path_factory.mktemp("mixed")
    files = {kind: directory / kind for kind in ("json", "markdown", "report")}
    flags = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    with ScriptedUpstream(replace(say("ok"), usage=PLAIN)) as upstream:
        upstream.script("streamed", replace(say("a", "b"), usage=STREAMED))
        upstream.script("refused", Refuse(400, "invalid_request_error", f"not {KEY} like this"))
        environment = sealed_environment(directory, upstream.url)
        command = [*CLAUDE_RUN, *flags, "--", sys.executable, "-c", MIXED]
        done = finished(command, environment)
        sent = Counter(str(request["model"]) for request in upstream.requests)
    document = json.loads(files["json"].read_text())
    markdown, page = files["markdown"].read_text(), files["report"].read_text()
    return Written(document, markdown, page, done.stderr, done.returncode, sent)


def test_its_figures_are_what_the_upstream_sent(written: Written) -> None:
    told = written.document["totals"]
    assert (told["calls"], told["failed"], told["cancelled"]) == (9, 2, 0)
    assert told["input_tokens"] == 5 * PLAIN.input_tokens + 2 * STREAMED.input_tokens
    assert told["output_tokens"] == 5 * PLAIN.output_tokens + 2 * STREAMED.output_tokens
    cached = 5 * PLAIN.cache_read_tokens + 2 * STREAMED.cache_read_tokens
    assert told["cache_read_tokens"] == cached
    assert told["cache_write_tokens"] == 5 * PLAIN.cache_write_tokens
    models = {row["model"]: (row["calls"], row["failed"]) for row in told["by_model"]}
    assert sorted(models.values()) == [(1, 1), (2, 0), (6, 1)]
    assert sorted(error["status"] for error in told["errors"]) == [400, 404]


def test_every_output_tells_the_same_figures(written: Written) -> None:
    told = written.document["totals"]
    prompt = sum(told[f"{kind}_tokens"] for kind in ("input", "cache_read", "cache_write"))
    figures = [f"{n:,}" for n in (9, 2, prompt, told["cache_read_tokens"], told["output_tokens"])]
    [total] = re.findall(r"^total .*$", written.stderr, re.MULTILINE)
    assert total.split()[1:6] == figures
    [row] = re.findall(r"^\| total \| (.*) \|$", written.markdown, re.MULTILINE)
    assert row.split(" | ")[:5] == figures
    [foot] = re.findall(r"<tfoot><tr>(.*?)</tr></tfoot>", written.page, re.DOTALL)
    assert re.findall(r"<td[^>]*>([\d,]+)</td>", foot) == figures


def test_the_pages_calls_add_up_to_its_header(written: Written) -> None:
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', written.page)
    parsed = json.loads(data)
    calls = [dict(zip(parsed["columns"], row, strict=True)) for row in parsed["rows"]]
    tiles = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", written.page))
    assert f"{len(calls):,}" == tiles["calls"]
    assert f"{sum(bool(call['note']) for call in calls):,}" == tiles["failed"]
    assert f"{sum(call['input'] for call in calls):,}" == tiles["input tokens"]
    assert f"{sum(call['output'] for call in calls):,}" == tiles["output tokens"]


def test_the_document_is_as_its_schema_says(written: Written) -> None:
    jsonschema_rs.Draft202012Validator(schema()).validate(written.document)


def test_no_key_and_no_prompt_is_in_any_of_them(written: Written) -> None:
    for text in written.texts:
        assert KEY not in text
    assert all(SECRET not in json.dumps(call) for call in written.document["calls"])


def test_a_file_that_cannot_be_written_is_told_and_changes_nothing(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "report"
    flags = [f"--json={nowhere}", f"--markdown={tmp_path}", f"--report={nowhere}.html"]
    environment = sealed_environment(tmp_path, "http://127.0.0.1:9")
    environment["GITHUB_STEP_SUMMARY"] = str(nowhere)
    command = [*CLAUDE_RUN, "--rehearse", *flags, "--", "sh", "-c", "exit 3"]
    done = finished(command, environment)
    assert done.returncode == 3
    assert done.stderr.count("could not be written") == 3
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]


def test_a_jobs_step_summary_is_added_to_what_is_there(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    environment = sealed_environment(tmp_path, "http://127.0.0.1:9")
    environment["GITHUB_STEP_SUMMARY"] = str(summary)
    finished([*CLAUDE_RUN, "--rehearse", "--", "true"], environment)
    assert summary.read_text().startswith("before\n### claude-run: true ended with 0 after ")


KILL = """
import os, psutil, openai, sys
client = openai.OpenAI(max_retries=0)
client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": "hello"}])
[bridge] = [one for one in psutil.Process(os.getppid()).children() if one.pid != os.getpid()]
bridge.kill()
sys.exit(5)
"""


def test_after_the_bridge_was_killed_the_summary_is_there_and_says_so(tmp_path: Path) -> None:
    environment = sealed_environment(tmp_path, "http://127.0.0.1:9")
    file = tmp_path / "report.json"
    command = [*CLAUDE_RUN, "--rehearse", f"--json={file}", "--", sys.executable, "-c", KILL]
    done = finished(command, environment)
    assert done.returncode == 5
    assert "The bridge died on the way" in done.stderr
    document = json.loads(file.read_text())
    assert document["runs"][0]["is_complete"] is False
    assert document["totals"]["calls"] == len(document["calls"]) == 1
    assert document["totals"]["output_tokens"] > 0


def test_three_jobs_are_merged_into_one_report(tmp_path: Path, written: Written) -> None:
    environment = sealed_environment(tmp_path, "http://127.0.0.1:9")
    files = []
    for number in range(3):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(written.document))
    merged = tmp_path / "merged.json"
    command = [*CLAUDE_RUN, "report", *map(str, files), f"--json={merged}"]
    assert finished(command, environment).returncode == 0
    one = json.loads(merged.read_text())
    for member in ("calls", "failed", "input_tokens", "output_tokens"):
        assert one["totals"][member] == 3 * written.document["totals"][member]
    markdown = finished([*CLAUDE_RUN, "report", str(merged)], environment)
    assert "| total | 27 | 6 |" in markdown.stdout
    refused = finished([*CLAUDE_RUN, "report", str(tmp_path / "none")], environment)
    assert refused.returncode == 1
    assert "cannot be read" in refused.stderr
