"""The environment of a rehearsal leads nowhere else."""

import os
from pathlib import Path

import pytest

from claude_run.rehearsal import seal, unsealed
from tests.scripted import sealed_environment


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CONFIG_DIR",
        "CLAUDECODE",
        "OPENAI_BASE_URL",
        "https_proxy",
        "ALL_PROXY",
        "XDG_CONFIG_HOME",
    ],
)
def test_what_leads_out_of_a_rehearsal_is_named(name: str) -> None:
    assert unsealed(["PATH", name, "LANG"]) == (name,)


def test_everything_that_is_set_stays_inside(tmp_path: Path) -> None:
    sealed = seal(tmp_path, "http://127.0.0.1:7")

    assert sealed["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:7"
    assert Path(sealed["HOME"]) == tmp_path
    assert tmp_path in Path(sealed["CLAUDE_CONFIG_DIR"]).parents


def test_the_environment_of_the_tests_is_this_one_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-real")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    environment = sealed_environment(tmp_path, "http://127.0.0.1:7")

    assert environment["PATH"] == os.environ["PATH"]
    assert Path(environment["HOME"]).is_dir()
    assert tmp_path in Path(environment["HOME"]).parents
    assert environment.items() >= seal(tmp_path / "home", "http://127.0.0.1:7").items()
    assert not {"ANTHROPIC_API_KEY", "HTTPS_PROXY"} & environment.keys()
