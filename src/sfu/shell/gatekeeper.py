"""The shell of the gatekeeper: its sockets, its timer, what the house hears of registrations.

::

    RasDoor --Heard--> Gatekeeper --Datagram--> RasDoor
      one timer <-- deadline   `--Enrolled, Left--> on_fact, and the gate: who is registered
                                                    competes with no stranger
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sfu.model import Address
from sfu.shell.gate import Gate
from sfu.shell.rasdoor import RasDoor
from sfu.shell.rassocket import Arrived
from sfu.shell.udp import Advertised
from sfu.signalling.h323 import per
from sfu.signalling.h323.gatekeeper import Gatekeeper
from sfu.signalling.h323.zonefact import (
    Datagram,
    Enrolled,
    Heard,
    Left,
    Questions,
    Refused,
    WrongPassword,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Zone:
    """Where RAS is spoken; port 0 takes any free one."""

    name: str = "sfu"
    """gatekeeperIdentifier."""
    hosts: tuple[str, ...] = ("0.0.0.0",)
    port: int = 1719
    signalling_port: int = 1720
    public_host: str = ""
    """Address that units shall be told; "" for the one they reached."""
    ttl_s: int = 120
    discovery: bool = False
    """Listen for who looks for a gatekeeper by multicast."""


class GatekeeperShell:
    """Our gatekeeper on real sockets."""

    def __init__(
        self,
        zone: Zone,
        gate: Gate,
        questions: Questions,
        on_fact: Callable[[Enrolled | Left], None],
        entropy: Callable[[int], bytes] = os.urandom,
        calendar: Callable[[], float] = time.time,
    ) -> None:
        """Make the core; nothing is opened before `start`."""
        self._zone, self._gate, self._on_fact = zone, gate, on_fact
        self._calendar = calendar
        self._core = Gatekeeper(zone.name, questions, entropy, zone.ttl_s, zone.signalling_port)
        self._door = RasDoor(gate, Advertised(zone.public_host), self._heard)
        self._timer: asyncio.TimerHandle | None = None
        self.addresses: list[Address] = []

    async def start(self) -> None:
        """Load the ASN.1 and listen; UseError of one line where an address cannot be had."""
        per.load()
        try:
            for host in self._zone.hosts:
                self.addresses.append(await self._door.listen(host, self._zone.port))
            if self._zone.discovery:
                await self._door.discover()
        except BaseException:
            self._door.close()
            raise

    def __len__(self) -> int:
        """Count the endpoints registered."""
        return len(self._core.zone)

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """Requests since the start, by kind and outcome."""
        return self._core.counts

    def knows(self, host: str) -> bool:
        """Tell whether an endpoint is registered from a host."""
        return any(one.ras.host == host for one in self._core.zone)

    def prefix(self, number: str) -> Address | None:
        """Return the address of the endpoint a number goes by, None for none."""
        found = self._core.zone.find(number)
        return found.signalling if found is not None else None

    def close(self) -> None:
        """Stop listening; units notice, and register anew when we are back."""
        if self._timer is not None:
            self._timer.cancel()
        self._door.close()

    def _heard(self, came: Arrived) -> None:
        event = Heard(came.remote, came.local, came.data, self._calendar(), came.multicast, came.at)
        self._core.handle(event, time.monotonic())
        self._drain()

    def _tick(self) -> None:
        self._timer = None
        self._core.tick(time.monotonic())
        self._drain()

    def _drain(self) -> None:
        for output in self._core.poll():
            match output:
                case Datagram(remote, data, source):
                    self._door.send(remote, data, source)
                case Enrolled():
                    self._gate.welcome(output.identifier, output.signalling.host)
                    self._on_fact(output)
                case Left():
                    self._gate.farewell(output.identifier)
                    self._on_fact(output)
                case WrongPassword(host, account):
                    self._gate.wrong_password(host, account)
                case Refused(host, request, why):
                    log.debug("h323_request_refused", remote=host, request=request, why=why)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._core.deadline is not None:
            delay = max(0.0, self._core.deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)
