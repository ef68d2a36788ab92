"""Whatever a client says, Claude is told: in the same order, by the same roles, word for word."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import openai
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from claude_run.bridge import Bridge
from claude_run.rehearsal.answers import say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, system_of, turns
from tests.server.asking import ask
from tests.server.chats import TOOLS, assistant, hear, offered, result, system, user
from tests.server.dialects import DIALECTS

Said: TypeAlias = tuple[Any, ...]

# Blank texts are left out on the way, as Claude takes none; and JavaScript reads the numbers.
TEXTS = st.text(min_size=1, max_size=30).filter(lambda text: text.strip("\ufeff \t\r\n").strip())
WORDS = TEXTS | st.lists(TEXTS, min_size=1, max_size=3)
IDS = st.text("abcXYZ-", min_size=1, max_size=12)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e6, 1e6)
    | st.text(max_size=10)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
ARGUMENTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=3)
NAMES = {"weather": "weather", "a.b": "a_b", "a_b": "a_b_2"}


ASKED = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],  # to shrink an example takes hundreds of questions
    # The fixtures are the same for all examples on purpose: so are the sessions.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def content(words: str | list[str]) -> Any:
    return words if isinstance(words, str) else [{"type": "text", "text": one} for one in words]


@st.composite
def exchanges(draw: st.DrawFn) -> list[JsonObject]:
    """What a user says and is answered, with calls and their results in any order."""
    asked = [user(content(draw(WORDS))) for _ in range(draw(st.integers(1, 2)))]
    ids = draw(st.lists(IDS, unique=True, max_size=3))
    if not ids:
        return [*asked, assistant(draw(TEXTS))]
    calls = [
        (id_, draw(st.sampled_from(sorted(NAMES))), json.dumps(draw(ARGUMENTS))) for id_ in ids
    ]
    results = [result(id_, content(draw(WORDS))) for id_ in draw(st.permutations(ids))]
    return [*asked, assistant(draw(st.none() | TEXTS), *calls), *results]


@st.composite
def conversations(draw: st.DrawFn) -> list[JsonObject]:
    """Up to four exchanges, in which no id is used twice, and perhaps a last question."""
    messages: list[JsonObject] = []
    for number in range(draw(st.integers(0, 4))):
        for message in draw(exchanges()):
            if "tool_call_id" in message:
                message["tool_call_id"] += f"-{number}"
            for call in message.get("tool_calls", ()):
                call["id"] += f"-{number}"
            messages.append(message)
    ends_open = bool(messages) and messages[-1]["role"] == "tool" and draw(st.booleans())
    return messages if ends_open else [*messages, user(content(draw(WORDS)))]


def told(messages: list[JsonObject]) -> Iterator[Said]:
    """Who says what, one piece after the other, as the client put it."""
    for message in messages:
        words = texts(message["content"])
        if message["role"] == "tool":
            yield "user", "result", message["tool_call_id"], words
        else:
            yield from ((message["role"], "text", word) for word in words)
        for call in message.get("tool_calls", ()):
            made = call["function"]
            name = f"mcp__c__{NAMES[made['name']]}"
            yield "assistant", "call", call["id"], name, json.loads(made["arguments"])


def heard(request: JsonObject) -> Iterator[Said]:
    """The same of a request upstream."""
    for turn in turns(request):
        for block in turn["content"]:
            match block:
                case {"type": "text", "text": words}:
                    yield turn["role"], "text", words
                case {"type": "tool_use", "id": id_, "name": name, "input": arguments}:
                    yield turn["role"], "call", id_, name, arguments
                case {"type": "tool_result", "tool_use_id": id_, "content": words}:
                    yield turn["role"], "result", id_, texts(words)


def texts(words: Any) -> list[str]:
    if isinstance(words, list):
        return [part["text"] for part in words]
    return [words] if words else []


@ASKED
@given(messages=conversations(), systems=st.lists(st.just("Be brief."), max_size=1))
def test_claude_is_told_what_the_client_said(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    messages: list[JsonObject],
    systems: list[str],
) -> None:
    upstream.forget()
    upstream.answer = say("I ", "see.")
    got = hear(client, [*map(system, systems), *messages], stream=False, tools=TOOLS)

    assert (got.content, got.finish) == ("I see.", "stop")
    (request,) = upstream.requests
    assert system_of(request) == "".join(systems)
    assert list(heard(request)) == list(told(messages))
    roles = [turn["role"] for turn in turns(request)]
    assert roles == [("user", "assistant")[n % 2] for n in range(len(roles))]


@ASKED
@given(deltas=st.lists(st.text(max_size=12), max_size=6), stream=st.booleans())
def test_the_client_gets_what_claude_said(
    client: openai.OpenAI, upstream: ScriptedUpstream, deltas: list[str], stream: bool
) -> None:
    upstream.forget()
    upstream.answer = say(*deltas)
    got = hear(client, [user("say it")], stream=stream, tools=TOOLS)
    assert (got.content, got.finish) == ("".join(deltas), "stop")


@settings(ASKED, max_examples=8)
@given(messages=conversations(), prompt=st.sampled_from(["", "Be brief."]))
def test_every_dialect_says_the_same_upstream(
    bridge: Bridge, upstream: ScriptedUpstream, messages: list[JsonObject], prompt: str
) -> None:
    upstream.forget()
    for path, spell in DIALECTS.items():
        status, answer, _ = ask(bridge, path, spell(messages, prompt, TOOLS))
        assert status == 200, answer
    said = [(system_of(request), turns(request)) for request in upstream.requests]
    assert said == said[:1] * len(DIALECTS)
    assert list(heard(upstream.requests[0])) == list(told(messages))
    tools = [offered(request) for request in upstream.requests]
    assert tools == tools[:1] * len(DIALECTS)
