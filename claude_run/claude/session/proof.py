"""The proof of `verify`: one changed process and several born ones, asked and compared."""

import json
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import uuid4

from claude_run.claude.session.aspects import ALL, Aspect
from claude_run.claude.session.notes import sealed
from claude_run.claude.session.options import Place, birth_of
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session
from claude_run.claude.session.shape import Shape, Tool
from claude_run.claude.tools import ToolNames
from claude_run.rehearsal.answers import say
from claude_run.rehearsal.upstream import Upstream
from claude_run.turn import Effort, JsonObject, Text, UserTurn

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


def comparable(body: JsonObject, headers: Mapping[str, str]) -> JsonObject:
    """Body and headers without what is that of one process or one request."""
    system = [block for block in body.get("system", ()) if "billing-header" not in block["text"]]
    kept = {
        name: value
        for name, value in headers.items()
        if name not in _OF_ONE_REQUEST and not name.endswith(("session-id", "request-id"))
    }
    return {**body, "system": system, "metadata": None, "headers": kept, "order": list(body)}


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
        self._asked.append(comparable(json.loads(body), headers))
