"""What is replayed costs nothing: it counts for no budget, and needs none."""

from pathlib import Path

import openai
import pytest

from claude_run.usage.spool import records_in
from tests.cassette.tapes import ask, client_of, recording
from tests.scripted import ScriptedUpstream


def test_what_is_replayed_passes_where_the_budget_is_used_up(
    tmp_path: Path, environment: dict[str, str], upstream: ScriptedUpstream
) -> None:
    with recording(tmp_path, environment) as bridge, client_of(bridge) as client:
        said = ask(client, "one")
    with (
        recording(tmp_path, environment, max_calls=1, repeat=True) as bridge,
        client_of(bridge) as client,
    ):
        assert [ask(client, "one") for _ in range(2)] == [said, said]
        ask(client, "two")
        with pytest.raises(openai.RateLimitError, match="--max-calls 1"):
            ask(client, "three")
        assert ask(client, "one") == said
        records = list(records_in(bridge.spool))
    assert len(upstream.requests) == 2
    sessions = [record.session == "replayed" for record in records]
    assert sessions == [True, True, False, False, True]
    assert [record.cost_usd for record in records if record.session == "replayed"] == [0.0] * 3
