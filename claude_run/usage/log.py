"""The log of a run: a JSON line for each request, with keys and image bytes left out."""

import base64
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from claude_run.turn import JsonObject
from claude_run.usage.run import without_keys

VERSION: Final = 1
MOST_BYTES: Final = 200 * 1024 * 1024
"""A log grows no further."""

MOST_TEXT: Final = 1024 * 1024
"""Characters of one text that are kept."""

_SHORTEST_DATA: Final = 256
_DATA: Final = frozenset({"data", "file_data", "b64_json"})
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,100};base64,")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\-]+={0,2}")


def _nobody(_: str) -> None:
    pass


class Log:
    """Appends to a new file in `directory`, which only its owner can read. A disk that is full
    costs the log, never the call; `tell` hears of it."""

    def __init__(
        self, directory: Path, *, most: int = MOST_BYTES, tell: Callable[[str], None] = _nobody
    ) -> None:
        self._tell = tell
        self._directory = directory
        self._most = most
        self._written = 0
        self._fd = -1

    def __enter__(self) -> "Log":
        """
        Raises:
            OSError: nothing can be written there.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = self._directory / f"claude-run-{stamp}-{os.getpid()}.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def begin(self, paid_by: str) -> None:
        self._write({"log": VERSION, "began": time.time(), "paid_by": paid_by})

    def append(self, entry: JsonObject) -> None:
        if self._written < self._most:
            self._write(told(entry))
            if self._written >= self._most:
                self._write({"cut": f"the log has reached {self._most} bytes"})

    def _write(self, line: JsonObject) -> None:
        text = json.dumps(line, separators=(",", ":")) + "\n"
        try:
            self._written += os.write(self._fd, text.encode())
        except OSError as error:
            self._written = self._most
            self._tell(f"the log could not be written any further: {error.strerror}")


def told(value: Any) -> Any:
    """`value` as JSON that may be kept: without what looks like a key or like the bytes of an
    image, and without the end of what is very long."""
    match value:
        case str():
            return _text(value)
        case Enum():
            return value.value
        case Mapping():
            return {_text(str(name)): inner for name, inner in _members(value).items()}
        case list() | tuple():
            return [told(inner) for inner in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            members = {field.name: getattr(value, field.name) for field in fields(value)}
            return {"type": type(value).__name__, **_members(members)}
        case _:
            return value


def _members(value: Mapping[Any, Any]) -> dict[Any, Any]:
    is_text = value.get("media_type") == "text/plain"
    return {
        name: f"({len(inner)} characters)"
        if name in _DATA and isinstance(inner, str) and not (is_text or _DATA_URL.match(inner))
        else told(inner)
        for name, inner in value.items()
    }


def _text(text: str) -> str:
    if (url := _DATA_URL.match(text)) is not None:
        return f"{url[0]}({len(text) - url.end()} characters)"
    if len(text) >= _SHORTEST_DATA and _BASE64.fullmatch(text):
        return f"({len(text)} characters of base64)"
    if len(text) > MOST_TEXT:
        return without_keys(text[:MOST_TEXT]) + f"... ({len(text) - MOST_TEXT} more characters)"
    return without_keys(text)


def entries_in(path: Path) -> list[JsonObject]:
    """The requests in a log, oldest first; what a crash has cut off is left out.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no log.
    """
    with path.open("rb") as file:
        try:
            head = json.loads(file.readline())
        except ValueError:
            head = None
        if not isinstance(head, dict) or head.get("log") != VERSION:
            raise ValueError(f"{path} is not a log of claude-run (--log DIR)")
        return [head, *filter(None, map(_entry, file))]


def _entry(line: bytes) -> JsonObject | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "request_id" in entry else None


def decoded(body: bytes) -> Any:
    """A body as JSON where it is some, as text where it is none, in base64 if it is not even
    that."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return body.decode()
    except ValueError:
        return base64.b64encode(body).decode()
