"""What can be looked at without asking anybody: programs, login, machine, places, processes."""

import os
import platform
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil
from platformdirs import user_cache_path, user_state_path

from claude_run import __version__, login
from claude_run.claude.limits import machine_limits
from claude_run.claude.machine import available_memory, cores
from claude_run.claude.names import resolve, unknown_target
from claude_run.claude.session.aspects import ALL, memory, remembered
from claude_run.cli.checks.finding import Finding, fault, note, ok
from claude_run.cli.login import bundled_cli
from claude_run.proxies import past_proxies
from claude_run.settings import Settings
from claude_run.turn import TurnError

GIB: Final = 1024**3
TIGHT: Final = GIB
_SECONDS: Final = 20.0
_PROXIES: Final = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")

Check = Callable[[Settings], Iterator[Finding]]


def versions(settings: Settings) -> Iterator[Finding]:
    machine = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield ok("claude-run", f"{__version__}, Python {platform.python_version()}, {machine}")
    try:
        yield ok("SDK", f"claude-agent-sdk {version('claude-agent-sdk')}")
    except PackageNotFoundError:
        yield fault("SDK", "claude-agent-sdk is not installed", "install claude-run again")
    program = settings.cli or bundled_cli()
    if program is None:
        yield fault("CLI", "there is no Claude Code", "install claude-agent-sdk again")
        return
    try:
        told = subprocess.run(  # noqa: S603 - the CLI itself
            [program, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
        yield ok("CLI", f"{told.stdout.strip()} ({program})")
    except (OSError, subprocess.SubprocessError) as error:
        advice = "install claude-agent-sdk again, for this kind of machine"
        yield fault("CLI", f"{program} does not run ({error})", advice)


def live_changes(settings: Settings) -> Iterator[Finding]:
    works = remembered(memory(settings.cli, user_cache_path("claude-run")))
    if works is None:
        text = "what a live session of this CLI can be given anew is not verified yet"
        yield note("sessions", text, "the next run does it in the background, without a token")
    elif missing := ", ".join(sorted(aspect.value for aspect in ALL - works)):
        text = f"this CLI cannot be given anew while it lives: {missing}"
        yield note("sessions", text, "such requests start processes, which is slower, not wrong")
    else:
        yield ok("sessions", "all that a live session is given anew was verified for this CLI")


def who_pays(settings: Settings) -> Iterator[Finding]:
    found = login.find(os.environ)
    kinds = [name for name in login.SUBSCRIPTIONS if os.environ.get(name, "").strip()]
    kinds += ["a stored subscription login"] if found.subscription and not kinds else []
    kinds += [*found.keys, *((found.cloud,) if found.cloud else ())]
    there = f" (found: {', '.join(kinds)})" if kinds else ""
    try:
        decision = login.who_pays(settings, os.environ)
    except login.LoginError as error:
        yield fault("login", f"nobody pays{there}", str(error))
        return
    yield ok("login", f"paid by: {decision.paid_by}{there}")
    if decision.line is not None:
        yield note("money", decision.line)


def proxies(_settings: Settings) -> Iterator[Finding]:
    named = [name for name in _PROXIES if os.environ.get(name)]
    if not named:
        yield ok("proxies", "none that would swallow loopback")
    elif any(os.environ.get(name) != text for name, text in past_proxies(os.environ).items()):
        yield note(
            "proxies",
            f"{' and '.join(named)} would take requests to this machine",
            "commands run by claude-run are kept from that; for others set"
            " NO_PROXY=127.0.0.1,localhost",
        )
    else:
        yield ok("proxies", f"{' and '.join(named)} is set, and NO_PROXY keeps loopback from it")


def machine(settings: Settings) -> Iterator[Finding]:
    limits, free = machine_limits(settings), available_memory()
    text = (
        f"{cores()} cores, {free / GIB:.1f} GiB free: {limits.concurrency} answers at once,"
        f" {limits.sessions} Claude processes"
    )
    if free < TIGHT:
        yield note("machine", text, "free some memory, or set --max-sessions 2")
    else:
        yield ok("machine", text)


def port(settings: Settings) -> Iterator[Finding]:
    try:
        with socket.create_server(("127.0.0.1", settings.port)) as listening:
            yield ok("port", f"127.0.0.1:{listening.getsockname()[1]} can be listened on")
    except OSError as error:
        text = f"port {settings.port} cannot be used ({error.strerror})"
        yield fault("port", text, "without --port a free one is taken")


def places(_settings: Settings) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryDirectory(prefix="claude-run-"):
            yield _temporary(Path(tempfile.gettempdir()), os.environ.get("TMPDIR"))
    except OSError as error:
        text = f"no temporary directory can be made ({error.strerror})"
        yield fault("temporary", text, "set TMPDIR to a directory that you may write to")
    configured = os.environ.get("CLAUDE_CONFIG_DIR")
    kept = {
        "CLI's home": (Path(configured) if configured else Path.home() / ".claude", "its login"),
        "cache": (user_cache_path("claude-run"), "what was verified"),
        "state": (user_state_path("claude-run"), "the history of runs"),
    }
    for subject, (path, what) in kept.items():
        if os.access(_nearest(path), os.W_OK | os.X_OK):
            yield ok(subject, f"{path} can be written to")
        else:
            yield note(subject, f"{path} cannot be written to", f"{what} is not kept; change that")


def _temporary(used: Path, asked: str | None) -> Finding:
    if asked and not (os.path.isdir(asked) and os.path.samefile(used, asked)):
        text = f"{used} is used, because TMPDIR ({asked}) cannot be written to"
        return note("temporary", text, "make it, or unset TMPDIR")
    return ok("temporary", f"{used} can be written to")


def _nearest(path: Path) -> Path:
    return next((place for place in (path, *path.parents) if place.exists()), path)


def leftovers(settings: Settings) -> Iterator[Finding]:
    """Claude processes whose bridge is gone."""
    program = settings.cli or bundled_cli()
    left = [p.pid for p in psutil.process_iter() if _is_left(p, program)]
    if left:
        pids = " ".join(map(str, left))
        text = f"{len(left)} Claude process(es) of dead runs are left"
        yield note("leftovers", text, f"kill {pids}")
    else:
        yield ok("leftovers", "no Claude process of a dead run")


def _is_left(process: psutil.Process, program: str | None) -> bool:
    with suppress(psutil.Error, OSError):
        if program is None or process.username() != psutil.Process().username():
            return False
        if not os.path.samefile(process.exe(), program):
            return False
        directory = process.environ().get("CLAUDE_CODE_TMPDIR", "")
        if "claude-run-" not in directory:
            return False
        return not Path(directory).exists() or _is_orphaned(process)
    return False


def _is_orphaned(process: psutil.Process) -> bool:
    """A bridge leads a session of its own, in which its processes are. Whoever takes in an orphan,
    init or a user's manager, does not belong to it."""
    return os.getsid(process.ppid()) != os.getsid(process.pid)


def models(settings: Settings) -> Iterator[Finding]:
    if (unknown := unknown_target(settings)) is not None:
        if not login.has_names_of_its_own(os.environ):
            yield fault("map", unknown.as_option, "-m MODEL stands for a map of * to MODEL")
            return
        yield note("map", unknown.as_option, "The cloud or the gateway may know it")
    pairs = settings.model_map
    if settings.default_model is not None:
        yield ok("map", f"names that are not known are answered by {settings.default_model}")
    elif not pairs:
        yield ok("map", "no name is mapped; others' names are a 404 (--model-map, -m)")
    for place, (source, _) in enumerate(pairs):
        if (before := _before(source, pairs[:place])) is not None:
            text = f"{source} is never reached: {before} is before it"
            yield note("map", text, f"put {source} first")
        else:
            yield ok("map", f"{source} is answered by {_answers(source, settings)}")


def _before(source: str, earlier: Sequence[tuple[str, str]]) -> str | None:
    return next((glob for glob, _ in earlier if fnmatchcase(source, glob)), None)


def _answers(source: str, settings: Settings) -> str:
    with suppress(TurnError):
        return resolve(source, settings).name
    return "nothing"


CHECKS: Final[tuple[Check, ...]] = (
    versions, live_changes, who_pays, proxies, machine, port, places, leftovers, models,
)  # fmt: skip
