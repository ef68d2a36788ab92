"""A machine that has run out of something: what a client sees, what the person is told, and that
the next request works."""

import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil

from claude_run.bridge import AnswerError, Bridge
from claude_run.rehearsal.answers import say
from claude_run.usage.spool import records_in
from tests.faults.trying import told
from tests.scripted import PATIENCE, ScriptedUpstream
from tests.wrapped import answered_by

LONG: Final = "s" * 300_000
"""A system prompt that the CLI is given in a file."""

_REFUSED: Final = "503 machine_exhausted"
_FILES: Final = 64
_GROWTH: Final = 100_000
_SMALL: Final = "4m"
_OF_NO_ROOM: Final = 5  # calls, the first of which finds room


@dataclass(frozen=True, slots=True)
class Machine:
    """A run on it. `answer` and `later` are what a client got while something was used up, and
    after; `stderr` is what the person was told, and `load` the bridge's share of a core
    meanwhile."""

    answer: str
    later: str
    stderr: str
    load: float


def no_descriptors(directory: Path) -> Machine:
    """Connections that ask nothing have taken all of them; who asks is answered once they go."""
    with _bridge(directory, _limited(resource.RLIMIT_NOFILE, _FILES)) as (bridge, upstream):
        with ThreadPoolExecutor(1) as asking, ExitStack() as held:
            for _ in range(2 * _FILES):
                held.enter_context(_connected(bridge))
            answer = asking.submit(_asked, bridge, upstream, "behind them", None)
            load = _load(psutil.Process(bridge.pid))
        seen = _over(bridge, upstream, answer.result(), load)
    is_told = f"used up its {_FILES} file descriptors" in seen.stderr
    return seen if is_told else replace(seen, answer="nothing told")


def no_growth(directory: Path) -> Machine:
    """No file may become as large as a long system prompt."""
    with _bridge(directory, _limited(resource.RLIMIT_FSIZE, _GROWTH)) as (bridge, upstream):
        answer = _asked(bridge, upstream, "with a long one", LONG)
        again = _asked(bridge, upstream, "with the same again", LONG)
        return _over(bridge, upstream, answer if answer == again else f"{answer}, {again}")


def no_room(directory: Path) -> Machine:
    """A temporary directory that is full, and has room again later. Raises OSError where nothing
    may be mounted."""
    small = directory / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SMALL}", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        raise PermissionError("nothing may be mounted here")
    try:
        with _bridge(directory, None, small) as (bridge, upstream):
            with _full(small):
                answer = _asked(bridge, upstream, "with a long one", LONG)
                again = _asked(bridge, upstream, "with the same again", LONG)
                short = _asked(bridge, upstream, "with a short one", None)
            seen = answer if answer == again and short == "whole" else f"{answer}, {again}, {short}"
            if (with_room := _asked(bridge, upstream, "with room", LONG)) != "whole":
                seen = f"{seen}, {with_room}"
            if (written := _records(bridge, _OF_NO_ROOM)) != _OF_NO_ROOM:
                seen = f"{seen}, {written} records of {_OF_NO_ROOM} calls"
            return _over(bridge, upstream, seen)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def _records(bridge: Bridge, calls: int) -> int:
    """How many records there are, once there are as many as `calls` or never will be: a call is
    written down when its client has the answer already."""
    deadline = time.monotonic() + PATIENCE
    while (found := len(list(records_in(bridge.spool)))) < calls and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


MACHINES: Final[dict[str, Callable[[Path], Machine]]] = {
    "no file descriptor left": no_descriptors,
    "no file may grow": no_growth,
    "a full temporary directory": no_room,
}


def wrong(seen: Machine) -> list[str]:
    """What of it must not be. What needs nothing of what is used up is answered, and whole."""
    found = []
    if seen.answer not in {"whole", _REFUSED}:
        found.append(f"meanwhile: {seen.answer}")
    if seen.later != "whole":
        found.append(f"then: {seen.later}")
    if "went wrong in the bridge" in seen.stderr or (seen.answer == _REFUSED) > bool(seen.stderr):
        found.append(f"stderr: {seen.stderr}")
    if seen.load > 0.5:
        found.append(f"a load of {seen.load:.2f}")
    return found


@contextmanager
def _bridge(
    directory: Path,
    limit: Callable[[], None] | None,
    temporary: Path | None = None,
) -> Iterator[tuple[Bridge, ScriptedUpstream]]:
    """What its CLI can be given live is not known there, so that a long system prompt is given in
    a file, until that is found out in the background."""
    with ScriptedUpstream(say("whole")) as upstream:
        environment = answered_by(upstream, directory)
        environment["XDG_CACHE_HOME"] = str(directory / "cache")
        if temporary is not None:
            environment["TMPDIR"] = str(temporary)
        with (
            _temporary(environment["TMPDIR"]),
            Bridge(environment=environment, before_exec=limit) as bridge,
        ):
            bridge.wait_ready()
            assert bridge.complete("hello") == "whole"
            yield bridge, upstream


@contextmanager
def _temporary(path: str) -> Iterator[None]:
    """The run's directory is made by this process, where its own TMPDIR says."""
    import tempfile  # noqa: PLC0415 - its setting is what is changed

    before, tempfile.tempdir = tempfile.tempdir, path
    try:
        yield
    finally:
        tempfile.tempdir = before


def _limited(what: int, number: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (number, number))


def _asked(bridge: Bridge, upstream: ScriptedUpstream, prompt: str, system: str | None) -> str:
    """ "whole" where the answer is right and upstream was sent the whole system prompt; else its
    error."""
    upstream.forget()
    try:
        answer = bridge.complete(prompt, system=system)
    except AnswerError as error:
        return f"{error.status} {error.code}"
    [sent] = upstream.requests
    arrived = sum(text["text"].count("s" * 1000) * 1000 for text in sent.get("system", ()))
    return answer if system is None or arrived == len(system) else f"{arrived} arrived"


def _over(bridge: Bridge, upstream: ScriptedUpstream, answer: str, load: float = 0.0) -> Machine:
    later = _asked(bridge, upstream, "once it is over", None)
    with told() as stderr:
        bridge.listen()
        bridge.close()
    return Machine(answer, later, stderr.getvalue(), load)


def _load(process: psutil.Process, seconds: float = 1.5) -> float:
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


@contextmanager
def _connected(bridge: Bridge) -> Iterator[None]:
    address = bridge.address()
    with socket.create_connection((address.host, address.port)):
        yield


@contextmanager
def _full(directory: Path) -> Iterator[None]:
    path = directory / "rest"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 1):
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass
    try:
        yield
    finally:
        os.unlink(path)
