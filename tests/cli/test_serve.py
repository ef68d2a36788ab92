"""`claude-run serve` as programs and shells use it: clients, signals, sockets, the background."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from claude_run import Bridge, BridgeError
from claude_run.bridge.hosts import Tcp, Unix, place_of
from claude_run.registry import running
from claude_run.rehearsal.answers import Hold, say
from tests.scripted import ScriptedUpstream
from tests.wrapped import CLAUDE_RUN, answered_by, finished, said, sealed, started

SERVE = (*CLAUDE_RUN, "serve", "--port", "0")
KEY = "a-key-that-a-person-has-chosen"


def runtime(environment: dict[str, str], directory: Path) -> dict[str, str]:
    """`environment` with a place of its own for what is running."""
    place = directory / "run"
    place.mkdir(mode=0o700, exist_ok=True)
    return {**environment, "XDG_RUNTIME_DIR": str(place), "XDG_STATE_HOME": str(directory)}


@contextmanager
def serving(
    environment: dict[str, str], *options: str
) -> Iterator[tuple["subprocess.Popen[str]", str, str]]:
    """A `claude-run serve` that serves, its base URL and its key."""
    with started([*SERVE, *options], environment) as process:
        lines = [said(process) for _ in range(3)]
        assert lines[0].startswith("serving on "), lines
        yield process, lines[1].partition("=")[2].split()[0], lines[2].partition("=")[2]


def client_of(url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0)


def tell_to_end(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Returns when it has heard that."""
    process.send_signal(number)
    assert process.stderr is not None
    while "ending: what has begun" not in process.stderr.readline():
        assert process.poll() is None


def ask(client: openai.OpenAI, text: str = "hello") -> str | None:
    message: Any = {"role": "user", "content": text}
    answer = client.chat.completions.create(model="sonnet", messages=[message])
    return answer.choices[0].message.content


