"""POST /responses/compact: Claude is asked for a summary, and the compacted conversation given."""

import os
import secrets
import stat
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
        if (key := _in(path)) is None:
            _lay_down(path)
            key = _in(path)
    except OSError:
        key = None
    return secrets.token_bytes(_BYTES) if key is None else key


def _in(path: Path) -> bytes | None:
    """The key in a file, None where there is no file, or one that is damaged or that others could
    read, which is removed then: who knows the key can write summaries.

    Raises:
        OSError: it is somebody else's, or no file.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would never be opened
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb", buffering=0) as file:
        found = os.fstat(fd)
        if found.st_uid != os.getuid() or not stat.S_ISREG(found.st_mode):
            raise PermissionError(f"{path} is not this user's own file")
        key = file.read(_BYTES + 1)
    if len(key) == _BYTES and not found.st_mode & 0o077:
        return key
    path.unlink()
    return None


def _lay_down(path: Path) -> None:
    """Make the key, unless there is one. It appears whole: two runs may do this at once."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
