"""What the wrapped command finds: `--set`, `--hide-login`, `--for`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_run.cli import options
from claude_run.cli.arguments import UsageError
from claude_run.cli.kinds import VARIABLE, filled
from claude_run.cli.programs import PROGRAMS, with_words
from claude_run.usage.cures import nothing_called
from tests.wrapped import CLAUDE_RUN, finished, sealed

THERE = {"OPENAI_BASE_URL": "http://127.0.0.1:7/v1", "OPENAI_API_KEY": "sk-secret"}
SHOW = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


def test_variables_are_set_and_logins_hidden_in_the_command_alone(tmp_path: Path) -> None:
    logins = {
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy",
        "ANTHROPIC_API_KEY": "sk-ant-api03-dummy",
        "ANTHROPIC_AUTH_TOKEN": "dummy",
    }
    command = [
        *(*CLAUDE_RUN, "-q", "--rehearse", "--hide-login"),
        *("--set", "MY_API={base_url}/x", "--set", "MY_HOST={origin}", "--set", "MY_KEY={api_key}"),
        *("--set", 'MY_JSON={"url": "{base_url}"}', "--", *SHOW),
    ]
    result = finished(command, sealed(tmp_path, **logins))
    found = json.loads(result.stdout)
    url = found["OPENAI_BASE_URL"]
    assert found["MY_API"] == f"{url}/x"
    assert found["MY_HOST"] == url.removesuffix("/v1")
    assert found["MY_KEY"] == found["OPENAI_API_KEY"]
    assert json.loads(found["MY_JSON"]) == {"url": url}
    assert not logins.keys() & found.keys()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("MY_API", "'MY_API' is not NAME=VALUE"),
        ("=x", "is not NAME=VALUE"),
        ("MY-API=x", "is not NAME=VALUE"),
        ("MY_API={baseurl}", "{baseurl} is none of {base_url}, {api_key}, {origin}; did you mean"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_explained(given: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        VARIABLE.read(given)


def test_a_template_is_filled_once() -> None:
    assert filled("{api_key}|{origin}", "http://h:1/v1", "{origin}") == "{origin}|http://h:1"


# --- programs -------------------------------------------------------------------------


READ_THE_VARIABLES = ("aider", "qwen")
"""They are told what else to do than where to ask."""


def test_every_program_is_known_by_name_and_hinted_at() -> None:
    assert tuple(PROGRAMS) == options.PROGRAMS
    for name, program in PROGRAMS.items():
        if name != "aider":  # it reads OPENAI_API_BASE
            assert nothing_called(program.names[0]).endswith(f"--for {name}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_program_is_given_the_key_in_words_files_or_anew(name: str) -> None:
    lead = PROGRAMS[name].lead(THERE)
    assert "sk-secret" not in repr(lead)
    assert "http://127.0.0.1:7" in repr(lead) or name in READ_THE_VARIABLES


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["codex", "exec", "hi"], ["codex", "-c", "exec", "hi"]),
        (["/usr/bin/codex"], ["/usr/bin/codex", "-c"]),
        (["npx", "@openai/codex@latest", "exec"], ["npx", "@openai/codex@latest", "-c", "exec"]),
        (["env", "A=b", "codex", "codex"], ["env", "A=b", "codex", "-c", "codex"]),
    ],
)  # fmt: skip
def test_words_stand_behind_the_programs_name(command: list[str], expected: list[str]) -> None:
    assert with_words(command, "codex", ["-c"]) == expected
    with pytest.raises(UsageError, match="which the command does not name"):
        with_words(["sh", "-c", "codex exec"], "codex", ["-c"])


def test_what_the_person_has_chosen_stays() -> None:
    theirs: dict[str, Any] = {
        "model": "claude-run/opus",
        "theme": "dark",
        "provider": {"openai": {"options": {"baseURL": "https://elsewhere", "timeout": 5}}},
    }
    environment = {**THERE, "OPENCODE_CONFIG_CONTENT": json.dumps(theirs), "GOOSE_MODEL": "opus"}
    [written] = PROGRAMS["opencode"].lead(environment).variables.values()
    config = json.loads(written)
    assert (config["model"], config["theme"]) == ("claude-run/opus", "dark")
    assert config["provider"]["openai"]["options"] == {
        "baseURL": THERE["OPENAI_BASE_URL"],
        "apiKey": "{env:OPENAI_API_KEY}",
        "timeout": 5,
    }
    assert "sonnet" in config["provider"]["claude-run"]["models"]
    assert "GOOSE_MODEL" not in PROGRAMS["goose"].lead(environment).variables
    with pytest.raises(UsageError, match="is not JSON"):
        PROGRAMS["opencode"].lead({**THERE, "OPENCODE_CONFIG_CONTENT": "{"})


def test_a_program_that_heeds_no_exception_from_a_proxy_is_started_without_and_that_is_told(
    tmp_path: Path,
) -> None:
    program = tmp_path / "qwen"
    program.write_text(f"#!{sys.executable}\n{SHOW[-1]}\n")
    program.chmod(0o755)
    environment = sealed(tmp_path, HTTPS_PROXY="http://127.0.0.1:9", http_proxy="http://[::1]:9")
    flags = ("--rehearse", "--for", "qwen")
    result = finished([*CLAUDE_RUN, *flags, "--", str(program)], environment)
    found = json.loads(result.stdout)
    assert (found["HTTPS_PROXY"], found["http_proxy"]) == ("", "")
    assert "it is started without HTTPS_PROXY and http_proxy" in result.stderr
    assert "no calls  were made to Claude: the command was led here by --for" in result.stderr


def test_a_command_that_cannot_be_led_is_not_started(tmp_path: Path) -> None:
    command = [*CLAUDE_RUN, "--rehearse", "--for", "codex", "--", "true"]
    result = finished(command, sealed(tmp_path))
    assert result.returncode == 2
    assert "--for codex adds words behind codex" in result.stderr
