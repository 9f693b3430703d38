"""One browser's WebSocket (RFC 6455), from handshake to close; docs/protocol.md has the caps.

::

    socket --> read: rate, size, parse --> Browser.receive
                                             |  (house)
    socket <-- write: one at a time <-- queue <-- send

Whichever of the loops ends first says with which code the socket closes, and ends the others.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection

import anyio
import structlog
from fastapi import HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sfu.api.auth import Gate
from sfu.api.house import Browser, House
from sfu.api.origin import remote_address, same_origin
from sfu.api.rate import Bucket
from sfu.errors import PeerError
from sfu.model import Role
from sfu.signalling.webrtc.message import (
    EndCode,
    Ended,
    Joined,
    Ping,
    Pong,
    RefusalCode,
    Refused,
    ServerMessage,
    Waiting,
    dump,
    parse,
    refused,
)

log = structlog.get_logger()

BURST, PER_SECOND = 50, 20.0
BAD_MESSAGES_MAX = 8
JOIN_WITHIN_S = 120.0
WRITE_WITHIN_S = 20.0
CLOSE_WITHIN_S = 1.0
QUEUE_MAX = 512
PER_ADDRESS_MAX = 128
"""Sockets of one address: a whole town hall may stand behind it."""

NORMAL, GOING_AWAY, POLICY, TOO_BIG, INTERNAL = 1000, 1001, 1008, 1009, 1011


class Doors:
    """The WebSocket endpoint; counts who is inside."""

    def __init__(
        self, house: House, origins: Collection[str] = (), gate: Gate | None = None
    ) -> None:
        """Serve browsers of this house; `origins` are foreign pages which may connect too.

        `gate` knows who is logged in: who organises meetings moderates them.
        """
        self._house, self._origins, self._gate = house, origins, gate
        self._inside: Counter[str] = Counter()

    async def enter(self, websocket: WebSocket) -> None:
        """Serve one WebSocket to its end; refuse foreign pages and crowds with 403."""
        remote = remote_address(websocket)
        crowded = self._inside[remote] >= PER_ADDRESS_MAX
        if crowded or not same_origin(websocket, self._origins):
            await websocket.close(POLICY)
            return
        self._inside[remote] += 1
        try:
            await websocket.accept()
            organiser = await self._organises(websocket)
            await BrowserSocket(self._house, websocket, remote, organiser=organiser).serve()
        finally:
            self._inside[remote] -= 1
            if not self._inside[remote]:
                del self._inside[remote]

    async def _organises(self, websocket: WebSocket) -> bool:
        """Tell whether a session or a token says so; a place alone makes nobody a moderator."""
        if self._gate is None or not same_origin(websocket):
            return False
        try:
            person = await self._gate.identify(websocket)
        except HTTPException:
            return False  # a wrong token: it comes in as anybody
        except Exception:  # the database is away: nobody is kept from a meeting by that
            log.exception("organiser_unknown")
            return False
        known = person is not None and person.how != "place"
        return known and person is not None and person.role.covers(Role.ORGANISER)


class BrowserSocket:
    """An accepted WebSocket and the house's `Browser` behind it."""

    def __init__(
        self, house: House, websocket: WebSocket, remote: str, *, organiser: bool = False
    ) -> None:
        """Meet the house; nothing is read before `serve`."""
        self._websocket = websocket
        self._queue: asyncio.Queue[ServerMessage] = asyncio.Queue(QUEUE_MAX)
        self._overflowed = False
        self._joined = asyncio.Event()
        agent = websocket.headers.get("user-agent", "")[:256]
        self._browser: Browser = house.open_browser(self.send, remote, agent, organiser=organiser)

    def send(self, message: ServerMessage) -> None:
        """Queue a message; a browser that reads too slowly is dropped, not waited for."""
        if isinstance(message, Joined | Waiting):
            self._joined.set()
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._overflowed = True

    async def serve(self) -> None:
        """Carry messages both ways until one side ends it."""
        codes: list[int] = []
        try:
            async with anyio.create_task_group() as loops:

                async def first_to_end(loop: Callable[[], Awaitable[int]]) -> None:
                    codes.append(await loop())
                    loops.cancel_scope.cancel()

                for loop in (self._write, self._read, self._watch):
                    loops.start_soon(first_to_end, loop)
        finally:
            self._browser.closed()
            await self._close(min(codes, default=INTERNAL))

    async def _read(self) -> int:
        clock = asyncio.get_running_loop().time
        bucket = Bucket(BURST, PER_SECOND, clock())
        bad = 0
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                return NORMAL
            if bad >= BAD_MESSAGES_MAX or not bucket.take(clock()):
                return POLICY
            try:
                self._take(event.get("text") or event.get("bytes") or b"")
            except PeerError as error:
                if error.status == 413:
                    return TOO_BIG
                bad += 1
                self.send(_refusal(error))

    def _take(self, text: str | bytes) -> None:
        message = parse(text)
        if isinstance(message, Ping):
            self.send(Pong())
        else:
            self._browser.receive(message)

    async def _write(self) -> int:
        while True:
            message = await self._queue.get()
            try:
                with anyio.fail_after(WRITE_WITHIN_S):
                    await self._websocket.send_text(dump(message))
            except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
                return NORMAL
            if self._overflowed:
                return POLICY
            if (code := _last_word(message)) is not None:
                return code

    async def _watch(self) -> int:
        with anyio.move_on_after(JOIN_WITHIN_S) as patience:
            await self._joined.wait()
            patience.deadline = math.inf
            await anyio.sleep_forever()
        return POLICY

    async def _close(self, code: int) -> None:
        if self._websocket.application_state is WebSocketState.DISCONNECTED:
            return
        with (
            anyio.move_on_after(CLOSE_WITHIN_S, shield=True),
            contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError),  # it went first
        ):
            await self._websocket.close(code)


def _refusal(error: PeerError) -> Refused:
    """Say a `PeerError` in the protocol's words."""
    code = {488: RefusalCode.UNSUPPORTED, 403: RefusalCode.NOT_ALLOWED}.get(
        error.status, RefusalCode.BAD_MESSAGE
    )
    return refused(code, error.reason[:200])


def _last_word(message: ServerMessage) -> int | None:
    """Return the code to close with after this message, None to go on."""
    match message:
        case Ended(code=EndCode.SERVER_STOPPING) | Refused(code=RefusalCode.SERVER_STOPPING):
            return GOING_AWAY
        case Ended():
            return NORMAL
        case Refused(code=code) if code.final:
            return POLICY
        case _:
            return None
