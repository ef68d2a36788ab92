"""What a live session can be given anew, found out instead of believed.

Some of what `control` asks for is not documented, and some builds of the CLI acknowledge it
without doing it. So before any of it is relied on, a process that was changed is compared with
processes born so, against an upstream in this process that answers for nobody: the home is
empty, the login a dummy, and nothing is spent. It is done once for a version of the CLI, in the
background; until then, and for whatever turns out not to work, sessions are born as they are
wanted: slower, never wrong.
"""

import asyncio
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import anyio
import claude_agent_sdk
from claude_agent_sdk._cli_version import __cli_version__

from claude_run import __version__
from claude_run.claude.session.notes import sealed
from claude_run.claude.session.options import Place, birth_of
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session
from claude_run.claude.session.shape import Aspect, Shape, Tool
from claude_run.claude.tools import ToolNames
from claude_run.rehearsal.answers import say
from claude_run.rehearsal.upstream import Upstream
from claude_run.turn import Effort, JsonObject, Notice, Text, UserTurn

ALL: Final = frozenset(Aspect)
_SECONDS: Final = 60.0
_QUESTION: Final = (UserTurn((Text("?"),)),)
_SCHEMA: Final = '{"type": "object", "properties": {"a": {"type": "string"}}}'
_NAMES: Final = ToolNames(("one", "two"))
# Between them everything changes, and both from and to nothing where there is a nothing.
_WALK: Final = (
    Shape(
        "haiku",
        "Be brief.",
        (Tool("one", "First.", _SCHEMA), Tool("two", "Second.", _SCHEMA)),
        fields='{"temperature": 0.5}',
    ),
    Shape("claude-opus-4-7", "", (Tool("two", "Second.", _SCHEMA),), True, Effort.LOW),
    Shape("sonnet", "Be clear."),
    Shape("sonnet", "Be clear.", fields='{"temperature": 0.5}'),
)
_ASPECTS: Final[Mapping[str, Aspect]] = {
    "system": Aspect.SYSTEM,
    "tools": Aspect.TOOLS,
    "thinking": Aspect.THINKING,
    "output_config": Aspect.EFFORT,
    "model": Aspect.MODEL,
    "temperature": Aspect.FIELDS,
    "max_tokens": Aspect.FIELDS,
}
_OF_ONE_REQUEST: Final = frozenset({"content-length", "host"})


class Verifier:
    """Finds it out in the background, and calls `allow` with what works. `async with` it.

    `cache` is a directory that outlives the run; without one it is found out for each run.
    """

    def __init__(
        self, place: Place, cache: Path | None, allow: Callable[[Collection[Aspect]], None]
    ) -> None:
        self._place = place
        self._remembered = None if cache is None else cache / f"live-{_version(place.cli)}.json"
        self._allow = allow
        self._task: asyncio.Task[None] | None = None
        self.notices: tuple[Notice, ...] = ()
        """What a person should know of it."""

    async def __aenter__(self) -> "Verifier":
        known = self._recalled()
        if known is not None:
            self._conclude(known)
        else:
            self._task = asyncio.create_task(self._find_out())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _find_out(self) -> None:
        try:
            with anyio.fail_after(_SECONDS):
                works = await changeable(self._place)
        except Exception:  # whatever it is, then it cannot be relied on
            works = frozenset()
        self._remember(works)
        self._conclude(works)

    def _conclude(self, works: frozenset[Aspect]) -> None:
        if missing := ", ".join(sorted(aspect.value for aspect in ALL - works)):
            text = (
                f"this version of Claude Code cannot be given anew while it lives: {missing}; "
                "new processes are started for that, which is slower and not wrong"
            )
            self.notices = (Notice("live sessions", text),)
        self._allow(works)

    def _recalled(self) -> frozenset[Aspect] | None:
        if self._remembered is not None:
            with suppress(OSError, ValueError, KeyError, TypeError):
                found = json.loads(self._remembered.read_text(encoding="utf-8"))
                return frozenset(Aspect(name) for name in found["changeable"])
        return None

    def _remember(self, works: frozenset[Aspect]) -> None:
        if self._remembered is None:
            return
        with suppress(OSError):  # a home that cannot be written to is no failure
            self._remembered.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            whole = self._remembered.with_suffix(f".{uuid4()}")
            found = {"changeable": sorted(aspect.value for aspect in works)}
            whole.write_text(json.dumps(found), encoding="utf-8")
            whole.replace(self._remembered)


def _version(cli: str | None) -> str:
    """All that the outcome may depend on, as a part of a file's name."""
    own = (__version__, claude_agent_sdk.__version__, __cli_version__, sys.platform)
    other = ""
    if cli is not None:
        with suppress(OSError):
            seen = Path(cli).stat()
            other = f"{cli} {seen.st_size} {seen.st_mtime_ns}"
    return hashlib.sha256(json.dumps([*own, other]).encode()).hexdigest()[:24]


async def changeable(place: Place) -> frozenset[Aspect]:
    """In what a changed process asks what one born so asks. Takes five starts of a process."""
    asked: list[JsonObject] = []
    home = place.directory / f"verify-{uuid4()}"
    home.mkdir(mode=0o700)
    try:
        async with AsyncExitStack() as stack:
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            upstream = await stack.enter_async_context(_Overheard(asked))
            offline = Place(place.directory, place.cli, sealed(home, upstream.url))
            await _changed(offline)
            for shape in _WALK:
                await _born(offline, shape)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    differing: set[Aspect] = set()
    for changed, born in zip(asked[: len(_WALK)], asked[len(_WALK) :], strict=True):
        differing |= _differing(changed, born)
    return ALL - differing


async def _changed(place: Place) -> None:
    """Ask with each shape of the walk in one process."""
    session = Session(birth_of(_WALK[0], ALL), place, History(), changeable=ALL)
    try:
        await session.open(_NAMES)
        for shape in _WALK:
            await session.become(shape, _NAMES)
            await session.ask(_QUESTION, _NAMES, lambda _: False)
            await session.rewind()
    finally:
        await session.close()


async def _born(place: Place, shape: Shape) -> None:
    session = Session(shape, place, History(), changeable=frozenset())
    try:
        await session.open(_NAMES)
        await session.ask(_QUESTION, _NAMES, lambda _: False)
    finally:
        await session.close()


def _differing(one: JsonObject, other: JsonObject) -> frozenset[Aspect]:
    """In which aspects two requests are not the same; in all of them, if the difference is none
    of a single aspect's."""
    names = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
    if set(names) <= _ASPECTS.keys():
        return frozenset(_ASPECTS[name] for name in names)
    return ALL


class _Overheard(Upstream):
    """Answers everything with a word, and keeps of each request what a shape decides."""

    def __init__(self, asked: list[JsonObject]) -> None:
        super().__init__(lambda _: say("."))
        self._asked = asked

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/v1/messages":
            await super().__call__(scope, receive, send)
            return
        body = b""

        async def heard() -> Any:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            return message

        await super().__call__(scope, heard, send)
        headers = {n.decode(): v.decode() for n, v in scope["headers"]}
        self._asked.append(_comparable(json.loads(body), headers))


def _comparable(body: JsonObject, headers: Mapping[str, str]) -> JsonObject:
    """Body and headers without what is that of one process or one request."""
    system = [block for block in body.get("system", ()) if "billing-header" not in block["text"]]
    kept = {
        name: value
        for name, value in headers.items()
        if name not in _OF_ONE_REQUEST and not name.endswith(("session-id", "request-id"))
    }
    return {**body, "system": system, "metadata": None, "headers": kept, "order": list(body)}
