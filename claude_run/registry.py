"""Which bridges of this user are running: a small file for each, gone with it.

The file does not hold the run's key, which is in no file, but one that only opens `GET /usage`.
Whoever started the bridge holds a lock on the file. The system lets go of the lock however that
process ends, so that a file without a lock is stale, whoever has the process id by now.
"""

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

VERSION: Final = 1
_MODE: Final = 0o600


class Running(NamedTuple):
    """A bridge that is running. `pid` is the process that started it, `bridge` the bridge process
    itself; `socket_path` is that of a unix socket that it listens on, empty where `base_url` is
    all that one need know; `usage_key` opens `GET /usage` and nothing else; `title` is the
    command, with nothing in it that looks like a key, and `began` is in seconds of the epoch."""

    pid: int
    bridge: int
    base_url: str
    usage_key: str
    title: str
    began: float
    paid_by: str
    socket_path: str = ""

    @property
    def port(self) -> int:
        """0 where it listens on a unix socket."""
        from urllib.parse import urlsplit  # noqa: PLC0415 - a run that starts does not need it

        return urlsplit(self.base_url).port or 0


def directory_of(environment: Mapping[str, str]) -> Path:
    """Where the files are: below the user's runtime directory, else among the temporary files."""
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "claude-run"
    return Path(environment.get("TMPDIR") or tempfile.gettempdir()) / f"claude-run-{os.getuid()}"


def path_of(pid: int, name: str, environment: Mapping[str, str]) -> Path:
    """The file of a bridge that `pid` has started; `name` tells those of one process apart."""
    return directory_of(environment) / f"{pid}-{name}.json"


@contextmanager
def registered(running: Running, path: Path) -> Iterator[None]:
    """`path` tells of `running`. Where it cannot be written safely the run goes on without it."""
    fd = _locked(running, path)
    owner = os.getpid()
    try:
        yield
    finally:
        if fd is not None and os.getpid() == owner:  # the end of a forked child ends this, too
            forget(path)
            os.close(fd)


def forget(path: Path) -> None:
    """Remove a file, and the directory where no other is in it."""
    with suppress(OSError):
        path.unlink()
    with suppress(OSError):
        path.parent.rmdir()


def running(environment: Mapping[str, str]) -> list[Running]:
    """The bridges that run now, oldest first. Files of others that have died are removed."""
    directory = directory_of(environment)
    with suppress(OSError):
        _look_at(directory)
        found = [entry for path in directory.glob("*.json") for entry in _read(path)]
        return sorted(found, key=lambda one: one.began)
    return []


def _locked(running: Running, path: Path) -> int | None:
    with suppress(OSError):
        try:
            return _made(running, path)
        except FileNotFoundError:  # another run, ending, has removed the directory
            return _made(running, path)
    return None


def _made(running: Running, path: Path) -> int:
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700)
    _look_at(path.parent)
    return _written(running, path)


def _look_at(directory: Path) -> None:
    """Raises OSError where somebody else could have put something there."""
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{directory} is not this user's alone")


def _written(running: Running, path: Path) -> int:
    """The file, open and locked. It appears whole."""
    unfinished = path.with_suffix(".unfinished")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(fd, json.dumps({"registry": VERSION, **running._asdict()}).encode())
        unfinished.replace(path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _read(path: Path) -> Iterator[Running]:
    """What is in a file; nothing where it is stale or none of ours."""
    with suppress(OSError, ValueError, TypeError, KeyError), path.open("rb") as file:
        raw = json.load(file)
        if raw["registry"] != VERSION:
            return
        if _is_stale(file.fileno(), raw["pid"]):
            path.unlink()
            return
        yield Running(**{name: raw[name] for name in Running._fields if name in raw})


def _is_stale(fd: int, pid: int) -> bool:
    try:
        os.kill(pid, 0)  # a process that it has forked may hold the lock still
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return True
