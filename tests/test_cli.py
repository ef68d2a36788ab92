import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from claude_run import __version__
from claude_run.cli.options import OPTIONS
from claude_run.rehearsal.answers import say
from tests.scripted import ScriptedUpstream, turns
from tests.wrapped import (
    CLAUDE_RUN,
    REHEARSING,
    answered_by,
    asker,
    dismiss,
    finished,
    said,
    sealed,
    started,
    survivors,
)

pytestmark = pytest.mark.usefixtures("verified")

ASK = [*CLAUDE_RUN, "ask"]
SHOW = "import json, os; print(json.dumps(dict(os.environ)), flush=True)"
TOKEN = {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy"}
KEY = {"ANTHROPIC_API_KEY": "sk-ant-api03-dummy"}


def claude_run(
    *arguments: str, directory: Path, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    return finished([*CLAUDE_RUN, *arguments], sealed(directory, **environment or {}), **options)


# --- usage ----------------------------------------------------------------------------


def test_help_explains_every_flag_and_names_the_other_verbs(tmp_path: Path) -> None:
    result = claude_run("--help", directory=tmp_path, environment={"COLUMNS": "80"})
    assert result.returncode == 0
    assert "Usage: claude-run [OPTIONS] -- COMMAND [ARGS]..." in result.stdout
    told = set(re.findall(r"^\W+ (--[\w-]+)", result.stdout, re.MULTILINE))
    assert told == {flag for option in OPTIONS for flag in option.flags[-1:]} | {
        "--version",
        "--help",
    }
    assert "claude-run ask" in result.stdout


def test_the_version_is_told(tmp_path: Path) -> None:
    assert claude_run("--version", directory=tmp_path).stdout == f"claude-run {__version__}\n"


@pytest.mark.parametrize(
    "before", [["--rehearse"], ["--rehearse", "--"], ["run", "--rehearse", "--"]]
)
def test_what_comes_after_the_command_is_the_commands(before: list[str], tmp_path: Path) -> None:
    show = [sys.executable, "-c", "import sys; print(sys.argv[1:])"]
    result = claude_run(*before, *show, "--port", "--", "--rehearse", directory=tmp_path)
    assert result.stdout == "['--port', '--', '--rehearse']\n"


# --- who pays -------------------------------------------------------------------------


def test_without_any_login_the_command_is_not_started(tmp_path: Path) -> None:
    result = claude_run("--", "touch", str(tmp_path / "started"), directory=tmp_path)
    assert result.returncode == 125
    assert "`claude-run login`" in result.stderr
    assert "`claude-run login --ci`" in result.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("login", "flags", "told"),
    [
        (TOKEN, [], None),
        ({**TOKEN, **KEY}, [], "ANTHROPIC_API_KEY is kept from Claude Code"),
        (KEY, [], "every call is metered"),
        ({**TOKEN, **KEY}, ["--billing", "api-key"], "every call is metered"),
    ],
)
def test_what_concerns_money_is_said_even_to_the_quiet(
    login: dict[str, str], flags: list[str], told: str | None, tmp_path: Path
) -> None:
    result = claude_run("-q", *flags, "true", directory=tmp_path, environment=login)
    assert result.returncode == 0
    if told is None:
        assert result.stderr == ""
    else:
        assert told in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "authorised"),
    [(["--billing", "subscription"], {"authorization"}), ([], {"x-api-key"})],
)
def test_claude_is_asked_with_the_login_that_pays_and_no_other(
    flags: list[str], authorised: set[str], tmp_path: Path
) -> None:
    with ScriptedUpstream() as upstream:
        environment = {**answered_by(upstream, tmp_path), **KEY}
        result = finished([*CLAUDE_RUN, *flags, "--", *ASK, "What is Python?"], environment)
        assert result.stdout == "Hello world\n"
        for headers in upstream.headers:
            assert {"authorization", "x-api-key"} & set(headers) == authorised
    for secret in (*KEY.values(), environment["CLAUDE_CODE_OAUTH_TOKEN"]):
        assert secret not in result.stderr


# --- around the command ---------------------------------------------------------------


def test_a_taken_port_is_told_before_the_command_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = ["--rehearse", "--port", port, "touch", str(tmp_path / "started")]
        result = claude_run(*command, directory=tmp_path)
    assert result.returncode == 125
    assert f"port {port} cannot be used" in result.stderr
    assert not (tmp_path / "started").exists()


