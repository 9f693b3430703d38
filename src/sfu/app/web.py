"""What is served over HTTP: the page and its API, the API of this machine, ACME's challenges.

::

    [http] tls_port   -> the page, the API     with our certificate; browsers' media too
    [http] local_port -> the same, for a proxy or a program of this machine
    [webrtc] tcp_port -> browsers' media alone
    [tls] acme_port   -> challenges, and the way to the page
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sfu.api.app import WebSettings, create_app
from sfu.api.challenge import challenge_app
from sfu.api.house import House
from sfu.api.server import WebServer
from sfu.app.sockets import bind_listener
from sfu.config import Settings
from sfu.shell.accept import Divert
from sfu.shell.certificate import Certificate, machine_names
from sfu.shell.tasks import spawn
from sfu.shell.webdoor import MOST, WebGate


@dataclass(frozen=True, slots=True)
class WebSockets:
    """The ports, bound before anything runs."""

    page: list[socket.socket]
    local: list[socket.socket]
    media: list[socket.socket]
    """For browsers' media over TCP, where it has a port of its own."""
    challenges: list[socket.socket]

    @classmethod
    def bind(cls, settings: Settings, hosts: list[str]) -> "WebSockets":
        """Bind them; UseError of one line for one that cannot be had."""
        http, tls, webrtc = settings.http, settings.tls, settings.webrtc
        return cls(
            [bind_listener("page", host, http.tls_port) for host in hosts],
            [bind_listener("API", "127.0.0.1", http.local_port)],
            [
                bind_listener("browsers' media", host, webrtc.tcp_port)
                for host in (hosts if webrtc.tcp and webrtc.tcp_port else ())
            ],
            [
                bind_listener("challenges", host, tls.acme_port)
                for host in (hosts if tls.acme_webroot else ())
            ],
        )

    def close(self) -> None:
        """Give all back."""
        for one in (*self.page, *self.local, *self.media, *self.challenges):
            one.close()


class Web:
    """The listeners of one server, and who judges those who connect to each."""

    def __init__(
        self,
        house: House,
        settings: Settings,
        sockets: WebSockets,
        certificate: Certificate,
        *,
        known: Callable[[str], bool],
        divert: Divert | None,
    ) -> None:
        """Prepare them; `known` tells addresses of members, `divert` is `WebServer`'s."""
        names = frozenset(name.lower() for name in (*machine_names(), *settings.tls.names))
        public = create_app(house, WebSettings(metrics=settings.http.public_metrics, names=names))
        local = create_app(house, WebSettings(metrics=True, names=names))
        # behind the local one stands a proxy, or a program of this machine
        gates = [WebGate(known), WebGate(each=MOST, rated=False)]
        self._page = WebServer(
            public, sockets.page, certificate=certificate.chain, key=certificate.key,
            gate=gates[0], divert=divert,
        )  # fmt: skip
        self._servers = [self._page, WebServer(local, sockets.local, gate=gates[1])]
        if sockets.challenges:
            gates.append(WebGate())
            app = challenge_app(Path(settings.tls.acme_webroot), settings.http.tls_port)
            self._servers.append(WebServer(app, sockets.challenges, gate=gates[2]))
        self.gates = tuple(gates)
        self.renew = self._page.renew

    async def start(self, stack: AsyncExitStack) -> None:
        """Serve until the stack is unwound."""
        for one in self._servers:
            task = spawn("web", one.run())
            stack.push_async_callback(_join, task)
            stack.callback(one.stop)
            await one.started()


async def _join(task: "asyncio.Task[None]") -> None:
    """Wait for a task that was told to end."""
    await asyncio.wait([task], timeout=3)
    task.cancel()
