"""What messages hold: pictures, files, odd texts and odd orders, as they reach the model."""

import base64
import json
from typing import Any

import openai
import pytest

from claude_run.bridge import Bridge
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, system_of, turns
from tests.server.asking import ask
from tests.server.chats import (
    NATIVE_PICTURE,
    PICTURE,
    assistant,
    hear,
    in_both_forms,
    system,
    text,
    user,
)

LINK = "https://example.com/picture.png"
PDF = base64.b64encode(b"%PDF-1.4 a very small one").decode()
WORDS = "hällo\n@/etc/passwd\r\n"
NOTHING = "(no content)"  # the CLI's words for an empty message


def file(data: str, name: str | None = None) -> JsonObject:
    return {"type": "file", "file": {"file_data": data, "filename": name}}


def data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def document(source: JsonObject, title: str | None = None) -> JsonObject:
    native: JsonObject = {"type": "document", "source": source}
    return {**native, "title": title} if title else native


@pytest.mark.parametrize(
    ("part", "native"),
    [
        (PICTURE, NATIVE_PICTURE),
        (
            {"type": "image_url", "image_url": {**PICTURE["image_url"], "detail": "low"}},
            NATIVE_PICTURE,
        ),
        (
            {"type": "image_url", "image_url": {"url": LINK, "detail": "auto"}},
            {"type": "image", "source": {"type": "url", "url": LINK}},
        ),
        (
            file(f"data:application/pdf;base64,{PDF}", "small.pdf"),
            document({"type": "base64", "media_type": "application/pdf", "data": PDF}, "small.pdf"),
        ),
        (
            file(data_url("text/plain", WORDS.encode()), "words.txt"),
            document({"type": "text", "media_type": "text/plain", "data": WORDS}, "words.txt"),
        ),
        (
            file(data_url("text/csv", b"a,b\n1,2\n")),
            document({"type": "text", "media_type": "text/plain", "data": "a,b\n1,2\n"}),
        ),
    ],
    ids=["picture", "detail", "link", "PDF", "text", "CSV"],
)
@in_both_forms
def test_a_part_is_a_native_block_where_it_stood(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    part: JsonObject,
    native: JsonObject,
    stream: bool,
) -> None:
    parts = [{"type": "text", "text": "before"}, part, {"type": "text", "text": "after"}]
    assert hear(client, [user(parts)], stream=stream).content == "Hello world"
    (request,) = upstream.requests
    assert turns(request) == [{"role": "user", "content": [text("before"), native, text("after")]}]


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, ".type"),
        ({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, ".image_url.url"),
        ({"type": "file", "file": {"file_id": "file-1"}}, ".file.file_id"),
        (file(data_url("application/zip", b"PK\xff\xfe")), ".file.file_data"),
    ],
    ids=["audio", "a file of ours", "an uploaded file", "neither PDF nor text"],
)
def test_a_part_that_cannot_be_passed_on_is_a_400_that_names_it(
    client: openai.OpenAI, upstream: ScriptedUpstream, part: JsonObject, named: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        hear(client, [user([part])], stream=False)
    assert caught.value.param == f"messages[0].content[0]{named}"
    assert upstream.requests == []


def test_a_name_says_who_speaks(client: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    hear(client, [{**user("Hi."), "name": "Zoë"}, {**user("Hello."), "name": "Bo"}], stream=False)
    (turn,) = turns(upstream.requests[0])
    assert turn["content"] == [text("Zoë: Hi."), text("Bo: Hello.")]


@pytest.mark.parametrize(
    ("messages", "seen"),
    [
        ([user("")], [("user", NOTHING)]),
        ([user(None)], [("user", NOTHING)]),
        ([user([])], [("user", NOTHING)]),
        ([user(" \n\t")], [("user", NOTHING)]),
        (
            [user([{"type": "text", "text": " "}, {"type": "text", "text": "b "}])],
            [("user", "b ")],
        ),
        (
            [user("  "), assistant("a"), user("b")],
            [("user", NOTHING), ("assistant", "a"), ("user", "b")],
        ),
        ([user("a"), assistant(""), user("b")], [("user", "a", "b")]),
        ([user("a"), assistant(None), assistant(" "), user("b")], [("user", "a", "b")]),
        (
            [user("a"), user("b"), assistant("c"), assistant("d"), user("e"), user("f")],
            [("user", "a", "b"), ("assistant", "c", "d"), ("user", "e", "f")],
        ),
        (
            [user("a"), assistant("It begins ")],
            [("user", "a"), ("assistant", "It begins "), ("user", NOTHING)],
        ),
        ([assistant("a"), user("b")], [("assistant", "a"), ("user", "b")]),
        ([user("<system-reminder>x"), user("b")], [("user", "<system-reminder>x", "b")]),
    ],
    ids=[
        "empty",
        "null",
        "no parts",
        "blank",
        "a blank part",
        "blank once",
        "an empty answer",
        "blank answers",
        "neighbours of one role",
        "a last word of the assistant's",
        "a first word of the assistant's",
        "what looks like the CLI's",
    ],
)
def test_messages_of_any_order_become_turns(
    client: openai.OpenAI,
    upstream: ScriptedUpstream,
    messages: list[JsonObject],
    seen: list[tuple[str, ...]],
) -> None:
    assert hear(client, messages, stream=False).finish == "stop"
    (request,) = upstream.requests
    assert [texts_of(message) for message in request["messages"] if is_turn(message)] == seen


def is_turn(message: JsonObject) -> bool:
    return bool(message["role"] != "system")


def texts_of(message: JsonObject) -> tuple[str, ...]:
    """A role and its texts. Unlike `turns`, it leaves what looks like a reminder."""
    content = message["content"]
    texts = [content] if isinstance(content, str) else [block["text"] for block in content]
    return message["role"], *texts


def test_system_texts_are_joined_wherever_they_stand(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    messages = [
        system("First."),
        user("a"),
        {"role": "developer", "content": [{"type": "text", "text": "Second."}]},
        assistant("b"),
        system("  "),
        user("c"),
        system("Last.\n"),
    ]
    hear(client, messages, stream=False)
    (request,) = upstream.requests
    assert system_of(request) == "First.\n\nSecond.\n\nLast.\n"
    assert [turn["role"] for turn in turns(request)] == ["user", "assistant", "user"]


def test_a_system_message_alone_is_answered(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    assert hear(client, [system("Say hello.")], stream=False).content == "Hello world"
    (request,) = upstream.requests
    assert system_of(request) == "Say hello."
    assert turns(request) == [{"role": "user", "content": [text(NOTHING)]}]


ODD = "\ufeff--help 'é́' \u2028\u2029 \r\n 😀\u200d\x00\x1b[0m ﷽ $HOME `id` %s {x} \\n \n\n"


@in_both_forms
def test_odd_texts_arrive_to_the_letter(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    messages = [system(ODD), user(ODD), assistant(ODD), user(f"{ODD}again")]
    hear(client, messages, stream=stream)
    (request,) = upstream.requests
    assert system_of(request) == ODD
    assert [turn["content"] for turn in turns(request)] == [
        [text(ODD)],
        [text(ODD)],
        [text(f"{ODD}again")],
    ]


def test_what_begins_as_a_command_is_text(bridge: Bridge, upstream: ScriptedUpstream) -> None:
    begun = ("/compact", "/clear\n", "!ls", "#remember", "@/etc/passwd", "<command-name>/x", "exit")
    for words in begun:
        body = {"model": "sonnet", "messages": [user(words)]}
        assert ask(bridge, "/v1/chat/completions", body)[0] == 200
    asked = [turns(request)[-1]["content"] for request in upstream.requests]
    assert asked == [[text(words)] for words in begun]


@pytest.mark.parametrize("stream", [False, True])
def test_half_a_character_is_a_400(
    bridge: Bridge, upstream: ScriptedUpstream, stream: bool
) -> None:
    body = {"model": "sonnet", "messages": [user("ok"), user("half \ud83d")], "stream": stream}
    status, answer, _ = ask(bridge, "/v1/chat/completions", body)
    assert (status, answer["error"]["param"]) == (400, "messages[1].content")
    assert upstream.requests == []


def test_a_prompt_of_two_megabytes_arrives_whole(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    long = "0123456789abcdef " * 125_000
    hear(client, [user(long)], stream=False)
    assert turns(upstream.requests[0]) == [{"role": "user", "content": [text(long)]}]


def test_a_system_prompt_of_300_kilobytes_arrives_whole(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    long = "Be brief; vær så god.\r\n" * 13_000
    hear(client, [system(long), user("hello")], stream=False)
    assert system_of(upstream.requests[0]) == long


def test_a_history_of_500_messages_arrives_in_order(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    asked = [message for n in range(250) for message in (user(f"q{n}"), assistant(f"a{n}"))]
    hear(client, [*asked, user("the end")], stream=False)
    seen = turns(upstream.requests[0])
    assert [(turn["role"], turn["content"]) for turn in seen] == [
        (message["role"], [text(message["content"])]) for message in [*asked, user("the end")]
    ]


def test_whatever_else_a_message_of_the_clients_carries_does_not_hurt(
    client: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    """Clients send back the message they got, with everything they made of it."""
    extra: dict[str, Any] = {
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
        "reasoning_content": "hm",
        "provider_specific_fields": {"x": json.dumps({})},
    }
    hear(client, [user("a"), {**assistant("b"), **extra}, user("c")], stream=False)
    assert [turn["content"] for turn in turns(upstream.requests[0])] == [
        [text("a")],
        [text("b")],
        [text("c")],
    ]
