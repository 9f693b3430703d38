"""Connections that come in, judged before a byte of theirs is read or a key is agreed.

::

    accept --allowed(host)?--yes--> protocol (TLS: within HANDSHAKE_S) --failed--> on_failed(host)
              `-- no --> reset       |`-- too many agree at once: the oldest of who has most goes
                                     `-- its first byte is not TLS's: divert(connection, host)
"""

import asyncio
import contextlib
import errno
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Callable
from enum import Enum, auto

from sfu.shell.tasks import spawn
from sfu.signalling.sip.flow import site_of

HANDSHAKE_S = 10.0
"""TLS must be agreed by then."""
MAX_HANDSHAKES = 64
"""At a time on one port; a peer that answers is through in two round trips."""
FULL_S = 0.2
"""Pause where the process has no descriptor left."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of nought: closing keeps nothing of the connection, no TIME-WAIT either."""


class Failure(Enum):
    """Why a connection never got to its protocol."""

    BROKEN = auto()
    """The peer gave up, or does not speak TLS as we do."""
    LATE = auto()
    ELSEWHERE = auto()
    """It was diverted, and is nobody's fault."""
    CROWDED_OUT = auto()
    """Too many agreed on keys at once, and its address had most."""


Divert = Callable[[socket.socket, str, int], bool]
"""Takes a connection of a host by its first byte, in the protocol's place; False: not its own."""


class Acceptor:
    """One listening socket; one connection a turn of the loop, so that a storm stops nobody."""

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext | None,
        allowed: Callable[[str], bool],
        welcome: Callable[[str], asyncio.BaseProtocol],
        on_failed: Callable[[str, Failure], None],
        divert: Divert | None = None,
    ) -> None:
        """Accept on a bound socket; `on_failed`: a host that was allowed never got through."""
        self._listening = listening
        self._context = context
        self._allowed = allowed
        self._welcome = welcome
        self._on_failed = on_failed
        self._divert = divert
        self._handshakes: dict[asyncio.Task[None], str] = {}
        """Those that agree on keys, and their sites, the oldest first."""
        self._task = spawn("accept", self._run())

    def close(self) -> None:
        """Accept no more."""
        self._task.cancel()
        self._listening.close()
        for one in self._handshakes:
            one.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(self._listening)
            except OSError as error:
                full = error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
                await asyncio.sleep(FULL_S if full else 0)
                continue
            host = str(peer[0])
            if not self._allowed(host):
                with contextlib.suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                connection.close()
            elif self._context is None and self._divert is None:
                await self._begin(connection, host)
            else:
                self._agree(connection, host)
            await asyncio.sleep(0)

    def _agree(self, connection: socket.socket, host: str) -> None:
        """Agree on keys beside others; where too many do, the busiest site's oldest goes."""
        task = spawn("TLS handshake", self._begin(connection, host))
        self._handshakes[task] = site_of(host)
        task.add_done_callback(self._handshakes.pop)
        if len(self._handshakes) > MAX_HANDSHAKES:
            counts = Counter(self._handshakes.values())
            busiest = max(counts, key=lambda site: counts[site])
            oldest = next(one for one, site in self._handshakes.items() if site == busiest)
            oldest.cancel()

    async def _begin(self, connection: socket.socket, host: str) -> None:
        """See a connection through to its protocol; what fails is closed."""
        loop = asyncio.get_running_loop()
        secure, began = self._context is not None, loop.time()
        try:
            if self._divert is not None and await self._diverted(self._divert, connection, host):
                self._on_failed(host, Failure.ELSEWHERE)
                return
        except OSError as error:  # TimeoutError is one
            connection.close()
            late = isinstance(error, TimeoutError)
            self._on_failed(host, Failure.LATE if late else Failure.BROKEN)
            return
        except asyncio.CancelledError:
            connection.close()
            self._on_failed(host, Failure.CROWDED_OUT)
            raise
        try:
            await loop.connect_accepted_socket(
                lambda: self._welcome(host),
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_S if secure else None,
            )
        except (OSError, ssl.SSLError, EOFError):  # ConnectionError and TimeoutError are OSErrors
            late = secure and loop.time() - began >= HANDSHAKE_S
            self._on_failed(host, Failure.LATE if late else Failure.BROKEN)
        except asyncio.CancelledError:
            connection.close()
            self._on_failed(host, Failure.CROWDED_OUT)
            raise

    async def _diverted(self, divert: Divert, connection: socket.socket, host: str) -> bool:
        async with asyncio.timeout(HANDSHAKE_S):
            first = await first_byte(connection)
        return divert(connection, host, first)


async def first_byte(connection: socket.socket) -> int:
    """Wait for a connection's first byte, and leave it there; OSError where none comes."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(connection)
    peeked = connection.recv(1, socket.MSG_PEEK)
    if not peeked:
        raise ConnectionResetError("it went before it said anything")
    return peeked[0]
