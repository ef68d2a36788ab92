"""The application on its socket: answerer, records and reports put together, and served."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from claude_run.loopback import served
from claude_run.server.app import Watching, make_app
from claude_run.server.desk import Desk
from claude_run.server.drain import Drain
from claude_run.server.gate import Gate
from claude_run.server.guard import Keys
from claude_run.server.http import Protocol
from claude_run.server.instructions import Instructions
from claude_run.server.lines import Lines, Tell
from claude_run.server.logged import LoggedAnswerer
from claude_run.server.records import Records
from claude_run.server.scopes import Scopes
from claude_run.server.titles import Titles
from claude_run.server.traces import tracing
from claude_run.settings import Settings
from claude_run.turn import Answerer
from claude_run.usage.ledger import Ledger
from claude_run.usage.log import Log
from claude_run.usage.spool import Spool


@asynccontextmanager
async def serving(
    instructions: Instructions, answerer: Answerer, gate: Gate, lines: Lines, tell: Tell
) -> AsyncIterator[tuple[Drain, Ledger]]:
    """Serves what `answerer` answers for as long as it is entered; gives what counts the answers
    in flight, and what holds the sums. `tell` hears what the person is told."""
    settings = instructions.settings
    ledger = Ledger(settings.paid_by)
    async with AsyncExitStack() as stack:
        spool = stack.enter_context(Spool(instructions.spool, lines.heard))
        log = _log(settings, lines, stack)
        scopes = Scopes(settings, answerer, instructions.scopes)
        records = Records(ledger, spool, lines, scopes.enter, in_python=settings.in_python)
        records.traces = await stack.enter_async_context(tracing(os.environ, lines))
        if settings.title:
            records.titles = Titles(tell, ledger, lambda: gate.plan)
        desk = Desk(LoggedAnswerer(scopes), records, gate)
        keys = Keys(instructions.key, instructions.usage_key)
        app = make_app(settings, keys, desk, Watching(records.so_far, scopes, log))
        listener = socket.socket(fileno=instructions.fd)
        await stack.enter_async_context(
            served(app, listener, Protocol, max_message=settings.max_body)
        )
        yield desk.drain, ledger


def _log(settings: Settings, lines: Lines, stack: AsyncExitStack) -> Log | None:
    if settings.log is None:
        return None
    log: Log = stack.enter_context(Log(Path(settings.log), tell=lines.heard))
    log.begin(settings.paid_by)
    return log
