"""The bridge process: leashed to whoever started it, it serves until the leash is let go.

Its stdin is the leash: one JSON line of instructions, then nothing until it is closed, by
will or because the other side died. Its stdout carries what it has to say, a JSON line each.
"""

import asyncio
import faulthandler
import gc
import json
import os
import shutil
import signal
import sys
import traceback
from contextlib import AsyncExitStack, suppress
from importlib import import_module
from typing import Any, Final

from claude_run import registry
from claude_run.claude.environment import withheld
from claude_run.fault import redacted, secrets_in
from claude_run.server.descriptors import as_many_as_allowed, tell_exhaustion
from claude_run.server.instructions import Instructions
from claude_run.server.leash import Leash
from claude_run.server.lines import Lines

_FAILED: Final = 1


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
    as_many_as_allowed()
    gc.disable()  # whatever is imported stays: to look for garbage among it takes a fifth of it
    # Imported here, so that a wrong instruction is said before a second of imports.
    from claude_run.server.answering import answering  # noqa: PLC0415
    from claude_run.server.gate import Gate  # noqa: PLC0415

    settings, directory = instructions.settings, instructions.directory
    report: dict[str, Any] = {}
    leash = Leash()
    lines = Lines(_say)
    tell_exhaustion(asyncio.get_running_loop(), lines)
    gate = Gate(settings, lines)
    let_go = asyncio.create_task(leash.let_go())
    async with AsyncExitStack() as stack:
        answerer = await stack.enter_async_context(
            answering(settings, directory, report, _say, gate)
        )
        # In a thread, so that the first sessions start while the application is imported.
        await asyncio.to_thread(import_module, "claude_run.server.serving")
        from claude_run.server.serving import serving  # noqa: PLC0415

        drain, ledger = await stack.enter_async_context(
            serving(instructions, answerer, gate, lines, _say)
        )
        gc.freeze()
        gc.enable()
        _say({"event": "ready"})
        if (patience := await let_go) is not None:
            drain.begin()
            await leash.drained(drain, patience)
    return {**ledger.report(), **report}
