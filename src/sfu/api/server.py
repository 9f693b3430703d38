"""uvicorn as one task of our own loop, on sockets that are bound already.

It installs no signal handler: the process has one, in `cli.py`.  Stopping takes a second at most;
the house says goodbye to browsers before.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from sfu.signalling.webrtc.message import TEXT_MAX

PING_EVERY_S, PING_WITHIN_S = 10.0, 20.0
STOP_WITHIN_S = 1
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
    ) -> None:
        """Prepare; raises `OSError` or `ssl.SSLError` where certificate or key cannot be used."""
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
        self._server = _Quiet(config)

    async def run(self) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=self._sockets)

    async def started(self) -> None:
        """Wait until requests are taken."""
        await self._server.up.wait()

    def stop(self) -> None:
        """Take no more requests; `run` returns within a second or so."""
        self._server.should_exit = True


class _Quiet(uvicorn.Server):
    """Leaves the process's signals alone, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
