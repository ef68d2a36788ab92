"""POST /responses/compact: Claude is asked for a summary, and the compacted conversation given."""

import os
import secrets
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from platformdirs import user_state_path
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from claude_run.dialects.responses import Responses
from claude_run.server.body import read_json
from claude_run.server.connection import while_connected
from claude_run.server.creating import stamped
from claude_run.server.desk import Desk
from claude_run.turn import fold

FILE: Final = "compaction.key"
_BYTES: Final = 32


def compact_routes(dialect: Responses, desk: Desk, *, strict: bool) -> APIRouter:
    router = APIRouter(prefix=dialect.path)

    @router.post("/compact")
    async def compact(request: Request) -> Response:
        call = dialect.parse_compaction(await read_json(request), strict=strict)
        desk.notice(call.notices)
        async with while_connected(request.receive):
            (events,) = await desk.events_of_all(call.requests)
        stamp = stamped(dialect.id_prefix)
        return JSONResponse(dialect.compaction(call, fold(events), stamp))

    return router


class SigningKey:
    """The user's own secret, made when a compaction first needs it. Where it cannot be kept,
    it lasts for this run."""

    def __init__(self) -> None:
        self._key: bytes | None = None

    def __call__(self) -> bytes:
        if self._key is None:
            self._key = _kept(user_state_path("claude-run") / FILE)
        return self._key


def _kept(path: Path) -> bytes:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _lay_down(path)
        key = path.read_bytes()
    except OSError:
        return secrets.token_bytes(_BYTES)
    return key if len(key) == _BYTES else secrets.token_bytes(_BYTES)


def _lay_down(path: Path) -> None:
    """Make the key, unless there is one. It appears whole: two runs may do this at once."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
