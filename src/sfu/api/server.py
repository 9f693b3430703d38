"""uvicorn as one task of our own loop, on sockets that are bound already, behind our own door.

It installs no signal handler: the process has one, in `cli.py`.  Stopping takes a second at most;
the house says goodbye to browsers before.
"""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from sfu.shell.accept import Divert
from sfu.shell.tls import reload_chain
from sfu.shell.webdoor import WebDoor, WebGate
from sfu.signalling.webrtc.message import TEXT_MAX

PING_EVERY_S, PING_WITHIN_S = 10.0, 20.0
STOP_WITHIN_S = 1
BACKLOG = 256
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; TLS 1.3 has its own, all good."""


class WebServer:
    """One listener: an application, its sockets, with or without TLS."""

    def __init__(
        self,
        app: ASGIApp,
        sockets: Sequence[socket],
        *,
        certificate: Path | None = None,
        key: Path | None = None,
        gate: WebGate | None = None,
        divert: Divert | None = None,
    ) -> None:
        """Prepare; raises `OSError` or `ssl.SSLError` where certificate or key cannot be used.

        `gate` judges who connects; without one it is the plain one of a listener.  `divert` takes
        connections whose first byte is not TLS's.
        """
        self._sockets = list(sockets)
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_ciphers=CIPHERS,
            proxy_headers=True,
            forwarded_allow_ips=["127.0.0.1", "::1"],
            ws_max_size=2 * TEXT_MAX,
            ws_ping_interval=PING_EVERY_S,
            ws_ping_timeout=PING_WITHIN_S,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
        config.load()
        self._server = _Quiet(config, gate or WebGate(), divert)

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=self._sockets)

    def renew(self, certificate: Path, key: Path) -> None:
        """Show another certificate to who connects from now on; raises UseError."""
        if isinstance(self._server.config.ssl, ssl.SSLContext):
            reload_chain(self._server.config.ssl, certificate, key)

    async def started(self) -> None:
        """Wait until requests are taken."""
        await self._server.up.wait()

    def stop(self) -> None:
        """Take no more requests; `run` returns within a second or so."""
        self._server.should_exit = True


class _Quiet(uvicorn.Server):
    """Leaves the process's signals alone, and says when it is up."""

    def __init__(self, config: uvicorn.Config, gate: WebGate, divert: Divert | None = None) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._gate, self._divert = gate, divert
        self._door: WebDoor | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen by our door in place of uvicorn's own listeners, which turn nobody away."""
        bound = sockets or []
        for one in bound:
            one.listen(BACKLOG)
            one.setblocking(False)
        self.servers = []
        self._door = WebDoor.open(self._gate, bound, self.config.ssl, self._protocol, self._divert)
        self.started = True
        self.up.set()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        if self._door is not None:
            self._door.close()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        """Make uvicorn's protocol of one connection, as its own startup does."""
        return self.config.http_protocol_class(
            config=self.config,  # type: ignore[call-arg]
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
