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

HOST: Final = "127.0.0.1"
QUEUE: Final = 1024
"""Connections that may wait while the bridge process is still importing."""

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


def listen(port: int) -> socket.socket:
    """
    Raises:
        BridgeError: the port cannot be used.
    """
    try:
        return socket.create_server((HOST, port), backlog=QUEUE)
    except OSError as error:
        raise BridgeError(
            f"port {port} cannot be used ({error.strerror}); without --port a free one is taken"
        ) from error


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
    temporary = dict.fromkeys(("TMPDIR", "CLAUDE_CODE_TMPDIR"), str(directory))
    allowed = login.cli_environment(environment, decision, directory / "no-login")
    own = {**allowed, **temporary}
    own.pop("PYTHONWARNINGS", None)  # `error` is meant for the person's own program
    for name in _PLACES & set(own):
        own[name] = os.pathsep.join(map(absolute, own[name].split(os.pathsep)))
    return own


def absolute(path: str) -> str:
    with suppress(OSError):  # the working directory may be gone
        return os.path.abspath(path)
    return path