def test_told_to_end_it_finishes_what_has_begun_and_takes_nothing_new(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    go_on = threading.Event()
    upstream.answer = say("one ", Hold(go_on.is_set), "two")
    environment = runtime(answered_by(upstream, tmp_path), tmp_path)
    with serving(environment) as (process, url, key), client_of(url, key) as client:
        message: Any = {"role": "user", "content": "Count."}
        stream = client.chat.completions.create(model="sonnet", messages=[message], stream=True)
        texts = (chunk.choices[0].delta.content for chunk in stream if chunk.choices)
        pieces = filter(None, texts)
        assert next(pieces) == "one "
        tell_to_end(process, signal.SIGTERM)
        with pytest.raises(openai.InternalServerError, match="takes nothing new") as refused:
            ask(client)
        assert refused.value.status_code == 503
        go_on.set()
        assert list(pieces) == ["two"]
        assert process.wait() == 0
    assert not list((tmp_path / "run").iterdir())  # nothing of the CLI's either


def test_a_second_signal_ends_it_at_once(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    upstream.answer = say("one ", Hold(lambda: False))
    environment = runtime(answered_by(upstream, tmp_path), tmp_path)
    with serving(environment) as (process, url, key), client_of(url, key) as client:
        failed: list[openai.APIError] = []

        def ask_and_fail() -> None:
            try:
                ask(client)
            except openai.APIError as error:
                failed.append(error)

        asking = threading.Thread(target=ask_and_fail)
        asking.start()
        upstream.wait_for(1)
        tell_to_end(process, signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        asking.join()
        assert failed


def test_a_unix_socket_serves_whoever_may_open_it(tmp_path: Path) -> None:
    path = tmp_path / "claude.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()  # as a bridge that was killed leaves it
    (tmp_path / "key").write_text(f"{KEY}\n")
    environment = runtime(sealed(tmp_path), tmp_path)
    options = ("--rehearse", "--host", f"unix:{path}", "--key", str(tmp_path / "key"))
    with serving(environment, *options) as (process, url, key):
        assert (url, key) == ("http://localhost/v1", "(yours)")
        assert path.stat().st_mode & 0o777 == 0o600
        body = json.dumps({"model": "sonnet", "messages": [{"role": "user", "content": "hi"}]})
        curl = ("curl", "-sS", "--unix-socket", str(path), "-H", f"Authorization: Bearer {KEY}")
        where = "http://any-name/v1/chat/completions"
        answer = subprocess.run([*curl, where, "-d", body], capture_output=True, check=True)
        assert "rehearsal" in json.loads(answer.stdout)["choices"][0]["message"]["content"]
        where = "http://any-name/v1/scopes"
        scope = subprocess.run([*curl, where, "-d", "{}"], capture_output=True, check=True)
        assert b"has no scopes" in scope.stdout
        assert "paid by" in finished([*CLAUDE_RUN, "watch"], environment).stdout
        assert finished([*SERVE, "--status"], environment).stdout.startswith(f"unix:{path}  ")
        elsewhere = finished([*SERVE, "--stop", "--host", "unix:/elsewhere"], environment)
        assert (elsewhere.returncode, process.poll()) == (1, None)
        assert finished([*SERVE, "--stop", "--host", f"unix:{path}"], environment).returncode == 0
        assert process.wait() == 0
    assert not path.exists()


def test_the_library_speaks_through_a_unix_socket_as_well(tmp_path: Path) -> None:
    path = str(tmp_path / "claude.sock")
    environment = sealed(tmp_path)
    with Bridge(rehearse=True, host=f"unix:{path}", environment=environment) as bridge:
        assert "rehearsal" in bridge.complete("hello")
        with bridge.client() as client:
            assert "rehearsal" in (ask(client) or "")
        other = Bridge(rehearse=True, host=f"unix:{path}2", environment=environment)
        with other:  # each is found by itself
            found = {run.socket_path: run.bridge for run in running(environment)}
            assert found == {path: bridge.pid, f"{path}2": other.pid}
        with (
            pytest.raises(BridgeError, match="somebody listens there already"),
            Bridge(rehearse=True, host=f"unix:{path}", environment=environment),
        ):
            pass
    assert not os.path.exists(path)


def test_in_the_background_it_is_begun_told_of_and_ended_by_a_shell(tmp_path: Path) -> None:
    environment = runtime(sealed(tmp_path, CLAUDE_RUN_KEY=KEY), tmp_path)
    serve = " ".join(SERVE)
    ask_it = " ".join((*CLAUDE_RUN, "ask", "hello"))
    script = f"""
        set -e
        eval "$({serve} --rehearse --background --env)"
        test "$OPENAI_API_KEY" = {KEY}
        {ask_it}
        {" ".join(SERVE[:-2])} --status
        {" ".join(SERVE[:-2])} --stop
        ! {" ".join(SERVE[:-2])} --status
    """
    result = finished(["sh", "-c", script], environment)
    assert result.returncode == 0, result.stderr
    answer, status = result.stdout.splitlines()
    assert answer.startswith("This is a rehearsal.")
    assert "paid by rehearsal" in status
    assert KEY not in result.stdout + result.stderr
    assert "nothing is served" in result.stderr
    [log] = (tmp_path / "claude-run").iterdir()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("options", "variables", "told"),
    [
        (["--key", "sk-secret"], {}, "--key takes the name of a file"),
        ([], {"CLAUDE_RUN_KEY": "short"}, "must be at least 16 characters"),
        (["--stop", "--status"], {}, "do not go together"),
        (["--host", "0.0.0.0"], {}, "every network that this machine is in"),
        (["--background", "--host", "nobody.example"], {}, "names are not looked up"),
    ],
)
def test_what_cannot_be_is_said(
    options: list[str], variables: dict[str, str], told: str, tmp_path: Path
) -> None:
    environment = runtime(sealed(tmp_path, **variables), tmp_path)
    result = finished([*SERVE, "--rehearse", *options], environment)
    assert result.returncode in {2, 125}
    assert told in result.stderr


INTERFACES = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.168.1.7"], "docker0": ["172.17.0.1"]}


@pytest.mark.parametrize(
    ("host", "allowed", "place"),
    [
        ("127.0.0.1", (), Tcp("127.0.0.1")),
        ("127.0.0.2", (), Tcp("127.0.0.2")),
        ("localhost", (), Tcp("127.0.0.1")),
        ("[::1]", (), Tcp("::1")),
        ("unix:/run/claude.sock", (), Unix("/run/claude.sock")),
        ("172.17.0.1", ("host.docker.internal",), Tcp("172.17.0.1", is_loopback=False)),
    ],
)
def test_where_a_bridge_may_listen(host: str, allowed: tuple[str, ...], place: Tcp | Unix) -> None:
    assert place_of(host, allowed, INTERFACES) == place


@pytest.mark.parametrize(
    ("host", "allowed", "told"),
    [
        ("0.0.0.0", ("any",), "every network"),
        ("::", ("any",), "every network"),
        ("192.168.1.7", ("any",), "no address of a container network of eth0"),
        ("8.8.8.8", ("any",), "no address of a container network:"),
        ("172.17.0.1", (), "needs --allow-host NAME"),
        ("example.com", (), "names are not looked up"),
    ],
)
def test_where_it_may_not_and_why(host: str, allowed: tuple[str, ...], told: str) -> None:
    with pytest.raises(BridgeError) as raised:
        place_of(host, allowed, INTERFACES)
    assert told in str(raised.value)
