"""The page in a real browser: with and without JavaScript, small and large, friendly or not."""

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from claude_run.turn import PlanWindow
from claude_run.usage.page import MOST_STATIC, page
from claude_run.usage.page.charts import lanes
from claude_run.usage.record import CallRecord
from claude_run.usage.report import Part, Report, report_of
from claude_run.usage.tally import totals
from tests.usage.browser import Browser, chromium
from tests.usage.records import HOSTILE, NOW, OPUS, OVERLOADED, call, failed, report, run

TABLE = "[...document.querySelectorAll('#table tbody tr.call')]"
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(autouse=True)
def as_usual(browser: Browser) -> None:
    browser.javascript(enabled=True)
    browser.size(1280)
    browser.scheme("light")


def mixed(count: int) -> list[CallRecord]:
    """Calls of two models and three labels, every tenth of which failed."""
    made = []
    for n in range(count):
        window = PlanWindow("five_hour", "allowed", min(1.0, 0.2 + n / count), NOW + 9000)
        facts: dict[str, Any] = {
            "request_id": f"req_{n}",
            "began": NOW + n * 0.1,
            "label": (None, "train", "eval")[n % 3],
            "seconds": 0.5 + n % 7,
            "queued": n % 4 / 10,
            "windows": (window,),
            "at_once": n % 9 + 1,
        }
        if n % 10 == 9:
            made.append(failed(**facts))
        elif n % 5 == 1:
            made.append(call(model=OPUS, mapped_model=OPUS, cost_usd=0.5 + n, **facts))
        else:
            made.append(call(**facts))
    return made


def write(directory: Path, told: Report) -> Path:
    file = directory / "report.html"
    file.write_text(page(told), encoding="utf-8")
    return file


def tiles(browser: Browser) -> dict[str, str]:
    texts = "[...document.querySelectorAll('.tiles div')].map(d => [...d.children])"
    return dict(browser.run(f"return {texts}.map(pair => pair.map(c => c.textContent))"))


def shown(browser: Browser, column: int) -> list[str]:
    return list(browser.run(f"return {TABLE}.map(r => r.cells[arguments[0]].textContent)", column))


@pytest.mark.parametrize("count", [1, 300, 20_000])
def test_it_opens_with_no_request_and_no_complaint_and_adds_up(
    browser: Browser, tmp_path: Path, count: int
) -> None:
    calls = mixed(count)
    file = write(tmp_path, report(*calls))
    assert file.stat().st_size < 30_000 + 700 * count
    browser.open(file)
    assert browser.requests() == [file.as_uri()]
    assert browser.console() == []
    together = totals(calls).together
    head = tiles(browser)
    assert head["calls"] == f"{count:,}"
    assert head["input tokens"] == f"{together.usage.prompt_tokens:,}"
    foot = browser.run(
        "return [...document.querySelectorAll('#table tfoot td')].map(c => c.textContent)"
    )
    assert foot[0] == f"{count:,} call{'s' if count > 1 else ''}"
    assert [foot[6], foot[7], foot[8]] == [
        head["input tokens"], head["of it from the cache"], head["output tokens"]
    ]  # fmt: skip
    assert len(shown(browser, 0)) == min(count, 200)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_window_and_has_the_grounds_colour(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    browser.size(width)
    browser.scheme(scheme)
    browser.open(write(tmp_path, report(*mixed(40), command=("train", "x" * 300))))
    assert browser.run(OVERFLOW) == 0
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 22, 27)"}[scheme]
    picture = browser.screenshot()
    assert struct.unpack(">II", picture[16:24])[0] == width
    assert len(picture) > 20_000  # something is drawn on it


def test_on_a_phone_what_is_to_be_read_is_read_without_scrolling_sideways(
    browser: Browser, tmp_path: Path
) -> None:
    browser.size(390)
    long = replace(OVERLOADED, message="Claude is overloaded, " * 15 + "x" * 300)
    entries = [logged("a", "one " * 200, answer="two " * 200)]
    told = report_of([Part(run(), lambda: [failed(long, request_id="a")], entries)])
    edge = "Math.max(...[...document.querySelectorAll('.held')].map(e => e.getBoundingClientRect()"
    for enabled in (True, False):
        browser.javascript(enabled=enabled)
        browser.open(write(tmp_path, told), "#call-a")
        assert browser.run(f"return {edge}.right))") <= 390
        scrolled = "document.querySelector('.wide:has(#table)').scrollLeft = 300"
        assert browser.run(f"{scrolled}; return {edge}.left))") >= 0
    name = "document.querySelector('.groups th[scope=row]').getBoundingClientRect().height"
    assert browser.run(f"return {name}") < 60  # its words are whole


