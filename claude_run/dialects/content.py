"""Content parts of both dialects: what a message holds, as text, images and documents.

The parts of either dialect are read wherever one may stand: `text` and `input_text`,
`image_url` and `input_image`, `file` and `input_file` mean the same. Nothing is fetched.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar
from urllib.parse import unquote_to_bytes

from claude_run.dialects import pictures
from claude_run.dialects.reading import (
    at,
    choice,
    elements,
    object_,
    optional,
    required,
    text,
    wrong_type,
)
from claude_run.turn import Document, Image, JsonObject, Text, TurnError, bad_request

Media: TypeAlias = Text | Image | Document
Part = TypeVar("Part", bound=Media)


def media(content: object, param: str) -> tuple[Media, ...]:
    """Content that may hold anything; null and empty texts are nothing.

    Raises:
        TurnError: a part is malformed, or of a kind that cannot be passed on.
    """
    return _parts(content, param, MEDIA)


def texts(content: object, param: str) -> tuple[Text, ...]:
    """As `media`, for the roles that hold only text; a refusal counts as the text it was."""
    return _parts(content, param, TEXTS)


def _parts(
    content: object, param: str, readers: Mapping[str, Callable[[JsonObject, str], Part]]
) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (readers["text"]({"text": content}, param),) if content else ()
    if not isinstance(content, list):
        raise wrong_type("a string or an array of parts", content, param)
    parts = (_part(part, path, readers) for path, part in elements(content, param))
    return tuple(part for part in parts if part != Text(""))


def _part(
    value: object, param: str, readers: Mapping[str, Callable[[JsonObject, str], Part]]
) -> Part:
    part = object_(value, param)
    kind, path = required(part, "type", param), at(param, "type")
    if kind == "input_audio":
        raise bad_request(f"{param} is input_audio, and Claude takes no audio.", path)
    return readers[choice(kind, readers, path)](part, param)


def _text(part: JsonObject, param: str) -> Text:
    return Text(text(part.get("text"), at(param, "text")))


def _refusal(part: JsonObject, param: str) -> Text:
    return Text(text(part.get("refusal"), at(param, "refusal")))


def _image(part: JsonObject, param: str) -> Image:
    if part.get("image_url") is None and part.get("file_id") is not None:
        raise _no_store("image_url", at(param, "file_id"))
    value, path = required(part, "image_url", param), at(param, "image_url")
    if isinstance(value, dict):
        value, path = required(value, "url", path), at(path, "url")
    url = text(value, path)
    if _is_link(url):
        return Image(url=url)
    if not url.startswith("data:"):
        raise bad_request(f"{path} must be a data: URL or an http(s) URL.", path)
    declared, data = _decoded(url, path)
    choice(declared, pictures.TYPES, path)
    return Image(pictures.media_type(data, path), base64.b64encode(data).decode())


def _file(part: JsonObject, param: str) -> Document:
    return _document(object_(required(part, "file", param), at(param, "file")), at(param, "file"))


def _document(file: JsonObject, param: str) -> Document:
    title = optional(text, file, "filename", param) or None
    data = optional(text, file, "file_data", param)
    link = optional(text, file, "file_url", param)
    if data is None and link is not None:
        return _linked(link, title, at(param, "file_url"))
    if data is None and file.get("file_id") is not None:
        raise _no_store("file_data", at(param, "file_id"))
    return _inline(required(file, "file_data", param), title, at(param, "file_data"))


def _linked(url: str, title: str | None, param: str) -> Document:
    if not _is_link(url):
        raise bad_request(f"{param} must be an http(s) URL.", param)
    return Document(url=url, title=title)


def _inline(value: str, title: str | None, param: str) -> Document:
    """A PDF where it is called one or looks like one, and else whatever reads as text."""
    media_type, data = _decoded(value, param)
    called_pdf = media_type == "application/pdf" or (title or "").lower().endswith(".pdf")
    if called_pdf or data.startswith(b"%PDF-"):
        return Document("application/pdf", base64.b64encode(data).decode(), title=title)
    return Document("text/plain", _plain(data, param), title=title)


def _decoded(value: str, param: str) -> tuple[str, bytes]:
    """The media type and the bytes of a data URL; bare base64 has the media type ""."""
    head, payload = ";base64", value
    if value.startswith("data:"):
        head, _, payload = value.removeprefix("data:").partition(",")
    media_type, *options = (piece.strip().lower() for piece in head.split(";"))
    data = _base64(payload, param) if "base64" in options else unquote_to_bytes(payload)
    if not data:
        raise bad_request(f"{param} is empty.", param)
    return media_type, data


def _base64(payload: str, param: str) -> bytes:
    try:
        return base64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(f"{param} does not hold valid base64.", param) from None


def _plain(data: bytes, param: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        message = f"{param} is neither a PDF nor text in UTF-8; no other files can be read."
        raise bad_request(message, param) from None


def _is_link(url: str) -> bool:
    return url[:8].lower().startswith(("http://", "https://"))


def _no_store(instead: str, param: str) -> TurnError:
    return bad_request(f"There is no file store behind {param}: send {instead} instead.", param)


TEXTS: Final[Mapping[str, Callable[[JsonObject, str], Text]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
}

MEDIA: Final[Mapping[str, Callable[[JsonObject, str], Media]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "image_url": _image,
    "input_image": _image,
    "file": _file,
    "input_file": _document,
}
