"""The directory: a file for each recording, and what they share beside them.

Every file is written whole under another name and then renamed, so that a process that is
killed leaves no half of one. The directory itself is the lock: several bridges may record
into it at once.
"""

import errno
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from unicodedata import combining, normalize

from claude_run.cassette.answers import Recorded, from_json, to_json
from claude_run.cassette.document import USER, digest_of
from claude_run.cassette.packing import packed, references, unpacked
from claude_run.cassette.texts import canonical, laid_out
from claude_run.turn import JsonObject

FORMAT: Final = 1
SETTINGS: Final = "cassette.json"
BESIDE: Final = "shared"
FOR_GIT: Final[Mapping[str, str]] = {
    ".gitignore": "# what a run leaves for itself\n.*\n!.gitignore\n!.gitattributes\n",
    ".gitattributes": "# what is shared is known by its bytes, line ends included\n* -text\n",
}
_SUBJECT: Final = 48
_HASH: Final = 10


class CassetteError(Exception):
    """A cassette that cannot be used as it is, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """`document` is masked as it was written; `masks` is the fingerprint of how. `file` is its
    name in the directory."""

    document: JsonObject
    answers: tuple[Recorded, ...]
    masks: str = ""
    file: str = ""


def key_of(document: JsonObject) -> str:
    """What a request is known by."""
    return sha256(canonical(document)).hexdigest()


class Files:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._fetched: dict[str, bytes] = {}

    def names(self) -> list[str]:
        """The files of recordings, in the order of their names.

        Raises:
            CassetteError: the directory cannot be read.
        """
        try:
            found = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CassetteError(f"{self.directory} cannot be read: {error.strerror}") from None
        return sorted(n for n in found if n.endswith(".json") and n[0] != "." and n != SETTINGS)

    def read_all(self) -> list[Recording]:
        """Raises CassetteError, as `read` does."""
        return [self.read(name) for name in self.names()]

    def read(self, name: str) -> Recording:
        """Raises:
        CassetteError: it is not whole, not ours, or of a newer version.
        """
        told = self._told(name)
        try:
            document = unpacked(told["request"], self.beside)
            answers = tuple(from_json(answer) for answer in told["answers"])
            subject_of(document)
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise CassetteError(
                f"{self._path(name)} is not a recording that can be used ({error!r}). {_RESTORE}"
            ) from error
        return Recording(document, answers, str(told.get("masks", "")), name)

    def beside(self, name: str) -> bytes:
        """What stands beside the recordings under `name`.

        Raises:
            CassetteError: it is missing, or not what its name says.
        """
        if name not in self._fetched:
            path = self.directory / BESIDE / os.path.basename(name)
            try:
                content = _content(path)
            except OSError as error:
                raise CassetteError(
                    f"{path} cannot be read ({error.strerror}). {_RESTORE}"
                ) from None
            if digest_of(content) != path.stem:
                raise CassetteError(f"{path} is not what was recorded. {_RESTORE}")
            self._fetched[name] = content
        return self._fetched[name]

    def references(self, name: str) -> set[str]:
        """The names of what stands beside recording `name` for it."""
        return references(self._told(name)["request"], self.beside)

    def write(self, recording: Recording, blobs: Mapping[str, bytes]) -> str:
        """Write it, over an older one of the same request; the name of its file. Call this
        under `lock`.

        Raises:
            OSError: it cannot be written.
        """
        made = packed(recording.document, blobs)
        for name, content in made.beside.items():
            self._write_beside(name, content)
        told: JsonObject = {"format": FORMAT, "request": made.document}
        if recording.masks:
            told["masks"] = recording.masks
        told["answers"] = [to_json(answer) for answer in recording.answers]
        name = recording.file or self.name_for(recording.document)
        replace_file(self._path(name), (laid_out(told) + "\n").encode())
        return name

    def name_for(self, document: JsonObject) -> str:
        """The file for `document`, which no recording of another request has."""
        key, subject = key_of(document), subject_of(document)
        name = f"{subject}-{key[:_HASH]}.json"
        if self._path(name).exists() and key_of(self.read(name).document) != key:
            return f"{subject}-{key}.json"
        return name

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else writes for as long as this is held. Makes the directory."""
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for name, text in FOR_GIT.items():
                if not self._path(name).exists():
                    replace_file(self._path(name), text.encode())
            yield
        finally:
            os.close(descriptor)

    def settings(self) -> JsonObject:
        """The cassette's own: `ignore` and `redact`, lists of patterns.

        Raises:
            CassetteError: it cannot be read, or says something else.
        """
        if not self._path(SETTINGS).exists():
            return {}
        told: JsonObject = self._json(SETTINGS)
        if not (isinstance(told, dict) and all(map(_is_setting, told.items()))):
            raise CassetteError(
                f'{self._path(SETTINGS)} may hold "ignore" and "redact", each a list of patterns.'
            )
        return told

    def _told(self, name: str) -> JsonObject:
        told: JsonObject = self._json(name)
        version = told.get("format") if isinstance(told, dict) else None
        if not isinstance(version, int):
            raise CassetteError(
                f"{self._path(name)} is no recording of claude-run. Move it out of the cassette."
            )
        if version > FORMAT:
            raise CassetteError(
                f"{self._path(name)} was recorded by a newer claude-run (format {version}, this"
                f" one reads {FORMAT}). Update claude-run, or delete the file and record it again."
            )
        return told

    def _json(self, name: str) -> Any:
        try:
            return json.loads(_content(self._path(name)))
        except (ValueError, RecursionError) as error:
            raise CassetteError(
                f"{self._path(name)} is not whole JSON ({error}). {_RESTORE}"
            ) from None
        except OSError as error:
            raise CassetteError(f"{self._path(name)} cannot be read: {error.strerror}") from None

    def _write_beside(self, name: str, content: bytes) -> None:
        path = self.directory / BESIDE / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            replace_file(path, content)

    def _path(self, name: str) -> Path:
        return self.directory / name


_RESTORE: Final = "Restore it from version control, or delete the recording and record it again."


def subject_of(document: JsonObject) -> str:
    """The first words of what was asked last, as a part of a file's name."""
    last = document["turns"][-1].get(USER, [])
    texts = [text for part in last for text in _texts(part)] or ["recording"]
    plain = normalize("NFKD", texts[-1][:400].lower())
    words = re.findall(r"[a-z0-9]+", "".join(c for c in plain if not combining(c)))
    subject = ""
    for word in words or ["recording"]:
        if len(subject) + len(word) >= _SUBJECT:
            break
        subject += f"-{word}" if subject else word
    return subject or words[0][:_SUBJECT]


def _texts(part: JsonObject) -> list[str]:
    if "content" in part:
        return [text for inner in part["content"] for text in _texts(inner)]
    return [part["text"]] if part.get("text") else []


def _is_setting(member: tuple[str, Any]) -> bool:
    name, value = member
    return (
        name in ("ignore", "redact")
        and isinstance(value, list)
        and all(isinstance(pattern, str) for pattern in value)
    )


def _content(path: Path) -> bytes:
    """A cassette may come from anybody: a pipe would be waited for, a device has no end."""
    kind = path.stat().st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise OSError(errno.EINVAL, "It is no plain file")
    return path.read_bytes()


def replace_file(path: Path, content: bytes) -> None:
    """Make `path` hold `content`, at one moment."""
    name = path.with_name(f".writing-{os.urandom(8).hex()}")
    try:
        # For whom the person's umask lets read it, as everything that they write.
        with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