def test_on_paper_it_is_black_on_white(browser: Browser, tmp_path: Path) -> None:
    browser.scheme("dark", media="print")
    browser.open(write(tmp_path, report(call())))
    colours = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    assert browser.run(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_without_javascript_everything_of_importance_is_there(
    browser: Browser, tmp_path: Path
) -> None:
    browser.javascript(enabled=False)
    browser.open(write(tmp_path, report(*mixed(1000))))
    text = browser.run("return document.body.innerText")
    for words in ("Failed", "claude-opus-5-5", "train", "Calls over time", "5 hours", "1,000"):
        assert words in text
    assert f"Without JavaScript: the {MOST_STATIC} calls" in text
    rows = "return document.querySelectorAll('#table tbody tr[id]{}').length"
    assert browser.run(rows.format("")) == MOST_STATIC
    assert browser.run(rows.format(".failed")) == 100
    assert browser.run("return document.getElementById('filter').hidden") is True
    assert browser.run("return document.querySelectorAll('svg path, svg rect').length") > 10


def test_calls_are_sorted_filtered_searched_and_found_again(
    browser: Browser, tmp_path: Path
) -> None:
    file = write(tmp_path, report(*mixed(300)))
    browser.open(file)
    browser.click("th[data-key=cost] button")
    assert shown(browser, 9)[:2] == ["$296.50", "$291.50"]
    browser.click("#failed")
    assert len(shown(browser, 0)) == 30
    assert all("overloaded" in text for text in shown(browser, 10))
    browser.click("#failed")
    choose = (
        "const f = document.getElementById(arguments[0]); f.value = arguments[1];"
        "f.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    browser.run(choose, "label", "train")
    browser.run(choose, "model", OPUS)
    assert set(shown(browser, 1)) == {OPUS}
    assert set(shown(browser, 2)) == {"train"}
    browser.run(choose, "search", "req_1")
    assert shown(browser, 0)[0] == "+19.6 s"  # req_196, the dearest still first
    browser.open(file, "#call-req_299")
    assert "req_299" in browser.run("return document.querySelector('tr.detail').innerText")


def test_a_call_in_the_chart_leads_to_its_row(browser: Browser, tmp_path: Path) -> None:
    browser.open(write(tmp_path, report(*mixed(20))))
    browser.run("location.hash = document.querySelectorAll('svg a')[7].getAttribute('href')")
    browser.run("return new Promise(r => setTimeout(r, 0))")
    assert "req_7" in browser.run("return document.querySelector('tr.detail').innerText")


def test_what_comes_from_requests_is_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    bad = call(model=HOSTILE, asked_model=HOSTILE, label=HOSTILE, request_id=f"x{HOSTILE}")
    file = write(tmp_path, report(bad, command=(HOSTILE,)))
    for enabled in (True, False):
        browser.javascript(enabled=enabled)
        browser.open(file)
        assert browser.console() == []
        assert browser.run("return document.scripts.length") == 2
        name = "document.querySelector('.groups th[scope=row]').textContent"
        assert browser.run(f"return {name}") == HOSTILE
    browser.javascript(enabled=True)
    browser.open(file)
    browser.click("#table tbody tr")
    assert HOSTILE in browser.run("return document.querySelector('tr.detail').textContent")


def test_its_own_policy_lets_nothing_out(browser: Browser, tmp_path: Path) -> None:
    file = write(tmp_path, report(call()))
    browser.open(file)
    refused = browser.run("return fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
    assert refused == "refused"
    assert any("Content Security Policy" in message for message in browser.console())
    assert not re.search(r"""(?:src|href)=["'](?!#)""", file.read_text().partition("<script")[0])


def logged(name: str, *texts: str, answer: str) -> dict[str, Any]:
    turns = [
        {
            "type": "AssistantTurn" if n % 2 else "UserTurn",
            "parts": [{"type": "Text", "text": text}],
        }
        for n, text in enumerate(texts)
    ]
    events = [{"at": 0.1, "type": "TextDelta", "text": answer}]
    sent = {"type": "TurnRequest", "system": "be brief", "turns": turns}
    return {"request_id": name, "calls": [{"sent": sent, "events": events}]}


def test_a_logged_call_opens_to_its_conversation_and_what_is_new_comes_first(
    browser: Browser, tmp_path: Path
) -> None:
    calls = [call(request_id="a"), call(request_id="b", began=NOW + 2)]
    entries = [
        logged("a", "one", answer=HOSTILE),
        logged("b", "one", HOSTILE, "three", answer="four"),
    ]
    file = write(tmp_path, report_of([Part(run(), lambda: calls, entries)]))
    assert "be brief" not in file.read_text()  # packed, and unpacked when it is wanted
    browser.open(file, "#call-b")
    detail = "document.querySelector('tr.detail')"
    told = browser.run(
        "const until = (is) => new Promise(r => {"
        "  const look = () => is() ? r() : setTimeout(look, 5); look(); });"
        f"return until(() => {detail} && {detail}.querySelector('.message'))"
        f".then(() => [...{detail}.querySelectorAll('.message')].map(m => m.innerText))"
    )
    assert told[:2] == ["user\nthree", "assistant\nfour"]
    texts = browser.run(
        f"return [...{detail}.querySelectorAll('details pre')].map(p => p.textContent)"
    )
    assert texts == ["be brief", "one", HOSTILE]
    assert browser.console() == []


def test_calls_at_the_same_time_are_in_lanes_of_their_own() -> None:
    spans = [(0, 5), (1, 2), (2, 9), (4, 1), (6, 1)]
    calls = [call(began=NOW + at, seconds=float(took)) for at, took in spans]
    assert lanes(calls) == [0, 1, 2, 1, 0]
