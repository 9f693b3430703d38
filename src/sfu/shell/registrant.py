"""The shell of our registration at a foreign gatekeeper: its name, one socket, one timer.

::

    name --looked up--> RasSocket --Heard--> Registrant --Datagram--> RasSocket
    H323Shell --Ask, Over--------------->        `--Admitted, Denied--> H323Shell
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sfu.model import Address
from sfu.shell.gate import Gate
from sfu.shell.rasdoor import bind_ras
from sfu.shell.rassocket import Arrived, RasSocket
from sfu.shell.tasks import spawn
from sfu.shell.udp import Advertised
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.asking import Admitted, Ask, Denied, Dropped, Over
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.registrant import Membership, Registrant, Standing
from sfu.signalling.h323.zonefact import Datagram, Heard

log = structlog.get_logger()

LOOK_AGAIN_S = 30.0
GUEST = "gatekeeper"
"""Its calls are known to the gate by this."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """The gatekeeper where we register, and what we say of ourselves."""

    host: str
    port: int
    aliases: tuple[Alias, ...]
    endpoint: Endpoint
    password: str = ""
    expires_s: int = 120
    rate_bps: int = 4_000_000
    hosts: tuple[str, ...] = ("0.0.0.0",)
    """Our addresses."""
    signalling_port: int = 1720
    public_host: str = ""


class RegistrantShell:
    """Our registration, on a real socket."""

    def __init__(
        self,
        foreign: Foreign,
        gate: Gate,
        tell: Callable[[Admitted | Denied | Dropped], None],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Nothing is opened before `start`; `tell` hears what was said of a call."""
        self._foreign, self._gate, self._tell = foreign, gate, tell
        self._entropy = entropy
        self._advertised = Advertised(foreign.public_host)
        self._core: Registrant | None = None
        self._socket: RasSocket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._remote = Address("", 0)

    def start(self) -> None:
        """Look for it and register; what goes wrong is logged and tried again."""
        self._looking = spawn("h323 gatekeeper", self._look())

    @property
    def registered(self) -> bool:
        """Whether our registration holds."""
        return self._core is not None and self._core.registered

    @property
    def failures(self) -> int:
        """Tries without a registration, and registrations lost, since the start."""
        return self._core.failures if self._core is not None else 0

    @property
    def host(self) -> str:
        """Where it is, once its name was found."""
        return self._remote.host

    def ask(self, event: Ask | Over) -> None:
        """Pass on what a call asks."""
        if self._core is not None:
            self._core.handle(event, time.monotonic())
            self._drain()
        elif isinstance(event, Ask):
            silent = Admitted(event.call, None) if event.answering else None
            self._tell(silent or Denied(event.call, "not registered"))

    def close(self) -> None:
        """Take the registration back."""
        if self._looking is not None:
            self._looking.cancel()
        if self._core is not None:
            self._core.stop(time.monotonic())
            self._drain()
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._socket.close()

    async def _look(self) -> None:
        loop, foreign = asyncio.get_running_loop(), self._foreign
        while True:
            try:
                found = await loop.getaddrinfo(foreign.host, foreign.port, type=socket.SOCK_DGRAM)
                hosts = [str(one[4][0]) for one in found]
                usable = [host for host in hosts if self._own(":" in host) is not None]
                if usable:
                    await self._begin(Address(usable[0], foreign.port))
                    return
                why = "no address of ours is of its family"
            except OSError as error:
                why = error.strerror or str(error)
            log.warning("gatekeeper_failed", gatekeeper=foreign.host, reason=why)
            await asyncio.sleep(LOOK_AGAIN_S)

    def _own(self, ipv6: bool) -> str | None:
        return next((one for one in self._foreign.hosts if (":" in one) == ipv6), None)

    async def _begin(self, remote: Address) -> None:
        foreign, own = self._foreign, self._own(":" in remote.host) or ""
        self._remote = remote
        self._socket = RasSocket(
            lambda host, data: host == remote.host, self._advertised, self._heard
        )
        self._socket.start(bind_ras(own, 0), own)
        here = self._advertised.host(own, remote)
        self._core = Registrant(
            Membership(
                remote,
                Address(here, foreign.signalling_port),
                Address(here, self._socket.bound.port),
                foreign.aliases,
                foreign.endpoint,
                foreign.password,
                foreign.rate_bps,
                foreign.expires_s,
            ),
            self._entropy,
            lambda now: now + time.time() - time.monotonic(),
        )
        self._core.start(time.monotonic())
        self._drain()

    def _heard(self, came: Arrived) -> None:
        if self._core is not None:
            event = Heard(came.remote, came.local, came.data, time.time())
            self._core.handle(event, time.monotonic())
            self._drain()

    def _tick(self) -> None:
        self._timer = None
        if self._core is not None:
            self._core.tick(time.monotonic())
            self._drain()

    def _drain(self) -> None:
        assert self._core is not None
        assert self._socket is not None
        for output in self._core.poll():
            match output:
                case Datagram(remote, data):
                    self._socket.send(remote, data)
                case Standing():
                    self._stands(output)
                case Admitted() | Denied() | Dropped():
                    self._tell(output)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._core.deadline is not None:
            delay = max(0.0, self._core.deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _stands(self, fact: Standing) -> None:
        name = self._foreign.host
        if fact.registered:
            self._gate.partner(GUEST, self._remote.host)
            log.info("gatekeeper_registered", gatekeeper=name)
        else:
            self._gate.farewell(GUEST)
            log.warning(
                "gatekeeper_failed",
                gatekeeper=name,
                reason=fact.reason,
                again_in_s=round(fact.again_in_s),
            )
