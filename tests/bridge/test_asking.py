"""What a bridge answers to the program that holds it, waited for and awaited."""

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest

from claude_run import AnswerError, Bridge
from claude_run.bridge.asynchronous import AsyncBridge
from claude_run.bridge.face import Face
from claude_run.rehearsal.answers import Hold, Refuse, say
from tests.scripted import ScriptedUpstream, system_of


async def listed(bridge: AsyncBridge, prompt: str, **fields: Any) -> list[str]:
    return [piece async for piece in bridge.stream(prompt, **fields)]


def awaited(bridge: Bridge, ask: Callable[[AsyncBridge], Awaitable[Any]]) -> Any:
    async def asked() -> Any:
        return await ask(AsyncBridge(bridge))

    return asyncio.run(asked())


def test_one_question_has_one_answer(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    assert bridge.complete("What is Python?", system="Be brief.", max_tokens=50) == "Hello world"
    [request] = upstream.requests
    assert (system_of(request), request["max_tokens"]) == ("Be brief.", 50)
    assert awaited(bridge, lambda b: b.complete("What is Python?")) == "Hello world"


def test_an_answer_comes_in_pieces(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = say("one ", "two ", "three")
    pieces = ["one ", "two ", "three"]
    assert list(bridge.stream("Count.")) == list(bridge.complete("Count.", stream=True)) == pieces
    assert awaited(bridge, lambda b: listed(b, "Count.")) == pieces


def test_an_answer_that_is_no_longer_read_is_given_up(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("one ", "two ", Hold(lambda: False))

    async def left(bridge: AsyncBridge) -> str:
        async for piece in bridge.stream("Count."):
            return piece
        return ""

    stream = bridge.stream("Count.")
    assert next(stream) == "one "
    del stream
    upstream.wait_until(lambda: upstream.aborted == 1)
    assert awaited(bridge, left) == "one "
    upstream.wait_until(lambda: upstream.aborted == 2)


@pytest.mark.usefixtures("upstream")
def test_what_is_there_and_what_was_used_is_told(bridge: Bridge) -> None:
    assert bridge.health() == awaited(bridge, AsyncBridge.health) == {"status": "ok"}
    assert bridge.models() == awaited(bridge, AsyncBridge.models)
    assert {"pinned", "sonnet"} <= set(bridge.models())
    before = bridge.report()["sessions"]
    bridge.complete("hello")
    assert sum(bridge.report()["sessions"].values()) == sum(before.values()) + 1
    assert awaited(bridge, AsyncBridge.report)["paid_by"] == bridge.paid_by


def test_a_failure_says_what_the_bridge_said(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = Refuse(400, "invalid_request_error", "no such thing")
    asks: tuple[Callable[[], Any], ...] = (
        lambda: bridge.complete("hello"),
        lambda: list(bridge.stream("hello")),
        lambda: awaited(bridge, lambda b: b.complete("hello")),
        lambda: awaited(bridge, lambda b: listed(b, "hello")),
    )
    for ask in asks:
        with pytest.raises(AnswerError, match="no such thing") as raised:
            ask()
        assert (raised.value.status, raised.value.type) == (400, "invalid_request_error")
    with pytest.raises(AnswerError, match="not one of Claude's") as unknown:
        bridge.complete("hello", model="nobody-knows-this")
    assert unknown.value.code == "model_not_found"
    assert 'with model_map={"nobody-*": "sonnet"}, or' in str(unknown.value)
    with pytest.raises(AnswerError, match="Incorrect API key"):
        Face(bridge.base_url, "wrong").models()
    for nothing in (" ", ""):
        with pytest.raises(ValueError, match="nothing to ask"):
            bridge.complete(nothing)
    not_text: Any = ["hello"]
    with pytest.raises(TypeError, match="a prompt is a str, not list"):
        bridge.complete(not_text)


@pytest.mark.usefixtures("upstream")
def test_clients_of_openais_come_ready_and_go_past_proxies(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    ask: Any = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "hello"}]}

    async def asked() -> str | None:
        async with bridge.async_client() as client:
            answer = await client.chat.completions.create(**ask)
            text: str | None = answer.choices[0].message.content
            return text

    with Face(bridge.base_url, bridge.api_key, label="épreuve").client(max_retries=0) as client:
        assert isinstance(client, openai.OpenAI)
        assert client.max_retries == 0
        assert client.chat.completions.create(**ask).choices[0].message.content == "Hello world"
    assert asyncio.run(asked()) == "Hello world"
    assert "épreuve" in [row["label"] for row in bridge.report()["labels"]]
    assert bridge.complete("hello") == "Hello world"


def test_a_command_is_run_as_the_command_line_runs_it(
    bridge: Bridge, capfd: pytest.CaptureFixture[str]
) -> None:
    assert bridge.run(["sh", "-c", "echo $OPENAI_BASE_URL; exit 3"]) == 3
    assert bridge.run(["sh", "-c", "kill -9 $$"]) == 137
    assert bridge.run(["no-such-command"]) == 127
    assert bridge.run(["/dev/null"]) == 126
    assert awaited(bridge, lambda b: b.run(["sh", "-c", 'test "$OPENAI_API_KEY" && exit 4'])) == 4
    assert awaited(bridge, lambda b: b.run(["no-such-command"])) == 127
    with pytest.raises(TypeError, match=r"a list of words: \['sh', '-x'\]"):
        bridge.run("sh -x")
    with pytest.raises(ValueError, match="this one is empty"):
        bridge.run([])
    told = capfd.readouterr()
    assert told.out == f"{bridge.base_url}\n"
    assert "claude-run: no-such-command: command not found\n" in told.err


def test_a_bridge_stays_in_its_process(bridge: Bridge) -> None:
    with pytest.raises(TypeError, match=r"give another one bridge\.env"):
        pickle.dumps(bridge)
