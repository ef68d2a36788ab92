"""The words that errors begin with, where clients tell errors apart by words."""

import pytest

from claude_run.dialects.errors import body_of
from claude_run.dialects.responses.answer import error_event, failed
from claude_run.turn import Failure, TurnError

LOOKED_FOR = (
    (Failure.CONTEXT_LENGTH, "This model's maximum context length is"),
    (Failure.RATE_LIMIT, "Rate limit reached"),
    (Failure.QUOTA, "You exceeded your current quota"),
)
on_each = pytest.mark.parametrize(("failure", "words"), LOOKED_FOR)


@on_each
def test_an_error_begins_with_openais_words_and_goes_on_with_the_providers(
    failure: Failure, words: str
) -> None:
    error = TurnError(failure, "as the provider says it")
    told = (
        body_of(error)["error"]["message"],
        error_event(error)["message"],
        failed(error)["error"]["message"],
    )
    for message in told:
        assert message.startswith(words)
        assert message.endswith(": as the provider says it")


@pytest.mark.parametrize("failure", [failure for failure, _ in LOOKED_FOR])
def test_words_that_are_there_are_not_said_twice(failure: Failure) -> None:
    once = body_of(TurnError(failure, "no"))["error"]["message"]
    assert body_of(TurnError(failure, once))["error"]["message"] == once
