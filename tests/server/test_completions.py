"""The text completions of old: what Claude is sent for a prompt, and the text that comes back."""

import json
from itertools import groupby
from threading import Event

import openai
import pytest
from openai.types import Completion

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import Cut, Hold, Pause, Reply, TextBlock, say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, turns
from tests.server.asking import frames
from tests.server.tables import COMPLETIONS

PROMPTS = ["Once upon a", "In the beginning"]


def continued(request: JsonObject) -> Reply:
    """An answer that says which prompt it belongs to."""
    ((*_, prompt),) = (turn["content"] for turn in turns(request))
    return say(" (", prompt["text"], ")")


def test_a_prompt_goes_upstream_as_it_is(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    asked = "  Once upon\n  a — tïme "
    completion = client.completions.create(model="gpt-3.5-turbo-instruct", prompt=asked)

    (choice,) = completion.choices
    assert (choice.text, choice.finish_reason, choice.index) == ("Hello world", "stop", 0)
    assert completion.object == "text_completion"
    assert completion.id.startswith("cmpl-")
    (request,) = upstream.requests
    assert completion.model == request["model"]
    assert turns(request) == [{"role": "user", "content": [{"type": "text", "text": asked}]}]


@pytest.mark.parametrize("echo", [False, True])
def test_each_of_several_prompts_has_n_choices_of_its_own(
    client: openai.OpenAI, upstream: ScriptedUpstream, echo: bool
) -> None:
    upstream.answer = continued
    completion = client.completions.create(model="sonnet", prompt=PROMPTS, n=2, echo=echo)

    head = "{0} ({0})" if echo else " ({0})"
    assert [(choice.index, choice.text) for choice in completion.choices] == [
        (index, head.format(PROMPTS[index // 2])) for index in range(4)
    ]
    assert len(upstream.requests) == 4
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (40, 20)


def test_sampling_goes_upstream(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = Reply((TextBlock(("x",)),), stop_reason="stop_sequence", stop_sequence="END")
    completion = client.completions.create(
        model="sonnet", prompt="x", temperature=0.3, top_p=0.9, max_tokens=77, stop=["END", "\n\n#"]
    )

    assert completion.choices[0].finish_reason == "stop"
    (request,) = upstream.requests
    assert (request["temperature"], request["top_p"], request["max_tokens"]) == (0.3, 0.9, 77)
    assert request["stop_sequences"] == ["END", "\n\n#"]


def test_a_blank_stop_ends_the_text(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    upstream.answer = say("one line", "\nand ", "another")
    completion = client.completions.create(model="sonnet", prompt="lines", stop="\n")
    assert completion.choices[0].text == "one line"
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("stopped", "reason"), [("max_tokens", "length"), ("refusal", "content_filter")]
)
def test_an_answer_that_is_not_whole_says_why(
    client: openai.OpenAI, upstream: ScriptedUpstream, stopped: str, reason: str, stream: bool
) -> None:
    upstream.answer = Reply((TextBlock(("Once u",)),), stop_reason=stopped)
    answer = client.completions.create(model="sonnet", prompt="a tale", stream=stream)
    parts = [answer] if isinstance(answer, Completion) else list(answer)

    assert "".join(part.choices[0].text for part in parts) == "Once u"
    assert parts[-1].choices[0].finish_reason == reason


def test_a_stream_holds_the_choices_of_all_prompts(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    upstream.answer = continued
    body = COMPLETIONS.body(prompt=PROMPTS, echo=True, stream_options={"include_usage": True})
    *chunks, usage = completions_in(bridge, body)

    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    choices = sorted((chunk.choices[0] for chunk in chunks), key=lambda choice: choice.index)
    for index, of_one in groupby(choices, key=lambda choice: choice.index):
        *pieces, last = of_one
        assert "".join(piece.text for piece in pieces) == "{0} ({0})".format(PROMPTS[index])
        assert [piece.finish_reason for piece in pieces] == [None] * len(pieces)
        assert (last.text, last.finish_reason) == ("", "stop")
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 10


def completions_in(bridge: Bridge, body: JsonObject) -> list[Completion]:
    """The chunks of a stream that ends as one should."""
    *heard, end = frames(bridge, COMPLETIONS.path, body)
    assert end.data == "[DONE]"
    return [Completion.construct(**json.loads(frame.data)) for frame in heard]


def test_tokens_arrive_as_they_are_written(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("early", Pause(30.0), "late")
    with client.completions.create(model="sonnet", prompt="slowly", stream=True) as stream:
        assert next(iter(stream)).choices[0].text == "early"
        assert upstream.active == 1
    upstream.wait_until(lambda: upstream.active == 0)


def test_a_client_that_leaves_stops_the_model(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.answer = say("early", Pause(60.0), "late")
    stream = client.completions.create(model="sonnet", prompt=PROMPTS, stream=True)
    next(iter(stream))
    upstream.wait_for(2)
    stream.close()
    upstream.wait_until(lambda: upstream.aborted == 2)


def test_an_answer_that_breaks_off_ends_in_an_error_and_is_not_done(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    first_half_is_here = Event()
    wait = Hold(first_half_is_here.is_set)
    upstream.answer = Reply((TextBlock(("half an ans", wait, Cut())),))
    heard = frames(bridge, COMPLETIONS.path, COMPLETIONS.body())
    half = next(heard)
    first_half_is_here.set()
    (error,) = heard

    assert json.loads(half.data)["choices"][0]["text"] == "half an ans"
    assert error.event == "error"
    assert json.loads(error.data)["error"]["code"] == "upstream_error"
