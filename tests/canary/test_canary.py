"""The canary names what broke, and nothing else."""

import asyncio
from pathlib import Path

import pytest

from tests.canary.facts import FACTS, Fact
from tests.canary.trying import tried
from tests.claude.faulty_cli import faulty

BY_WORDS = {fact.says: fact for fact in FACTS}


@pytest.mark.parametrize(
    ("broken", "whole", "subtype", "how"),
    [
        ("a rewound process has no memory", "a turn is one request, and nothing else is asked",
         "rewind_conversation", "ignored"),
    ],
)  # fmt: skip
def test_a_fact_that_does_not_hold_is_told_by_name(
    broken: str, whole: str, subtype: str, how: str, tmp_path: Path
) -> None:
    cli = str(faulty(tmp_path, subtype, how))

    def seen(fact: Fact) -> str | None:
        return asyncio.run(tried(fact, cli)).seen

    assert seen(BY_WORDS[broken]) is not None
    assert seen(BY_WORDS[whole]) is None
