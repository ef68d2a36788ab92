"""Where a bridge process runs: its directory, its socket, its environment."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from claude_run import login
from claude_run.bridge.errors import BridgeError
from claude_run.bridge.hosts import Tcp, Unix, interfaces, place_of
from claude_run.settings import Settings

HOST: Final = "127.0.0.1"
QUEUE: Final = 1024
"""Connections that may wait while the bridge process is still importing."""

_SOCKETS: Final = frozenset({"XDG_RUNTIME_DIR"})

_PLACES: Final = frozenset({"CLAUDE_CONFIG_DIR", "PYTHONPATH"})
"""Variables that may be relative to a working directory which is not the bridge process's."""


@contextmanager
def run_directory() -> Iterator[Path]:
    """
    Raises:
        BridgeError: it cannot be made.
    """
    try:
        directory = tempfile.mkdtemp(prefix="claude-run-")
    except OSError as error:
        raise BridgeError(f"no temporary directory can be made: {error}") from error
    owner = os.getpid()
    try:
        yield Path(directory)
    finally:
        if os.getpid() == owner:  # the end of a forked child ends this, too
            shutil.rmtree(directory, ignore_errors=True)


def place_for(settings: Settings) -> Tcp | Unix:
    """Raises BridgeError, as `hosts.place_of` does."""
    if settings.host == HOST:
        return Tcp(HOST)
    place = place_of(settings.host, settings.allow_host, interfaces())
    # It is to be found, and removed, wherever this process works by then.
    return Unix(absolute(place.path)) if isinstance(place, Unix) else place


def listen(place: Tcp | Unix, port: int) -> socket.socket:
    """
    Raises:
        BridgeError: nobody can listen there.
    """
    if isinstance(place, Unix):
        return _listen_on(place.path)
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    try:
        return socket.create_server((place.address, port), family=family, backlog=QUEUE)
    except OSError as error:
        # What create_server adds to the system's words is the address, again.
        why = os.strerror(error.errno) if error.errno else error
        raise BridgeError(
            f"port {port} cannot be used ({why}); --port 0 takes a free one"
        ) from error


def _listen_on(path: str) -> socket.socket:
    """A unix socket that only this user can connect to."""
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        _remove_stale(path)
        listening.bind(path)
        listening.listen(QUEUE)
    except OSError as error:
        listening.close()
        why = error.strerror or error
        raise BridgeError(f"nobody can listen on unix:{path}: {why}") from error
    finally:
        os.umask(before)
    return listening


def _remove_stale(path: str) -> None:
    """What is left of a bridge that was killed. Raises OSError where somebody listens."""
    with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        else:
            raise OSError("somebody listens there already")


@contextmanager
def unlinked(place: Tcp | Unix) -> Iterator[None]:
    """A socket's file goes with whoever made it."""
    owner = os.getpid()
    try:
        yield
    finally:
        if isinstance(place, Unix) and os.getpid() == owner:
            with suppress(OSError):
                os.unlink(place.path)


def make_writable(log: str | None) -> None:
    """
    Raises:
        BridgeError: no log can be written there.
    """
    if log is not None:
        try:
            os.makedirs(log, mode=0o700, exist_ok=True)
        except OSError as error:
            raise BridgeError(f"--log {log} cannot be made: {error.strerror}") from error
        if not os.access(log, os.W_OK | os.X_OK):
            raise BridgeError(f"--log {log} cannot be written to")


def environment_in(
    directory: Path, environment: Mapping[str, str], decision: login.Decision
) -> dict[str, str]:
    """`environment` for a bridge process that runs in `directory`.

    Temporary files go where they are removed: the CLI leaves sockets among its own."""
    places = ["TMPDIR", "CLAUDE_CODE_TMPDIR", *(_SOCKETS & set(environment))]
    temporary = dict.fromkeys(places, str(directory))
    allowed = login.cli_environment(environment, decision, directory / "no-login")
    own = {**allowed, **temporary}
    own.pop("PYTHONWARNINGS", None)  # `error` is meant for the person's own program
    for name in _PLACES & set(own):
        own[name] = os.pathsep.join(map(absolute, own[name].split(os.pathsep)))
    return own


def fresh_key() -> str:
    """32 random bytes as text: `secrets.token_hex`, whose module imports OpenSSL for the rest."""
    return os.urandom(32).hex()


def absolute(path: str) -> str:
    with suppress(OSError):  # the working directory may be gone
        return os.path.abspath(path)
    return path
