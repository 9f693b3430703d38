"""Connections that come in, judged before a byte of theirs is read or a key is agreed.

::

    accept --allowed(host)?--yes--> protocol (TLS: within HANDSHAKE_S) --failed--> on_failed(host)
              `-- no --> reset
"""

import asyncio
import contextlib
import errno
import socket
import ssl
import struct
from collections.abc import Callable

from sfu.shell.tasks import spawn

HANDSHAKE_S = 10.0
"""TLS must be agreed by then."""
FULL_S = 0.2
"""Pause where the process has no descriptor left."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of nought: closing keeps nothing of the connection, no TIME-WAIT either."""


class Acceptor:
    """One listening socket; one connection a turn of the loop, so that a storm stops nobody."""

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext | None,
        allowed: Callable[[str], bool],
        welcome: Callable[[str], asyncio.Protocol],
        on_failed: Callable[[str], None],
    ) -> None:
        """Accept on a bound socket; `on_failed`: a host that was allowed never got through."""
        self._listening = listening
        self._context = context
        self._allowed = allowed
        self._welcome = welcome
        self._on_failed = on_failed
        self._task = spawn("accept", self._run())

    def close(self) -> None:
        """Accept no more."""
        self._task.cancel()
        self._listening.close()

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
            elif self._context is None:
                await self._begin(connection, host)
            else:
                spawn("TLS handshake", self._begin(connection, host))
            await asyncio.sleep(0)

    async def _begin(self, connection: socket.socket, host: str) -> None:
        """See a connection through to its protocol; what fails closes by itself."""
        secure = self._context is not None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._welcome(host),
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_S if secure else None,
            )
        except (OSError, ssl.SSLError, EOFError):  # ConnectionError and TimeoutError are OSErrors
            self._on_failed(host)
