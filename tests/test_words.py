"""What is typed wrong is understood; shells complete what is typed half."""

from pathlib import Path

import pytest

from tests.wrapped import CLAUDE_RUN, finished, sealed


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ([], "claude-run -- python my_script.py"),
        (["aks", "hi"], "did you mean ask?"),
        (["help", "aks"], "did you mean ask?"),
        (["--rehearse", "ask", "hi"], "claude-run ask [OPTIONS] hi"),
        (["--modle-map", "a=b", "--", "true"], "did you mean --model-map?"),
        (["-billing", "auto", "true"], "did you mean --billing?"),
        (["--port", "abc", "true"], "'abc' is not a whole number"),
        (["--billing", "foo", "true"], "none of auto, subscription, api-key"),
        (["--timeout", "5q", "true"], "write for example 90, 90s, 5m or 1h"),
        (["--timeout"], "--timeout needs a value"),
        (["--rehearse=yes", "true"], "--rehearse takes no value"),
        (["ask", "--port", "1", "hi"], "there is no option --port"),
        (["completion"], "bash|zsh|fish"),
    ],
)
def test_who_errs_is_told_what_to_type_before_any_login_is_looked_for(
    typed: list[str], told: str, tmp_path: Path
) -> None:
    result = finished([*CLAUDE_RUN, *typed], sealed(tmp_path))
    assert result.returncode == 2
    assert told in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        (["--", "aks", "hi"], 127, "claude-run: aks: command not found\n"),
        (["zzyzx", "hi"], 127, "zzyzx: command not found, and no verb either"),
        (["--", "/etc/passwd"], 126, "/etc/passwd: Permission denied"),
        (["--", "/etc"], 126, "/etc: Is a directory"),
        (["serve", "--host", "0.0.0.0"], 125, "every network that this machine is in"),
    ],
)
def test_what_cannot_be_run_needs_no_login_to_be_told(
    typed: list[str], status: int, told: str, tmp_path: Path
) -> None:
    result = finished([*CLAUDE_RUN, *typed], sealed(tmp_path))
    assert result.returncode == status
    assert told in result.stderr
    assert "login was found" not in result.stderr


@pytest.mark.parametrize(
    "typed",
    [
        ["--rehearse", "-qq", "--", "true"],
        ["--rehearse", "-q", "true"],
        ["--rehearse", "-q", "--timeout", "5m", "--no-strict-params", "true"],
    ],
)
def test_what_is_plain_works_as_typed(typed: list[str], tmp_path: Path) -> None:
    result = finished([*CLAUDE_RUN, *typed], sealed(tmp_path))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("typed", [["--help"], ["help"], ["help", "ask"], ["ask", "--help"]])
def test_help_fits_80_columns(typed: list[str], tmp_path: Path) -> None:
    result = finished([*CLAUDE_RUN, *typed], sealed(tmp_path))
    assert result.returncode == 0
    assert "Usage: claude-run " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


BASH = """
eval "$(claude-run completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_claude_run; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = """
claude-run completion fish | source
complete -C '{words}'
"""
ZSH = """
compdef() {{ }}; eval "$(claude-run completion zsh)"
compadd() {{ print -l -- $names }}; _files() {{ }}; _normal() {{ print -- "a command: $words" }}
words=({words}); CURRENT=$#words
_claude_run
"""
SHELLS = {"bash": ["bash", "-c", BASH], "zsh": ["zsh", "-fc", ZSH], "fish": ["fish", "-c", FISH]}


@pytest.mark.parametrize("shell", sorted(SHELLS))
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("claude-run as", "ask"),
        ("claude-run --model-m", "--model-map"),
        ("claude-run --billing sub", "subscription"),
        ("claude-run ask --reh", "--rehearse"),
        ("claude-run completion zs", "zsh"),
    ],
)
def test_a_shell_completes(shell: str, words: str, completed: str, tmp_path: Path) -> None:
    *command, script = SHELLS[shell]
    result = finished([*command, script.format(words=words)], _with_program(tmp_path))
    assert completed in [line.partition("\t")[0] for line in result.stdout.splitlines()]


def test_a_shell_completes_the_wrapped_command_as_its_own(tmp_path: Path) -> None:
    script = BASH.format(words="claude-run --rehearse -- claude-ru")
    told = finished(["bash", "-c", script], _with_program(tmp_path)).stdout
    assert set(told.splitlines()) == {"claude-run"}  # once for each place on PATH
    script = ZSH.format(words="claude-run --rehearse -- pytest -x")
    told = finished(["zsh", "-fc", script], _with_program(tmp_path)).stdout
    assert told == "a command: pytest -x\n"


def _with_program(directory: Path) -> dict[str, str]:
    """An environment with a `claude-run` on its PATH."""
    environment = sealed(directory)
    program = directory / "bin" / "claude-run"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{CLAUDE_RUN[0]}" -m claude_run "$@"\n')
    program.chmod(0o755)
    environment["PATH"] = f"{program.parent}:{environment['PATH']}"
    return environment


@pytest.mark.parametrize("asked", ["gpt-4.1", "claude-opus-4-7", "no such model"])
def test_one_model_answers_for_every_name(asked: str, tmp_path: Path) -> None:
    ask = [*CLAUDE_RUN, "ask", "-m", asked, "hello"]
    command = [*CLAUDE_RUN, "--rehearse", "-q", "-m", "haiku", "--", *ask]
    assert "It stands in for claude-haiku" in finished(command, sealed(tmp_path)).stdout


def test_login_is_the_bundled_clis_own(tmp_path: Path) -> None:
    result = finished([*CLAUDE_RUN, "login", "--status"], sealed(tmp_path))
    assert result.returncode == 1
    assert '"loggedIn": false' in result.stdout
