"""`models` and `fields` tell what the server goes by, and a map to nowhere is refused."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from claude_run import AnswerError, Bridge
from tests.readme import TABLES
from tests.wrapped import CLAUDE_RUN, finished, sealed

pytestmark = pytest.mark.usefixtures("verified")


def test_models_are_told_as_the_server_decides(tmp_path: Path) -> None:
    flags = ["--model-map", "gpt-*=opus", "--model-map", "opus=claude-opus-4-7"]
    command = [*CLAUDE_RUN, "models", "--json", *flags, "gpt-4.1", "sonet", "haiku"]
    result = finished(command, sealed(tmp_path))
    assert result.returncode == 1
    told = {one["asked"]: one for one in json.loads(result.stdout)}
    assert told["gpt-4.1"]["model"] == "claude-opus-4-7"
    assert "answered by claude-opus-4-7" in told["gpt-4.1"]["notice"]
    assert told["sonet"]["model"] is None
    assert "Did you mean sonnet?" in told["sonet"]["notice"]
    assert told["haiku"] == {"asked": "haiku", "model": "haiku", "notice": None}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_fields_are_the_tables_of_the_readme(name: str, tmp_path: Path) -> None:
    told = finished([*CLAUDE_RUN, "fields", name], sealed(tmp_path)).stdout.splitlines()
    assert told[1:] == [
        f"{row.name}\t{row.treatment.value}\t{row.note}" for row in TABLES[name].values()
    ]


def test_whoever_maps_to_nowhere_is_told_where_that_is_said(tmp_path: Path) -> None:
    """The environment, and a file."""
    (tmp_path / "claude-run.toml").write_text("model-map = { 'gpt-*' = 'sonet' }")
    here = finished([*CLAUDE_RUN, "models"], sealed(tmp_path), cwd=tmp_path)
    elsewhere = sealed(tmp_path, CLAUDE_RUN_DEFAULT_MODEL="hiku")
    for result, meant in ((here, "sonnet"), (finished([*CLAUDE_RUN, "true"], elsewhere), "haiku")):
        assert result.returncode == 2
        assert f"Did you mean {meant}?" in result.stderr
        assert "`claude-run config` tells where that is said" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"model_map": {"gpt-*": "sonet"}}, r"model_map\['gpt-\*'\]: .* Did you mean sonnet\?"),
        ({"default_model": "hiku"}, r"default_model: .* Did you mean haiku\?"),
    ],
)
def test_a_program_that_maps_to_nowhere_is_told_at_once(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=told):
        Bridge(environment=sealed(tmp_path), **options)


def test_where_models_have_other_names_it_is_not_for_us_to_say(tmp_path: Path) -> None:
    """A cloud, a gateway."""
    for name, value in (
        ("CLAUDE_CODE_USE_BEDROCK", "1"),
        ("ANTHROPIC_BASE_URL", "https://gateway.example"),
    ):
        Bridge(environment=sealed(tmp_path, **{name: value}), model_map={"gpt-*": "theirs"})


def test_models_without_names_are_what_the_server_lists_and_one_of_each_other_kind(
    tmp_path: Path,
) -> None:
    flags = ["--model-map", "o?=opus", "--model-map", "mine=haiku"]
    result = finished([*CLAUDE_RUN, "models", *flags], sealed(tmp_path))
    assert result.returncode == 0
    rows = [line.split("\t") for line in result.stdout.splitlines()[1:]]
    told = {asked: model for asked, model, _why in rows}
    why = {asked: why for asked, _model, why in rows}
    assert why["gpt-4.1"] == "no model of Claude's. --model-map 'gpt-*=sonnet' answers it"
    assert (why["mine"], why["opus"]) == ("--model-map", "the newest that Claude Code has")
    assert list(told)[:2] == ["o?", "mine"]
    assert (told["o?"], told["mine"]) == ("opus", "haiku")
    assert told["anthropic/claude-sonnet-4.5"] == "claude-sonnet-4-5"
    assert told["claude-3-5-sonnet-latest"] == "sonnet"
    assert (told["fable"], told["gpt-4.1"]) == ("fable", "404")
    mapped = {"o?": "opus", "mine": "haiku"}
    with Bridge(on_demand=True, environment=sealed(tmp_path), model_map=mapped) as bridge:
        assert set(bridge.models()) <= set(told)
        with bridge.scope("its targets are the run's, too", model_map={"gpt-*": "mine"}):
            pass
        with (
            pytest.raises(AnswerError, match=r"Did you mean sonnet\?"),
            bridge.scope("to nowhere", model_map={"gpt-*": "sonet"}),
        ):
            pass


def test_advice_covers_all_that_the_run_has_asked_for(tmp_path: Path) -> None:
    asks = (
        f"for m in gpt-4.1 gpt-5-mini; do {sys.executable} -m claude_run ask -m $m hi; done; true"
    )
    result = finished([*CLAUDE_RUN, "--rehearse", "--", "sh", "-c", asks], sealed(tmp_path))
    assert result.stderr.count("--model-map 'gpt-*=sonnet'") == 4  # at once, twice, at the end
