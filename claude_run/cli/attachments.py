"""Files as parts of a question: text as it is, pictures and PDFs natively."""

import base64
import os
import re
from collections.abc import Mapping
from typing import Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.piped import as_text
from claude_run.turn import JsonObject

PICTURES: Final[Mapping[str, re.Pattern[bytes]]] = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
"""What each kind of picture begins with: names say less."""

PDF: Final = b"%PDF-"


def content_of(path: str) -> bytes:
    """What stands in the file at `path`. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read: {reason}") from None


def part(name: str, content: bytes) -> JsonObject:
    """The file `name` as a part of a message in OpenAI's chat API. Raises UsageError."""
    if not content:
        raise UsageError(f"{name} is empty")
    for media_type, beginning in PICTURES.items():
        if beginning.match(content):
            return {"type": "image_url", "image_url": {"url": _url(media_type, content)}}
    base = os.path.basename(name)
    if content.startswith(PDF):
        data = _url("application/pdf", content)
        return {"type": "file", "file": {"filename": base, "file_data": data}}
    return {"type": "text", "text": f"{base}:\n\n{_text(name, content)}"}


def _text(name: str, content: bytes) -> str:
    try:
        return as_text(content, name)
    except UsageError as error:
        raise UsageError(
            f"{error}, and neither a picture (PNG, JPEG, GIF, WebP) nor a PDF"
        ) from None


def _url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
