"""What is typed wrong is understood; shells complete what is typed half."""

from pathlib import Path

import pytest

from tests.typed import Outcome, Typed, outcomes
from tests.wrapped import CLAUDE_RUN, finished, sealed

TRUE = ("--rehearse", "-q", "--", "true")
TOML = "claude-run.toml"

WRONG = {
    # Nothing, or no verb.
    "": "claude-run -- python my_script.py",
    "--": "claude-run -- python my_script.py",
    "aks hi": "did you mean ask?",
    "help aks": "did you mean ask?",
    "version": "did you mean claude-run --version?",
    "chat hi": "did you mean claude-run ask?",
    # The right words at the wrong place.
    "--rehearse ask hi": "claude-run ask [OPTIONS] hi",
    "ask --port 1 hi": "there is no option --port",
    "ask what --is this": "no option --is; behind -- every word is one of the question",
    "completion": "bash|zsh|fish",
    "models --json --rehearse": "there is no option --rehearse",
    "fields chta": "did you mean chat?",
    "cassette lst x": "did you mean list?",
    "login --ci --status": "choose one",
    # Options.
    "--modle-map a=b -- true": "did you mean --model-map?",
    "-billing auto true": "there is no option -billing; did you mean --billing?",
    "-help": "there is no option -help; did you mean --help?",
    "-V": "did you mean --version?",
    "-x true": "there is no option -x\n",
    "--timeout": "--timeout needs a value",
    "--rehearse=yes true": "--rehearse takes no value",
    # Values.
    "--port abc true": "'abc' is not a whole number",
    "--port 70000 true": "'70000' is not a whole number, 0 to 65535",
    "--billing foo true": "none of auto, subscription, api-key",
    "--timeout 5q true": "write for example 90, 90s, 5m or 1h",
    "--timeout 0 true": "is not a time above 0",
    "--timeout nan true": "is not a time above 0",
    "--max-body much true": "write for example 32MB",
    "--max-body 0 true": "write for example 32MB",
    "--max-concurrency 0 true": "--max-concurrency",
    "--max-sessions 0 true": "--max-sessions",
    "--sessions none true": "none of recycled, fresh",
    "--for codx true": "did you mean codex?",
    "--fail-on mis true": "did you mean miss?",
    "--set FOO={bass_url} true": "did you mean base_url?",
    "ask": "PROMPT: there is nothing to ask; write for example claude-run ask",
    # Models that there are not.
    "--model-map gpt-4 true": "'gpt-4' is not FROM=TO",
    "--model-map =sonnet true": "'=sonnet' is not FROM=TO",
    "--model-map gpt-*=sonet true": "Did you mean sonnet?",
    "--default-model gpt-5 true": "'gpt-5' is no model of Claude's",
    "-m opuss true": "--model opuss: 'opuss' is no model of Claude's. Did you mean opus?",
    "models -m sonet": "Did you mean sonnet?",
    "serve -m opuss": "--model opuss: 'opuss' is no model of Claude's.",
}
"""What is typed, and what is said of it, with status 2 and nothing on stdout."""

NOT_RUN = {
    ("--", "aks", "hi"): (127, "claude-run: aks: command not found\n"),
    ("zzyzx", "hi"): (127, "zzyzx: command not found, and no verb either"),
    ("--", ""): (127, "claude-run: '': command not found\n"),
    ("python3 -c 1",): (127, "write its words without quotes around them all: python3 -c 1"),
    ("--", "A=1", "env"): (127, "claude-run -- env A=1 env"),
    ("--", "cd", "/tmp"): (127, "claude-run -- sh -c 'cd /tmp'"),
    ("--", "/etc/passwd"): (126, "/etc/passwd: Permission denied"),
    ("--", "/etc"): (126, "/etc: Is a directory"),
    ("serve", "--host", "0.0.0.0"): (125, "every network that this machine is in"),
}

