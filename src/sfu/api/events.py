"""What happens, as it happens, over a WebSocket: `/api/v1/events`, for who may read.

Nothing is taken from the other side.  Who reads too slowly is closed (1008) and may come again; who
may no longer read is closed within a minute (1008).
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import anyio
from fastapi import APIRouter, HTTPException, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from sfu.api.auth import Gate, router
from sfu.api.house import House
from sfu.api.origin import remote_address
from sfu.model import Role
from sfu.shell.news import Listener

PER_ADDRESS_MAX = 16
LOOK_AGAIN_S = 30.0
WRITE_WITHIN_S = 20.0
NORMAL, POLICY = 1000, 1008


def event_routes(house: House, gate: Gate) -> APIRouter:
    """Make the route."""
    routes = router()
    inside: Counter[str] = Counter()

    @routes.websocket("/events", dependencies=gate.needs(Role.READ_ONLY)["dependencies"])
    async def events(websocket: WebSocket) -> None:
        remote = remote_address(websocket)
        if inside[remote] >= PER_ADDRESS_MAX:
            await websocket.close(POLICY)
            return
        inside[remote] += 1
        try:
            with house.news.listening() as listener:
                await websocket.accept()
                await _serve(gate, websocket, listener)
        finally:
            inside[remote] -= 1
            if not inside[remote]:
                del inside[remote]

    return routes


async def _serve(gate: Gate, websocket: WebSocket, listener: Listener) -> None:
    """Tell until one side ends it."""
    codes: list[int] = []
    async with anyio.create_task_group() as loops:

        async def first_to_end(loop: Awaitable[int]) -> None:
            codes.append(await loop)
            loops.cancel_scope.cancel()

        for loop in (_write(websocket, listener), _read(websocket), _watch(gate, websocket)):
            loops.start_soon(first_to_end, loop)
    if websocket.application_state is not WebSocketState.DISCONNECTED:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            await websocket.close(min(codes, default=NORMAL))


async def _write(websocket: WebSocket, listener: Listener) -> int:
    while not listener.lost:
        happening = await listener.heard.get()
        try:
            with anyio.fail_after(WRITE_WITHIN_S):
                await websocket.send_text(_dump(happening.view()))
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            return NORMAL
    return POLICY


async def _read(websocket: WebSocket) -> int:
    """Wait for the other side to go; whatever it says is not for us."""
    event = await websocket.receive()
    return NORMAL if event["type"] == "websocket.disconnect" else POLICY


async def _watch(gate: Gate, websocket: WebSocket) -> int:
    """Look now and then whether who listens still may."""
    while True:
        await asyncio.sleep(LOOK_AGAIN_S)
        try:
            person = await gate.identify(websocket)
        except HTTPException:
            return POLICY
        if person is None or not person.role.covers(Role.READ_ONLY):
            return POLICY


def _dump(view: dict[str, Any]) -> str:
    return json.dumps(view, ensure_ascii=False)