def test_a_chosen_port_is_the_commands(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["--rehearse", "--port", str(port), sys.executable, "-c", SHOW]
    environment = json.loads(claude_run(*command, directory=tmp_path).stdout)
    assert environment["OPENAI_BASE_URL"] == f"http://127.0.0.1:{port}/v1"


def test_a_run_inside_a_run_has_its_own_port_and_key(tmp_path: Path) -> None:
    show_both = f"{SHOW}; import subprocess; subprocess.run({[*REHEARSING, *ASK, 'hello']!r})"
    inner = [*REHEARSING, sys.executable, "-c", show_both]
    outer = finished([*REHEARSING, "sh", "-c", 'env; exec "$@"', "-", *inner], sealed(tmp_path))
    lines = outer.stdout.splitlines()
    seen_outside = dict(line.split("=", 1) for line in lines if line.startswith("OPENAI_"))
    seen_inside = json.loads(next(line for line in lines if line.startswith("{")))
    assert seen_inside["CLAUDE_RUN"] == "1"
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY"):
        assert seen_inside[name] != seen_outside[name]
    assert lines[-1].startswith("This is a rehearsal.")


def test_calls_are_summed_up_on_stderr_and_stdout_is_the_commands(tmp_path: Path) -> None:
    result = claude_run("--rehearse", "--", *ASK, "What is Python?", directory=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith("This is a rehearsal.")
    assert result.stdout.count("\n") == 1
    assert " ended with 0 after " in result.stderr
    assert "nobody: it was a rehearsal" in result.stderr
    assert re.search(r"^claude-sonnet-\S+ +1 +\d+ +0 +\d+$", result.stderr, re.MULTILINE)


def test_a_run_without_calls_says_so(tmp_path: Path) -> None:
    result = claude_run("--rehearse", "true", directory=tmp_path)
    assert "claude-run: true ended with 0 after " in result.stderr
    assert "no calls  were made to Claude: " in result.stderr


def test_a_summary_nobody_can_read_does_not_change_the_exit_status(tmp_path: Path) -> None:
    unread, stderr = os.pipe()
    os.close(unread)
    with os.fdopen(stderr, "w") as broken:
        result = claude_run(
            "--rehearse", "sh", "-c", "exit 3",
            directory=tmp_path, capture_output=False, stdout=subprocess.PIPE, stderr=broken,
        )  # fmt: skip
    assert result.returncode == 3
    assert result.stdout == ""


def test_without_a_stderr_nothing_of_ours_goes_to_stdout(tmp_path: Path) -> None:
    command = ["sh", "-c", 'exec "$@" 2>&-', "-", *CLAUDE_RUN, "sh", "-c", "exit 3"]
    result = finished(command, sealed(tmp_path, **KEY))
    assert (result.returncode, result.stdout) == (3, "")


def test_a_run_leaves_nothing_behind(tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream:
        environment = answered_by(upstream, tmp_path)
        with started([*CLAUDE_RUN, "--quiet", "--", *asker()], environment) as wrapper:
            assert said(wrapper) == "asked 0"
            everyone = psutil.Process(wrapper.pid).children(recursive=True)
            ports = [
                connection.laddr[1]
                for process in everyone
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            ]
            assert dismiss(wrapper) == 7
            assert survivors(everyone, 1) == []
    assert ports
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    assert not list((tmp_path / "tmp").iterdir())
    configuration = Path(environment["CLAUDE_CONFIG_DIR"])
    assert not list(configuration.glob("projects/*"))


def test_the_key_stands_in_no_command_line_and_no_message(tmp_path: Path) -> None:
    command = ["sh", "-c", 'echo "$OPENAI_API_KEY"; exec "$@"', "-", *asker()]
    with started([*CLAUDE_RUN, "--rehearse", "--", *command], sealed(tmp_path)) as wrapper:
        key = said(wrapper)
        assert key.startswith("sk-claude-run-")
        assert said(wrapper) == "asked 0"
        everyone = [psutil.Process(wrapper.pid), *psutil.Process(wrapper.pid).children(True)]
        assert len(everyone) > 2
        assert not any(key in " ".join(process.cmdline()) for process in everyone)
        assert dismiss(wrapper) == 7
        assert wrapper.stderr is not None
        assert key not in wrapper.stderr.read()


# --- start ----------------------------------------------------------------------------


IMPORTED = """
import sys
from claude_run.cli import main

sys.argv = ["claude-run", "--rehearse", "--", "true"]
try:
    main()
finally:
    print(*sys.modules)
"""


def test_the_wrapper_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = {
        "asyncio",
        "claude_agent_sdk",
        "claude_run.cli.programs",
        "fastapi",
        "http.client",
        "pydantic",
        "rich",
        "uvicorn",
    }
    imported = finished([sys.executable, "-c", IMPORTED], sealed(tmp_path)).stdout.split()
    assert "claude_run.cli.run" in imported
    assert not heavy & set(imported)


WAIT_AT_THE_SDK = """
import os, sys

def wait(event, arguments):
    if event == "import" and arguments[0] == "claude_agent_sdk" and "SIGN" in os.environ:
        open(os.environ.pop("SIGN")).close()

sys.addaudithook(wait)
"""


def test_the_command_starts_before_the_bridge_has_imported_the_sdk(tmp_path: Path) -> None:
    """The import waits for a sign from the command; in any other order both wait for ever."""
    sign, hooks = tmp_path / "sign", tmp_path / "hooks"
    os.mkfifo(sign)
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(WAIT_AT_THE_SDK)
    environment = sealed(tmp_path, SIGN=str(sign))
    environment["PYTHONPATH"] += f":{hooks}"
    command = ["sh", "-c", ': >"$SIGN"; exec "$@"', "-", *asker()]
    with started([*REHEARSING, *command], environment) as wrapper:
        assert said(wrapper) == "asked 0"
        assert dismiss(wrapper) == 7


# --- ask ------------------------------------------------------------------------------


def test_a_question_goes_where_the_environment_says(tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream:
        environment = answered_by(upstream, tmp_path)
        command = [*CLAUDE_RUN, "-q", "--", *ASK, "-m", "haiku", "What is Python?"]
        result = finished(command, environment)
        assert (result.stdout, result.returncode) == ("Hello world\n", 0)
        [told] = result.stderr.splitlines()  # the upstream is not Anthropic's
        assert "login is sent there" in told
        [request] = upstream.requests
        assert "haiku" in request["model"]
        assert "What is Python?" in json.dumps(request)


def test_a_question_without_a_bridge_starts_its_own(tmp_path: Path) -> None:
    with ScriptedUpstream(say("Bonjour\n")) as upstream:
        environment = answered_by(upstream, tmp_path)
        result = finished([*ASK, "-"], environment, stdin=None, input="Qu'est-ce ?")
        assert (result.stdout, result.returncode) == ("Bonjour\n", 0)
        assert "Qu'est-ce ?" in json.dumps(upstream.requests[0], ensure_ascii=False)
    assert not list((tmp_path / "tmp").iterdir())


def test_words_are_joined_and_what_is_piped_in_comes_before_them(tmp_path: Path) -> None:
    with ScriptedUpstream(say("fine")) as upstream:
        environment = answered_by(upstream, tmp_path)
        piped = finished([*ASK, "-", "summarise", "this"], environment, stdin=None, input="a diff")
        [request] = upstream.requests
    assert (piped.stdout, piped.returncode) == ("fine\n", 0)
    assert turns(request)[-1]["content"][0]["text"] == "a diff\n\nsummarise this"


def test_an_option_for_a_bridge_asks_for_one_of_its_own(tmp_path: Path) -> None:
    nowhere = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "k"}
    command = ["ask", "--rehearse", "--model-map", "gpt-4=haiku", "-m", "gpt-4", "hello"]
    result = claude_run(*command, directory=tmp_path, environment=nowhere)
    assert "It stands in for claude-haiku" in result.stdout


def test_a_question_without_a_login_is_refused(tmp_path: Path) -> None:
    result = claude_run("ask", "What is Python?", directory=tmp_path)
    assert result.returncode == 125
    assert "`claude-run login`" in result.stderr


def test_an_error_is_told_once_on_stderr_and_never_as_an_answer(tmp_path: Path) -> None:
    """One that a run says at once, because more calls will run into it."""
    result = claude_run("ask", "--rehearse", "-m", "gpt-4", "hello", directory=tmp_path)
    assert (result.stdout, result.returncode) == ("", 1)
    [line] = result.stderr.splitlines()
    assert "--model-map 'gpt-*=sonnet'" in line


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    nowhere = {"OPENAI_BASE_URL": f" {url} ", "OPENAI_API_KEY": "k\n"}
    result = claude_run("ask", "What is Python?", directory=tmp_path, environment=nowhere)
    assert (result.stdout, result.returncode) == ("", 1)
    assert f"{url} does not answer: [Errno " in result.stderr


def test_an_answer_nobody_reads_on_is_no_failure(tmp_path: Path) -> None:
    unread, stdout = os.pipe()
    os.close(unread)
    with os.fdopen(stdout, "w") as broken:
        result = claude_run(
            "ask", "--rehearse", "hello",
            directory=tmp_path, capture_output=False, stdout=broken, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
