"""llm-comply holds each API against its vendor's description, and looks at what it says."""

import json
import subprocess
import sys

import pytest

from tests.yardsticks.table import CHAT, MESSAGES, RESPONSES, Yardstick

IN_ANTHROPICS_FORM = (
    "--auth-header",
    "x-api-key",
    "--no-bearer",
    "-H",
    "anthropic-version:2023-06-01",
)


@pytest.mark.parametrize(
    ("yardstick", "model", "options"),
    [
        (CHAT, "gpt-5.1", ()),
        (RESPONSES, "gpt-5.1", ()),
        (MESSAGES, "claude-sonnet-4-6", IN_ANTHROPICS_FORM),
    ],
    ids=["chat", "responses", "messages"],
)
def test_every_case_passes_but_those_that_are_told(
    wrapped: dict[str, str], yardstick: Yardstick, model: str, options: tuple[str, ...]
) -> None:
    finished = subprocess.run(
        [
            *(sys.executable, "-c", "from llm_comply.cli import main; main()", "--json"),
            *("--format", yardstick.measures.strip("`"), "-u", wrapped["OPENAI_BASE_URL"]),
            *("-k", wrapped["OPENAI_API_KEY"], "-m", model, *options),
        ],
        env=wrapped,
        capture_output=True,
        text=True,
        check=False,
    )
    cases = json.loads(finished.stdout)["results"]
    assert len(cases) == yardstick.cases
    missed = {
        case["id"]: case for case in cases if case["status"] != "passed" or "warnings" in case
    }
    assert missed.keys() == {case for case, _why in yardstick.missed}, missed
