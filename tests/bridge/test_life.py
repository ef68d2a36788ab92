"""How bridges that a program holds begin and end: in loops, threads and forks, and by force."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import openai
import psutil
import pytest

from claude_run import AnswerError, Bridge, BridgeError
from tests.test_fault import PLANTED
from tests.wrapped import finished, sealed

ASK: Any = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]}


def rehearsing(directory: Path) -> Bridge:
    return Bridge(rehearse=True, environment=sealed(directory))


def test_in_an_async_block_the_loop_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with rehearsing(tmp_path) as bridge:
            begun = ticks
            assert "rehearsal" in await bridge.complete("hello")
            answered = ticks
            async with bridge.scope("a part", max_calls=1) as scope:
                assert "rehearsal" in "".join([text async for text in scope.stream("hello")])
                with pytest.raises(AnswerError, match="budget of a part is used up"):
                    await scope.complete("hello")
                assert (await scope.told())["calls"] == 2
            assert scope.outcome["errors"] == 1
        assert 1 < begun < begun + 1 < answered < answered + 1 < ticks
        ticking.cancel()

    asyncio.run(main())


def test_a_block_that_is_cancelled_ends_its_bridge(tmp_path: Path) -> None:
    async def main() -> int:
        made = rehearsing(tmp_path)
        with anyio.CancelScope() as cancelled:
            async with made:
                cancelled.cancel()
                await anyio.sleep_forever()
        return made.pid

    assert not psutil.pid_exists(asyncio.run(main()))


def test_whoever_is_cancelled_on_the_way_in_leaves_nothing(tmp_path: Path) -> None:
    async def enter(bridge: Bridge) -> None:
        async with bridge:
            await asyncio.Event().wait()

    async def main() -> None:
        for rounds in (1, 2, 50):
            entering = asyncio.create_task(enter(rehearsing(tmp_path)))
            for _ in range(rounds):
                await asyncio.sleep(0)
            entering.cancel()
            with pytest.raises(asyncio.CancelledError):
                await entering

    threads, before = set(threading.enumerate()), set(psutil.Process().children())
    asyncio.run(main())
    for thread in set(threading.enumerate()) - threads:
        thread.join()
    assert set(psutil.Process().children()) <= before


def test_two_bridges_in_two_threads_are_strangers(tmp_path: Path) -> None:
    told: dict[str, list[str]] = {"one": [], "two": []}
    both = threading.Barrier(2)

    def hold(name: str) -> None:
        with Bridge(rehearse=True, label=name, environment=sealed(tmp_path / name)) as bridge:
            bridge.complete("hello")
            both.wait(60)
            told[name] = [bridge.base_url, *(row["label"] for row in bridge.report()["labels"])]
            both.wait(60)

    threads = [threading.Thread(target=hold, args=(name,)) for name in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told["one"][0] != told["two"][0]
    assert [told[name][1:] for name in told] == [["one"], ["two"]]


NOTEBOOK = """
import asyncio, os, sys, time
from claude_run import Bridge

def forked(bridge):
    child = os.fork()
    if not child:
        answer = bridge.complete("What is Python?")
        bridge.close()  # which is not the child's to do
        sys.exit(7 if "rehearsal" in answer else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

async def cells():  # a notebook's loop runs already
    bridge = Bridge(rehearse=True)
    bridge.start()
    await asyncio.sleep(0)
    print("rehearsal" in bridge.complete("hello"), forked(bridge))
    sleeper = os.fork()  # a child that outlives the bridge does not hold it up
    if not sleeper:
        time.sleep(600)
    await asyncio.sleep(0)
    print("rehearsal" in bridge.complete("hello"))
    bridge.close()
    os.kill(sleeper, 9)
    print(sum(model["calls"] for model in bridge.report()["models"]))
    try:
        bridge.complete("hello")
    except Exception as error:
        print(error)

asyncio.run(cells())
"""


def test_it_works_from_cell_to_cell_and_across_forks(tmp_path: Path) -> None:
    result = finished([sys.executable, "-c", NOTEBOOK], sealed(tmp_path))
    assert result.stderr == ""
    told = "True 7\nTrue\n3\nthe bridge has ended: its block is over\n"
    assert result.stdout == told
    assert not list((tmp_path / "tmp").iterdir())


def test_a_bridge_is_started_once(tmp_path: Path) -> None:
    with (
        rehearsing(tmp_path) as bridge,
        pytest.raises(BridgeError, match="started once"),
        bridge,
    ):
        pass


def test_a_bridge_that_dies_says_why_in_the_clients_own_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with rehearsing(tmp_path) as bridge, bridge.client() as client:
        client.chat.completions.create(**ASK)
        os.killpg(bridge.pid, signal.SIGKILL)
        with pytest.raises(AnswerError, match=r"the bridge died \(signal 9\)"):
            bridge.complete("hello")
        with pytest.raises(openai.InternalServerError, match=r"the bridge died \(signal 9\)"):
            client.chat.completions.create(**ASK)
    assert "claude-run: the bridge died (signal 9)" in capfd.readouterr().err
    assert bridge.report()["bridge_died"] is True
    assert sum(model["calls"] for model in bridge.report()["models"]) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes on exceptions are of Python 3.11")
def test_an_error_that_leaves_the_block_of_a_dead_bridge_has_the_reason_with_it(
    tmp_path: Path,
) -> None:
    def use_a_dead_bridge() -> None:
        with rehearsing(tmp_path) as bridge:
            bridge.wait_ready()
            os.killpg(bridge.pid, signal.SIGKILL)
            with openai.OpenAI(base_url=bridge.base_url, api_key="any", max_retries=0) as client:
                client.chat.completions.create(**ASK)

    with pytest.raises(openai.APIConnectionError) as raised:
        use_a_dead_bridge()
    assert raised.value.__notes__ == ["claude-run: the bridge died (signal 9)"]


def test_a_bridge_that_cannot_start_tells_any_client_why(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "sitecustomize.py").write_text(PLANTED)
    environment = sealed(tmp_path, PYTHONPATH=str(tmp_path / "hooks"))
    with Bridge(rehearse=True, environment=environment) as bridge:
        key = f"Authorization: Bearer {bridge.api_key}"
        curl = ["curl", "-sS", f"{bridge.base_url}/models", "-H", key]
        asked = subprocess.run(curl, capture_output=True, text=True, check=True)
        assert "the bridge could not start: RuntimeError: planted" in asked.stdout
        with (
            openai.OpenAI(base_url=bridge.base_url, api_key=bridge.api_key) as client,
            pytest.raises(openai.InternalServerError, match="the bridge could not start"),
        ):
            client.chat.completions.create(**ASK)
        with (
            openai.OpenAI(base_url=bridge.base_url, api_key="wrong") as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.models.list()
