"""The Responses API on a WebSocket: many responses on one connection, which remembers them."""

import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import TaskGroup
from fastapi import APIRouter
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from claude_run.dialects.errors import body_of, status_of
from claude_run.dialects.responses import ConnectedResponses, Responses
from claude_run.dialects.responses.socket import (
    MOST_AT_ONCE,
    MOST_LANES,
    Create,
    Steer,
    client_event,
    in_lane,
    lane_of,
    socket_error,
    steering_failed,
    too_many_at_once,
    too_many_lanes,
    too_old,
)
from claude_run.server.caller import CALLER, Caller, caller
from claude_run.server.creating import stamped, written
from claude_run.server.desk import Desk
from claude_run.server.logged import Keep, logged_event
from claude_run.server.sse import spelt
from claude_run.turn import Failure, JsonObject, TurnError

LIFETIME_SECONDS: Final = 3600.0
"""Of one connection, as OpenAI has it. What is being made then is finished all the same."""


def socket_routes(
    desk: Desk,
    connected: Callable[[], ConnectedResponses],
    keepers: Callable[[], Sequence[Keep]],
    *,
    strict: bool,
    lifetime: float = LIFETIME_SECONDS,
) -> APIRouter:
    router = APIRouter()

    @router.websocket(Responses.path)
    async def connect(socket: WebSocket) -> None:
        await _Connection(socket, desk, connected(), keepers, strict=strict).serve(lifetime)

    @router.websocket("/{path:path}")
    async def elsewhere(socket: WebSocket) -> None:
        error = TurnError(Failure.NOT_FOUND, "The one WebSocket here is at /v1/responses.")
        await socket.send_denial_response(JSONResponse(body_of(error), status_of(error)))

    return router


class _Connection:
    """One task hears the client, and one makes each response: those of one lane in turn.
    When the client goes away, all of them are cancelled."""

    def __init__(
        self,
        socket: WebSocket,
        desk: Desk,
        dialect: ConnectedResponses,
        keepers: Callable[[], Sequence[Keep]],
        *,
        strict: bool,
    ) -> None:
        self._socket = socket
        self._desk = desk
        self._dialect = dialect
        self._keepers = keepers
        self._strict = strict
        self._caller = caller()
        self._lanes: defaultdict[str | None, anyio.Lock] = defaultdict(anyio.Lock)
        self._unfinished = 0
        self._expired: TurnError | None = None

    async def serve(self, lifetime: float) -> None:
        await self._socket.accept()
        async with anyio.create_task_group() as group:
            group.start_soon(self._grow_old, lifetime)
            await self._listen(group)
            group.cancel_scope.cancel()

    async def _grow_old(self, lifetime: float) -> None:
        await anyio.sleep(lifetime)
        self._expired = too_old(lifetime)
        await self._send(socket_error(self._expired))
        await self._close_if_expired()

    async def _close_if_expired(self) -> None:
        if self._expired is not None and not self._unfinished:
            with suppress(WebSocketDisconnect):
                await self._socket.close()

    async def _listen(self, group: TaskGroup) -> None:
        """Returns when the client has gone away."""
        while (message := await self._socket.receive())["type"] != "websocket.disconnect":
            said = message.get("text") or message.get("bytes") or ""
            # Every event is a request of its own, in the records and in the log.
            CALLER.set(Caller(endpoint=self._caller.endpoint, label=self._caller.label))
            try:
                await self._hear(said, group)
            except TurnError as error:
                self._desk.refused(error)
                await self._send(in_lane(socket_error(error), lane_of(said)))

    async def _hear(self, said: str | bytes, group: TaskGroup) -> None:
        """
        Raises:
            TurnError: nothing is done about it.
        """
        match client_event(said):
            case Steer() as steer:
                await self._send(steering_failed(steer))
            case Create(_, lane) as create:
                self._admit(lane)
                self._unfinished += 1
                group.start_soon(self._take_turn, create, said)

    def _admit(self, lane: str | None) -> None:
        if self._expired is not None:
            raise self._expired
        if self._unfinished >= MOST_AT_ONCE:
            raise too_many_at_once()
        if lane is not None and lane not in self._lanes and len(self._lanes) >= MOST_LANES:
            raise too_many_lanes()

    async def _take_turn(self, create: Create, said: str | bytes) -> None:
        async with self._lanes[create.lane]:
            with logged_event(self._keepers(), said):
                try:
                    await self._respond(create)
                except TurnError as error:
                    await self._fail(create, error)
                except Exception as fault:
                    traceback.print_exc()
                    told = f"claude-run failed: {type(fault).__name__}. Please report it."
                    await self._fail(create, TurnError(Failure.CRASH, told, code="internal_error"))
        self._unfinished -= 1
        await self._close_if_expired()

    async def _respond(self, create: Create) -> None:
        call = self._dialect.parse(create.body, strict=self._strict)
        self._desk.notice(call.notices)
        stamp = stamped(self._dialect.id_prefix)
        if not create.generates:
            for event in self._dialect.prepared(call, stamp):
                await self._send(in_lane(event.data, create.lane))
            return
        async with written(self._dialect, call, self._desk, stamp) as events:
            async for event in events:
                await self._send(in_lane(event.data, create.lane))

    async def _fail(self, create: Create, error: TurnError) -> None:
        self._dialect.forget(create.previous)
        self._desk.refused(error)
        await self._send(in_lane(socket_error(error), create.lane))

    async def _send(self, event: JsonObject | str) -> None:
        with suppress(WebSocketDisconnect):  # whoever hears the client will hear of it
            await self._socket.send_text(spelt(event))
