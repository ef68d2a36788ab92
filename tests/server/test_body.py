"""What a body may be packed in and spelt as, the same at every endpoint."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from claude_run.bridge import Bridge
from claude_run.dialects.reading import MOST_MESSAGES
from claude_run.rehearsal.answers import Reply, say
from claude_run.settings import Settings
from tests.scripted import ScriptedUpstream, turns
from tests.server.asking import ask
from tests.server.chats import assistant, result, tool, use, user
from tests.server.tables import CHAT, EVERY_ENDPOINT, RESPONSES, Endpoint

on_every_endpoint = pytest.mark.parametrize("endpoint", EVERY_ENDPOINT, ids=str)
MEBIBYTE = 1 << 20


def bare_deflate(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
    "deflate": zlib.compress,
    " deflate ": bare_deflate,
    "identity": bytes,
}


@pytest.fixture(scope="module")
def strict(environment: dict[str, str]) -> Iterator[Bridge]:
    """A bridge that takes a mebibyte and starts no session before it is asked."""
    with Bridge(Settings(max_body=MEBIBYTE), environment=environment) as bridge:
        bridge.wait_ready()
        yield bridge


@on_every_endpoint
@pytest.mark.parametrize("spelt", ["NaN", "-Infinity", "1e400", '"\\ud800"', "[" * 900 + "]" * 900])
def test_what_json_cannot_say_again_is_refused(
    bridge: Bridge, upstream: ScriptedUpstream, endpoint: Endpoint, spelt: str
) -> None:
    whole = json.dumps(endpoint.body(temperature=1, odd="here")).replace('"here"', spelt)
    status, answer, _ = ask(bridge, endpoint.path, raw=whole.encode())
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert not upstream.requests


@pytest.mark.parametrize("encoding", PACKINGS)
def test_a_packed_body_is_unpacked(
    bridge: Bridge, upstream: ScriptedUpstream, encoding: str
) -> None:
    raw = PACKINGS[encoding](json.dumps(CHAT.body()).encode())
    status, answer, _ = ask(bridge, CHAT.path, raw=raw, headers={"Content-Encoding": encoding})
    assert (status, CHAT.text_of(answer)) == (200, "Hello world")
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "x" * 5000])
def test_another_packing_is_refused_by_name(strict: Bridge, encoding: str) -> None:
    status, answer, headers = ask(
        strict, CHAT.path, raw=b"x", headers={"Content-Encoding": encoding}
    )
    assert (status, answer["error"]["code"]) == (415, "unsupported_content_encoding")
    assert headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-9]),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"trailing"),
        ("deflate", b"{}"),
        ("gzip", gzip.compress(b"{", mtime=0)),
        ("gzip", gzip.compress(b"", mtime=0) * 10_001),
        ("gzip", b""),
    ],
)
def test_a_body_that_is_not_what_it_is_called(strict: Bridge, encoding: str, raw: bytes) -> None:
    status, answer, _ = ask(strict, CHAT.path, raw=raw, headers={"Content-Encoding": encoding})
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_too_large(strict: Bridge, encoding: str) -> None:
    raw = PACKINGS[encoding](b" " * (200 * MEBIBYTE))
    assert len(raw) < MEBIBYTE
    status, answer, _ = ask(strict, CHAT.path, raw=raw, headers={"Content-Encoding": encoding})
    assert (status, answer["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("endpoint", [CHAT, RESPONSES], ids=str)
def test_so_many_messages_are_too_many(bridge: Bridge, endpoint: Endpoint) -> None:
    messages = [{"role": "user", "content": "x"}] * (MOST_MESSAGES + 1)
    status, answer, _ = ask(bridge, endpoint.path, endpoint.body(**{endpoint.prompt: messages}))
    assert (status, answer["error"]["param"]) == (400, endpoint.prompt)
    assert str(MOST_MESSAGES) in answer["error"]["message"]


@on_every_endpoint
@pytest.mark.parametrize("model", ["so\0nnet", "sonnet\n", "a" * 100_000, "\x1b[31m", ""])
def test_a_models_name_is_one_short_line(bridge: Bridge, endpoint: Endpoint, model: str) -> None:
    status, answer, _ = ask(bridge, endpoint.path, endpoint.body(model=model))
    assert status in {400, 404}
    assert answer["error"].get("param", "model") == "model"
    assert "model" in answer["error"]["message"]
    assert len(answer["error"]["message"]) < 1000


@pytest.mark.parametrize("id_", [{"a": 1}, ["x"], 5, True])
def test_an_items_id_is_a_string(bridge: Bridge, id_: object) -> None:
    items = [{"type": "message", "id": id_, "role": "user", "content": "x"}]
    status, answer, _ = ask(bridge, RESPONSES.path, RESPONSES.body(input=items))
    assert (status, answer["error"]["param"]) == (400, "input[0].id")


def test_a_name_as_long_as_a_book_is_not_repeated(bridge: Bridge) -> None:
    body = CHAT.body(metadata=1, response_format={"type": "x" * 100_000})
    status, answer, _ = ask(bridge, CHAT.path, body)
    assert status == 400
    assert len(json.dumps(answer)) < 6_000


LARGE = 2**60 + 1


def test_large_whole_numbers_arrive_whole(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    upstream.answer = Reply((use("weather", id=LARGE),))
    parameters = {"type": "object", "properties": {"id": {"enum": [LARGE]}}}
    asked = {"messages": [user("whole")], "tools": [tool("weather", "", parameters)]}
    _, answer, _ = ask(bridge, CHAT.path, CHAT.body(**asked))
    message = answer["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"id": LARGE}

    upstream.answer = say("done")
    asked["messages"] += [message, result(call["id"], f"{LARGE} is sunny")]
    assert ask(bridge, CHAT.path, CHAT.body(**asked))[0] == 200
    request = upstream.requests[-1]
    (offered,) = request["tools"]
    assert str(LARGE) in offered["input_schema"]["properties"]["id"]["description"]
    _, called, results = turns(request)
    assert called["content"][-1]["input"] == {"id": str(LARGE)}
    assert str(LARGE) in json.dumps(results)


def test_a_property_may_be_called_like_a_trap_of_javascript(
    bridge: Bridge, upstream: ScriptedUpstream
) -> None:
    trap = {"__proto__": {"type": "string"}, "constructor": {"type": "string"}}
    parameters = {"type": "object", "properties": trap, "required": ["__proto__"]}
    given = {"__proto__": "a", "constructor": "b"}
    messages = [
        user("trap"),
        assistant(None, ("c1", "weather", json.dumps(given))),
        result("c1", "fine"),
    ]
    asked = {"messages": messages, "tools": [tool("weather", "", parameters)]}
    upstream.answer = Reply((use("weather", **given),))
    _, answer, _ = ask(bridge, CHAT.path, CHAT.body(**asked))
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == given
    (request,) = upstream.requests
    offered = request["tools"][0]["input_schema"]
    assert offered["properties"] == {"constructor": {"type": "string"}}
    assert '{"__proto__": {"type": "string"}}' in offered["description"]
    assert turns(request)[1]["content"][0]["input"] == given
