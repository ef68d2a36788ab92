"""The bridge process: leashed to whoever started it, it serves until the leash is let go.

Its stdin is the leash: one JSON line of instructions, then nothing until it is closed, by
will or because the other side died. Its stdout carries what it has to say, a JSON line each.
"""

import asyncio
import faulthandler
import json
import os
import shutil
import signal
import socket
import sys
import traceback
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from claude_run import registry
from claude_run.claude.environment import withheld
from claude_run.fault import redacted, secrets_in
from claude_run.server.leash import Leash
from claude_run.settings import Settings

_FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Instructions:
    """`fd` is a listening socket; `directory` is the run's own, removed at the end, and `spool`
    is where the records of calls are appended; `usage_key` only opens `GET /usage`. `registered` is
    the file that tells of this run, which goes with it. Cassettes of scopes stand below `scopes`;
    without it there are none."""

    settings: Settings
    key: str
    usage_key: str
    fd: int
    directory: Path
    spool: Path
    registered: Path
    scopes: Path | None = None

    @classmethod
    def from_json(cls, line: str) -> "Instructions":
        raw = json.loads(line)
        settings = Settings.from_json(json.dumps(raw["settings"]))
        directory, spool, registered = (
            Path(raw[name]) for name in ("directory", "spool", "registered")
        )
        return cls(
            settings,
            raw["key"],
            raw["usage_key"],
            raw["fd"],
            directory,
            spool,
            registered,
            Path(raw["scopes"]) if raw["scopes"] is not None else None,
        )


def main() -> None:
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command
    line = sys.stdin.readline()
    if not line.strip():
        return
    instructions = Instructions.from_json(line)
    status = 0
    try:
        report = asyncio.run(_serve(instructions))
        _say({"event": "report", "report": report})
    except Exception as error:  # the one who started us shows it
        if not _is_the_persons(error):
            traceback.print_exc()
        _say({"event": "failed", "message": f"{type(error).__name__}: {error}"})
        status = _FAILED
        shutil.rmtree(instructions.directory, ignore_errors=True)
        _refuse(instructions, error)
    finally:
        shutil.rmtree(instructions.directory, ignore_errors=True)
        registry.forget(instructions.registered)
    # Everything is closed; taking all that was imported apart would take half a second more.
    os._exit(status)


def _is_the_persons(error: Exception) -> bool:
    """Whether the message alone tells what to do, so that no traceback is wanted."""
    from claude_run.cassette.files import CassetteError  # noqa: PLC0415 - rarely wanted

    return isinstance(error, CassetteError)


def _refuse(instructions: Instructions, error: Exception) -> None:
    """Until whoever started this lets go of it: clients learn the reason from their own error."""
    from claude_run.server.refusing import refuse  # noqa: PLC0415 - hardly ever needed

    message = redacted(
        f"{type(error).__name__}: {error}", (instructions.key, *secrets_in(os.environ))
    )
    with suppress(OSError):  # the socket may have been closed on the way
        refuse(instructions.fd, instructions.key, message)


def _say(message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


async def _serve(instructions: Instructions) -> dict[str, Any]:
    """Serve until let go; the run's report."""
    for name in withheld(os.environ):
        del os.environ[name]
    # Imported here, so that a wrong instruction is said before a second of imports.
    from claude_run.server.answering import answering  # noqa: PLC0415
    from claude_run.server.gate import Gate  # noqa: PLC0415
    from claude_run.server.lines import Lines  # noqa: PLC0415

    settings, directory = instructions.settings, instructions.directory
    report: dict[str, Any] = {}
    leash = Leash()
    lines = Lines(_say)
    gate = Gate(settings, lines)
    let_go = asyncio.create_task(leash.let_go())
    async with AsyncExitStack() as stack:
        answerer = await stack.enter_async_context(
            answering(settings, directory, report, _say, gate)
        )
        # In a thread, so that the first sessions start while the application is imported.
        await asyncio.to_thread(import_module, "claude_run.server.app")
        from claude_run.loopback import served  # noqa: PLC0415
        from claude_run.server.app import Watching, make_app  # noqa: PLC0415
        from claude_run.server.desk import Desk  # noqa: PLC0415
        from claude_run.server.guard import Keys  # noqa: PLC0415
        from claude_run.server.http import Protocol  # noqa: PLC0415
        from claude_run.server.logged import LoggedAnswerer  # noqa: PLC0415
        from claude_run.server.records import Records  # noqa: PLC0415
        from claude_run.server.scopes import Scopes  # noqa: PLC0415
        from claude_run.server.titles import Titles  # noqa: PLC0415
        from claude_run.server.traces import tracing  # noqa: PLC0415
        from claude_run.usage.ledger import Ledger  # noqa: PLC0415
        from claude_run.usage.log import Log  # noqa: PLC0415
        from claude_run.usage.spool import Spool  # noqa: PLC0415

        keys = Keys(instructions.key, instructions.usage_key)
        ledger = Ledger(settings.paid_by)
        spool = stack.enter_context(Spool(instructions.spool))
        log = None
        if settings.log is not None:
            log = stack.enter_context(Log(Path(settings.log)))
            log.begin(settings.paid_by)
        scopes = Scopes(settings, answerer, instructions.scopes)
        records = Records(ledger, spool, lines, scopes.enter)
        records.traces = await stack.enter_async_context(tracing(os.environ, lines))
        if settings.title:
            records.titles = Titles(_say, ledger, lambda: gate.plan)
        desk = Desk(LoggedAnswerer(scopes), records, gate)
        app = make_app(settings, keys, desk, Watching(records.so_far, scopes, log))
        listener = socket.socket(fileno=instructions.fd)
        await stack.enter_async_context(
            served(app, listener, Protocol, max_message=settings.max_body)
        )
        _say({"event": "ready"})
        if (patience := await let_go) is not None:
            desk.drain.begin()
            await leash.drained(desk.drain, patience)
    return {**ledger.report(), **report}
