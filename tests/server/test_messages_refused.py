"""What the `anthropic` client gets when something is wrong: Anthropic's statuses and words."""

from collections.abc import Iterator

import anthropic
import pytest

from claude_run.bridge import Bridge
from claude_run.dialects.messages.errors import STATUSES
from claude_run.rehearsal.answers import Cut, Fail, Pause, Refuse, Reply, TextBlock, say
from tests.described.clients import anthropic_client
from tests.scripted import ScriptedUpstream
from tests.server.asking import ask
from tests.server.tables import FAILURES, MESSAGES, bad_requests

whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    502: "api_error",
    529: "overloaded_error",
}


@pytest.fixture(scope="module")
def claude(bridge: Bridge) -> Iterator[anthropic.Anthropic]:
    with anthropic_client(bridge) as client:
        yield client


def refused(answer: object, type_: str) -> str:
    """The message of an error of Anthropic's, in its envelope and no other."""
    assert isinstance(answer, dict)
    assert answer.keys() == {"type", "error", "request_id"}
    assert (answer["type"], answer["error"]["type"]) == ("error", type_)
    return str(answer["error"]["message"])


@pytest.mark.parametrize(("body", "param"), [*bad_requests(MESSAGES)], ids=str)
def test_a_bad_request_names_the_field(bridge: Bridge, body: object, param: str | None) -> None:
    status, answer, headers = ask(bridge, MESSAGES.path, body)
    assert status == 400
    assert (param or "") in refused(answer, "invalid_request_error")
    assert headers["request-id"] == answer["request_id"]


def test_what_is_asked_of_a_server_tool_is_refused_by_its_name(bridge: Bridge) -> None:
    tools = [{"type": "code_execution_20250825", "name": "code_execution"}]
    _, answer, _ = ask(bridge, MESSAGES.path, MESSAGES.body(tools=tools))
    assert "code_execution_20250825" in answer["error"]["message"]


@whole_and_streamed
@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [(row[0], row[1], row[3]) for row in FAILURES],
    ids=[row[0].message[:20] for row in FAILURES],
)
def test_an_upstream_failure_is_a_true_http_error(
    claude: anthropic.Anthropic,
    upstream: ScriptedUpstream,
    refusal: Refuse,
    status: int,
    code: str | None,
    stream: bool,
) -> None:
    upstream.answer = refusal
    with pytest.raises(anthropic.APIStatusError) as caught:
        MESSAGES.create(claude, stream)
    error = caught.value
    assert error.status_code == STATUSES.get(code, status)
    refused(error.body, TYPES[error.status_code])
    assert error.request_id


@whole_and_streamed
def test_words_that_only_clients_of_openai_look_for_are_left_out(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Refuse(429, "rate_limit_error", "slow down")
    with pytest.raises(anthropic.RateLimitError, match="slow down") as caught:
        MESSAGES.create(claude, stream)
    assert "Rate limit reached" not in caught.value.message

    upstream.answer = Refuse(400, "invalid_request_error", "prompt is too long: 2 > 1 maximum")
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        MESSAGES.create(claude, stream)


@pytest.mark.parametrize("broken", [Cut(), Fail("overloaded_error", "Overloaded")], ids=repr)
def test_an_answer_that_breaks_off_is_an_error_in_both_forms(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream, broken: Cut | Fail
) -> None:
    upstream.answer = Reply((TextBlock(("half an ans", Pause(0.3), broken)),))
    with pytest.raises(anthropic.InternalServerError) as caught:
        MESSAGES.create(claude, False)
    assert caught.value.status_code in {502, 529}

    with pytest.raises(anthropic.APIStatusError) as heard:
        MESSAGES.create(claude, True)
    refused(heard.value.body, TYPES[caught.value.status_code])


def test_batches_are_not_found_however_they_are_looked_for(claude: anthropic.Anthropic) -> None:
    batches = claude.messages.batches
    for looks in (batches.list, lambda: batches.retrieve("b"), lambda: batches.delete("b")):
        with pytest.raises(anthropic.NotFoundError, match="answers many requests at once"):
            looks()


def test_a_base_url_of_openais_does_for_anthropics_client(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("Hello")
    with anthropic_client(bridge, base_url=bridge.base_url) as client:
        answer = client.messages.create(**MESSAGES.body())
    assert answer.content[0].to_dict()["text"] == "Hello"


def test_without_the_key_nothing_is_answered(bridge: Bridge) -> None:
    with (
        anthropic_client(bridge, api_key="sk-wrong") as stranger,
        pytest.raises(anthropic.AuthenticationError, match="API key"),
    ):
        MESSAGES.create(stranger, False)


def test_an_unknown_model_is_told_what_maps_it(
    claude: anthropic.Anthropic, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("nobody asked")
    with pytest.raises(anthropic.NotFoundError, match="model_map="):
        claude.messages.create(
            model="no-such", max_tokens=5, messages=[{"role": "user", "content": "hi"}]
        )


def test_a_model_does_not_go_on_from_words_that_were_put_into_its_mouth(bridge: Bridge) -> None:
    begun = [*MESSAGES.body()["messages"], {"role": "assistant", "content": "It is"}]
    _, answer, _ = ask(bridge, MESSAGES.path, MESSAGES.body(messages=begun))
    said = refused(answer, "invalid_request_error")
    assert "This model does not support assistant message prefill" in said
