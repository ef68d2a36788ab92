import base64
from typing import Any

import pytest

from claude_run.dialects.content import media, texts
from claude_run.turn import Document, Image, JsonObject, Text
from tests.dialects.chats import PIXEL, refusal


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG = f"{PIXEL}{encoded(b'and so on')}"
PDF = encoded(b"%PDF-1.7 and so on")
LATIN = encoded("Zürich".encode("latin-1"))


def image(url: Any) -> JsonObject:
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def file(**fields: Any) -> JsonObject:
    return {"type": "file", "file": fields}


def only(part: JsonObject) -> object:
    (read,) = media([part], "content")
    return read


def fault(part: object) -> tuple[str | None, str]:
    error = refusal(
        lambda: media([{"type": "text", "text": "before"}, part], "messages[0].content")
    )
    return error.param, error.message


@pytest.mark.parametrize("nothing", [None, "", [], [{"type": "text", "text": ""}]])
def test_null_and_empty_content_hold_nothing(nothing: object) -> None:
    assert media(nothing, "content") == texts(nothing, "content") == ()


@pytest.mark.parametrize("text", ["a", " \n", "-x", "/cost", "@/etc/hosts", "日本\u2028\x00"])
def test_text_is_kept_to_the_character(text: str) -> None:
    assert media(text, "content") == (Text(text),)
    assert media([{"type": "text", "text": text}], "content") == (Text(text),)


def test_parts_stay_apart_and_in_order() -> None:
    parts = [
        {"type": "text", "text": "a"},
        image("https://x.test/i"),
        {"type": "text", "text": "b"},
    ]
    assert media(parts, "content") == (Text("a"), Image(url="https://x.test/i"), Text("b"))


@pytest.mark.parametrize("declared", ["png", "jpeg", "jpg", "gif", "webp"])
def test_an_image_in_a_data_url_comes_inline_as_what_it_is(declared: str) -> None:
    assert only(image(f"data:image/{declared};base64,{PNG}")) == Image("image/png", PNG)


def test_base64_may_be_wrapped() -> None:
    assert only(image(f"data:image/png;base64,{PNG[:8]}\r\n{PNG[8:]}")) == Image("image/png", PNG)


@pytest.mark.parametrize("url", ["https://x.test/cat.png", "HTTP://x.test/cat"])
def test_an_image_on_the_web_stays_a_url(url: str) -> None:
    assert only(image(url)) == Image(url=url)


def test_the_responses_spellings_mean_the_same() -> None:
    url = f"data:image/png;base64,{PNG}"
    assert only({"type": "input_image", "image_url": url}) == only(image(url))
    assert only({"type": "input_text", "text": "a"}) == Text("a")
    flat = {"type": "input_file", "file_data": PDF, "filename": "a.pdf"}
    assert only(flat) == only(file(file_data=PDF, filename="a.pdf"))


@pytest.mark.parametrize(
    "fields",
    [
        {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"},
        {"file_data": PDF, "filename": "a.pdf"},
        {"file_data": f"data:application/octet-stream;base64,{PDF}", "filename": "a.pdf"},
    ],
)
def test_a_pdf_is_a_pdf_by_any_sign(fields: JsonObject) -> None:
    assert only(file(**fields)) == Document("application/pdf", PDF, title="a.pdf")


def test_a_pdf_without_a_name_is_told_by_its_beginning() -> None:
    assert only(file(file_data=PDF)) == Document("application/pdf", PDF)


@pytest.mark.parametrize(
    "data",
    [
        encoded("Zürich".encode()),
        f"data:text/plain;base64,{encoded('Zürich'.encode())}",
        f"data:text/csv;charset=utf-8;base64,{encoded('Zürich'.encode())}",
        "data:text/plain,Z%C3%BCrich",
    ],
)
def test_a_text_file_comes_as_its_text(data: str) -> None:
    document = only(file(file_data=data, filename="city.csv"))
    assert document == Document("text/plain", "Zürich", title="city.csv")


def test_a_file_on_the_web_stays_a_url() -> None:
    part = {"type": "input_file", "file_url": "https://x.test/a.pdf", "filename": "a"}
    assert only(part) == Document(url="https://x.test/a.pdf", title="a")


@pytest.mark.parametrize(
    ("part", "where"),
    [
        ("text", ""),
        ({}, ".type"),
        ({"type": "video"}, ".type"),
        ({"type": ["text"]}, ".type"),
        ({"type": "refusal", "refusal": "no"}, ".type"),
        ({"type": "text"}, ".text"),
        ({"type": "text", "text": 1}, ".text"),
        ({"type": "image_url"}, ".image_url"),
        ({"type": "image_url", "image_url": {}}, ".image_url.url"),
        ({"type": "image_url", "image_url": 1}, ".image_url"),
        (image("file:///etc/passwd"), ".image_url.url"),
        (image("/etc/passwd"), ".image_url.url"),
        (image(f"data:image/tiff;base64,{PNG}"), ".image_url.url"),
        (image("data:image/png;base64,@@@@"), ".image_url.url"),
        (image("data:image/png;base64,abc"), ".image_url.url"),
        (image("data:image/png;base64,"), ".image_url.url"),
        (image("data:image/png"), ".image_url.url"),
        (image("data:image/png;base64,aGVsbG8="), ".image_url.url"),
        ({"type": "file"}, ".file"),
        (file(), ".file.file_data"),
        (file(file_data=""), ".file.file_data"),
        (file(file_data=1), ".file.file_data"),
        (file(file_data="not base64!", filename="a.txt"), ".file.file_data"),
        (file(file_data=LATIN, filename="a.txt"), ".file.file_data"),
        (file(file_data=f"data:application/zip;base64,{PNG}"), ".file.file_data"),
        (file(file_url="file:///etc/passwd"), ".file.file_url"),
    ],
)
def test_a_part_that_cannot_be_read_is_named_to_the_field(part: object, where: str) -> None:
    param, message = fault(part)
    assert param == f"messages[0].content[1]{where}"
    assert param in message


def test_a_file_id_is_answered_with_what_to_send_instead() -> None:
    param, message = fault(file(file_id="file-1", filename="a.pdf"))
    assert param == "messages[0].content[1].file.file_id"
    assert "send file_data" in message
    param, message = fault({"type": "input_image", "file_id": "file-1"})
    assert param == "messages[0].content[1].file_id"
    assert "send image_url" in message


def test_audio_is_refused_by_name() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    param, message = fault(audio)
    assert param == "messages[0].content[1].type"
    assert "input_audio" in message


@pytest.mark.parametrize("content", [1, {}, True])
def test_content_is_a_string_or_an_array(content: object) -> None:
    assert refusal(lambda: media(content, "messages[0].content")).param == "messages[0].content"


def test_where_only_text_may_stand_an_image_is_refused() -> None:
    error = refusal(lambda: texts([image("https://x.test/i")], "messages[0].content"))
    assert error.param == "messages[0].content[0].type"


def test_a_refusal_part_is_text_that_was_said() -> None:
    assert texts([{"type": "refusal", "refusal": "No."}], "content") == (Text("No."),)
