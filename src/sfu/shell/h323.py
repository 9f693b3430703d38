"""The shell of the H.323 core: its connections, one timer, what one address may ask.

::

    H323Door --Opened, Received--> H323UserAgent --CallEvent--> on_event
    order() ---------------------->             --Send, Connect, Listen--> H323Door
                       one timer  <-- deadline
"""

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

from sfu.errors import PeerError
from sfu.model import Address, CallId
from sfu.shell.gate import WRONG_NUMBER, Gate
from sfu.shell.h323door import H323Door
from sfu.shell.registrant import Foreign, RegistrantShell
from sfu.shell.udp import Advertised
from sfu.signalling.call import (
    CallEnded,
    CallEvent,
    CallOffered,
    CallOrder,
    Dial,
    HangUp,
    Reject,
)
from sfu.signalling.h323 import per
from sfu.signalling.h323.asking import Admitted, Ask, Denied, Dropped, Over
from sfu.signalling.h323.flow import (
    Close,
    Connect,
    FlowEvent,
    Listen,
    Listening,
    Send,
    Unlisten,
)
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.useragent import H323UserAgent, read_uri

POLITE_S = 1.0
"""How long a closing shell waits for what it said last to be read."""


def available() -> bool:
    """Tell whether the ASN.1 library is installed: `pip install '.[h323]'`."""
    return find_spec("pycrate_asn1dir") is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where H.323 is spoken; port 0 takes any free one."""

    hosts: tuple[str, ...] = ("0.0.0.0",)
    port: int = 1720
    h245_ports: range = range(22_000, 22_200)
    public_host: str = ""
    """Address that peers shall be told; "" for the one they reached."""
    tunnelling: bool = False
    """Prefer H.245 in call signalling to a connection of its own."""
    prefixes: tuple[str, ...] = ()
    """With which numbers begin that a foreign gatekeeper sends us."""


class H323Shell:
    """One H.323 endpoint on real sockets."""

    def __init__(
        self,
        name: str,
        place: Place,
        gate: Gate,
        on_event: Callable[[CallEvent], None],
        new_call: Callable[[], CallId],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Make the core; nothing is opened before `start`.

        `gate` and `new_call` are those of SIP: an address has one share, a call one id.
        """
        us = Endpoint("mcu", True, "sfu", version("sfu"))
        self._core = H323UserAgent(
            Identity(name, us, place.tunnelling, place.prefixes), entropy, new_call
        )
        self._core.may_call = gate.may_call
        self._place = place
        self._gate = gate
        self._on_event = on_event
        self._door = H323Door(gate, Advertised(place.public_host), place.h245_ports, self._handle)
        self._peers: dict[CallId, str] = {}
        self._registrant: RegistrantShell | None = None
        self._inbox: deque[FlowEvent | CallOrder | Admitted | Denied] = deque()
        self._pumping = self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self.addresses: list[Address] = []

    async def start(self) -> None:
        """Load the ASN.1 and listen; UseError of one line where an address cannot be had."""
        per.load()
        try:
            for host in self._place.hosts:
                self.addresses.append(await self._door.listen(host, self._place.port))
        except BaseException:
            self._door.stop()
            raise

    def join(self, foreign: Foreign, ours: Callable[[str], bool]) -> RegistrantShell:
        """Register at a foreign gatekeeper, and ask it about calls.

        `ours` tells whether a host is an endpoint of our own gatekeeper: its calls are ours alone.
        """
        registrant = RegistrantShell(foreign, self._gate, self._answered)
        self._registrant = registrant
        self._core.dials_numbers = True
        self._core.routes = lambda host: host == registrant.host
        self._core.asks = lambda host: registrant.registered and not ours(host)
        registrant.start()
        return registrant

    def _answered(self, answer: Admitted | Denied | Dropped) -> None:
        if isinstance(answer, Dropped):
            self._handle(HangUp(answer.call))
            return
        if isinstance(answer, Admitted) and answer.signalling is not None:
            known = self._peers.get(answer.call)
            if known == "":  # a call of ours, which had no address yet
                self._peers[answer.call] = answer.signalling.host
        self._handle(answer)

    def order(self, order: CallOrder) -> None:
        """Have the core carry something out; may be called from within `on_event`."""
        if isinstance(order, Dial):
            self._peers[order.call] = ""
            with contextlib.suppress(PeerError):  # the core tells of it, or asks a gatekeeper
                self._peers[order.call] = read_uri(order.uri)[0].host
        elif isinstance(order, Reject) and order.status in WRONG_NUMBER:
            self._gate.wrong_number(self._peers.get(order.call, ""))
        self._handle(order)

    def owns(self, call: CallId) -> bool:
        """Tell whether a call goes by H.323."""
        return call in self._peers

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._door)

    async def close(self) -> None:
        """Hang up what lives, give the last words a moment, close all sockets."""
        self._door.stop()
        for call in list(self._peers):
            self._handle(HangUp(call))
        if self._registrant is not None:
            self._registrant.close()
        await self._door.drained(POLITE_S)
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._door.abort()

    def _handle(self, event: FlowEvent | CallOrder | Admitted | Denied) -> None:
        """Feed the core; an event that arises meanwhile waits its turn."""
        self._inbox.append(event)
        if self._pumping or self._closed:
            return
        self._pump()

    def _pump(self) -> None:
        self._pumping = True
        try:
            while self._inbox:
                self._core.handle(self._inbox.popleft(), time.monotonic())
                self._drain()
        finally:
            self._pumping = False
        self._arm()

    def _tick(self) -> None:
        self._timer, self._pumping = None, True
        try:
            self._core.tick(time.monotonic())
            self._drain()
        finally:
            self._pumping = False
        self._pump()

    def _drain(self) -> None:
        for output in self._core.poll():
            match output:
                case Send(flow, data):
                    self._door.send(flow, data)
                case Connect(flow, remote):
                    self._door.connect(flow, remote)
                case Close(flow):
                    self._door.close_flow(flow)
                case Listen(call, host, anyone):
                    peer = self._peers.get(call, "")
                    bound = self._door.listen_for(call, host, peer, anyone=anyone)
                    self._inbox.append(Listening(call, bound))
                case Unlisten(call):
                    self._door.unlisten(call)
                case Ask() | Over():
                    if self._registrant is not None:
                        self._registrant.ask(output)
                case _:
                    self._tell(output)

    def _tell(self, event: CallEvent) -> None:
        match event:
            case CallOffered():
                self._peers[event.call] = event.source.host
                self._gate.welcome(event.call, event.source.host)
            case CallEnded():
                self._peers.pop(event.call, None)
                self._gate.learn(event, None)
        self._on_event(event)

    def _arm(self) -> None:
        """Keep one timer for the whole core."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._core.deadline
        if deadline is not None and not self._closed:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)