RIGHT = (
    ("--rehearse", "-qq", "--", "true"),
    ("--rehearse", "-q", "true"),
    ("--rehearse", "-q", "--timeout", "5m", "--no-strict-params", "true"),
    ("run", "-qm", "sonnet", "--rehearse", "true"),
    ("--rehearse", "-q", "-m", " sonnet ", "true"),
    ("--rehearse", "-q", "--model-map", " gpt-* = sonnet ", "true"),
    ("--rehearse", "-q", "--model-map", "gpt-*=opus", "--model-map", "opus=haiku", "true"),
)

VARIABLES = {
    ("CLAUDE_RUN_TIMOUT", "5m"): (2, "did you mean CLAUDE_RUN_TIMEOUT?"),
    ("CLAUDE_RUN_REHEARSE", "maybe"): (2, "CLAUDE_RUN_REHEARSE: 'maybe' is neither true nor false"),
    ("CLAUDE_RUN_MODEL_MAP", "a=opus, c"): (2, "CLAUDE_RUN_MODEL_MAP: 'c' is not FROM=TO"),
    ("CLAUDE_RUN_MODEL_MAP", "gpt-* = sonnet, o3 =opus\to4= haiku"): (0, ""),
    ("CLAUDE_RUN_TIMEOUT", " 5m "): (0, ""),
    ("CLAUDE_RUN_BILLING", " "): (0, ""),
    ("PATH", ""): (127, "claude-run: true: command not found\n"),
    ("HOME", ""): (0, ""),
    ("HOME", "/nowhere"): (0, ""),
}
"""In which environment an ordinary line is typed, and what comes of it."""

FILES = {
    b"timout = 5": (2, "there is no option 'timout'; did you mean timeout?"),
    b"[tool.claude-run]": (2, "options stand here by themselves, without [tool] above them"),
    b"[claude-run]": (2, "options stand here by themselves, without [claude-run] above them"),
    b"\xff": (2, f"{TOML} is not UTF-8 text (byte 0)"),
    b"\xef\xbb\xbftimeout = 5": (0, ""),
    b"sessions = 1": (2, "'1' is none of recycled, fresh"),
    b"sessions = []": (2, "sessions = [] is no value; it takes recycled or fresh"),
}
"""What a project's file says, where an ordinary line is typed."""


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> dict[object, Outcome]:
    """What comes of each of these; there is no login."""
    directory = tmp_path_factory.mktemp("typed")
    lines: dict[object, Typed] = {line: Typed(tuple(line.split())) for line in WRONG}
    lines |= {words: Typed(words) for words in (*NOT_RUN, *RIGHT)}
    lines |= {variable: Typed(TRUE, (variable,)) for variable in VARIABLES}
    for number, content in enumerate(FILES):
        place = directory / str(number)
        place.mkdir()
        (place / TOML).write_bytes(content)
        lines[content] = Typed(TRUE, directory=str(place))
    return dict(zip(lines, outcomes(lines.values(), sealed(directory)), strict=True))


@pytest.mark.parametrize(("line", "told"), WRONG.items())
def test_who_errs_is_told_what_to_type_before_any_login_is_looked_for(
    line: str, told: str, typed: dict[object, Outcome]
) -> None:
    status, stdout, stderr = typed[line]
    assert (status, stdout) == (2, "")
    assert told in stderr


@pytest.mark.parametrize(
    ("given", "expected"), [*NOT_RUN.items(), *VARIABLES.items(), *FILES.items()]
)
def test_what_cannot_be_run_or_meant_needs_no_login_to_be_told(
    given: object, expected: tuple[int, str], typed: dict[object, Outcome]
) -> None:
    status, told = expected
    assert (typed[given].status, typed[given].stdout) == (status, "")
    assert told in typed[given].stderr
    assert bool(told) == bool(typed[given].stderr)
    assert "login was found" not in typed[given].stderr


@pytest.mark.parametrize("words", RIGHT, ids=" ".join)
def test_what_is_plain_works_as_typed(words: tuple[str, ...], typed: dict[object, Outcome]) -> None:
    assert typed[words] == (0, "", "")


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
