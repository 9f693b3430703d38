"""The shell of the SIP core: listeners, connections, one timer.

::

    UDP, TCP, TLS --Gate--Received--> UserAgent --CallEvent--> on_event
    order() ------------------------>          --Send, Connect--> sockets
                     one timer  <-- deadline
"""

import asyncio
import contextlib
import os
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from sfu.errors import UseError
from sfu.model import Address, CallId
from sfu.shell import dns
from sfu.shell.gate import Gate
from sfu.shell.tasks import spawn
from sfu.shell.tcp import StreamDoor, StreamEvents
from sfu.shell.tls import client_context, reload_chain, server_context
from sfu.shell.udp import Advertised, UdpListener
from sfu.signalling.call import CallEvent, CallOrder, HangUp, Reject
from sfu.signalling.sip.binding import Binding, BindingOrder, Drop, Keep, Remembered
from sfu.signalling.sip.flow import (
    Carrier,
    Connect,
    Connected,
    ConnectFailed,
    Flow,
    FlowClosed,
    Place,
    Received,
    Send,
    TurnedAway,
    literal,
)
from sfu.signalling.sip.guard import WrongPassword
from sfu.signalling.sip.limit import Admission, Rates
from sfu.signalling.sip.registrar import Registered, RegistrarFact, Unregistered
from sfu.signalling.sip.settings import SipSettings
from sfu.signalling.sip.trunk import TrunkChanged, TrunkReading
from sfu.signalling.sip.useragent import SipEvent, Start, Stop, UserAgent

POLITE_S = 1.0
"""How long a closing shell waits for the answers to its BYEs."""

_FURTHER_CHOICES = 8
"""How often the system is asked for another port that is free for UDP and for TCP."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where SIP is spoken; port 0 takes any free one, None none at all."""

    hosts: tuple[str, ...] = ("0.0.0.0",)
    port: int = 5060
    """UDP, and TCP where `tcp_port` does not say otherwise."""
    tls_port: int | None = 5061
    certificate: Path | None = None
    """PEM with key; without it there is no TLS listener."""
    key: Path | None = None
    public_host: str = ""
    """Address that peers shall be told; "" for the one they reached."""
    tcp_port: int | None = None
    """None: the port of UDP."""


class SipShell:
    """One SIP endpoint on real sockets."""

    def __init__(
        self,
        settings: SipSettings,
        listening: Listening,
        on_event: Callable[[CallEvent], None],
        *,
        on_registration: Callable[[RegistrarFact], None] | None = None,
        on_trunk: Callable[[TrunkChanged], None] | None = None,
        rates: Rates | None = None,
        on_binding: Callable[[BindingOrder], None] | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        new_call: Callable[[], CallId] | None = None,
    ) -> None:
        """Make the core; nothing is opened before `start`."""
        fresh = new_call or map(CallId, count(1)).__next__
        self._core = UserAgent(settings, entropy, fresh)
        self._listening = listening
        self._on_event = on_event
        self._on_registration = on_registration
        self._on_binding = on_binding
        self._on_trunk = on_trunk
        self._advertised = Advertised(listening.public_host)
        self.gate = Gate(rates or Rates(), self._core.expects, self._arrived)
        self.gate.on_block = self._block
        self._unblock: asyncio.TimerHandle | None = None
        self._source: Received | None = None
        """What the core is looking at."""
        events = StreamEvents(
            self._message,
            lambda flow, head: self._handle(TurnedAway(flow, head, 413)),
            lambda flow: self._handle(FlowClosed(flow)),
        )
        self._door = StreamDoor(self._advertised, events, client_context, self.gate)
        self._udp: list[UdpListener] = []
        self._inbox: deque[SipEvent] = deque()
        self._pumping = self._closed = False
        self._heard = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None
        self.addresses: list[tuple[Carrier, Address]] = []

    async def start(self) -> None:
        """Listen; raise UseError with one clear line where an address cannot be had."""
        if self._listening.certificate is not None:
            self._tls = server_context(self._listening.certificate, self._listening.key)
        try:
            for host in self._listening.hosts:
                await self._listen(host, self._tls)
        except BaseException:
            self._close_sockets()
            raise
        self._handle(Start())

    async def _listen(self, host: str, context: ssl.SSLContext | None) -> None:
        self.addresses += await self._listen_in_pairs(host)
        if context is not None and self._listening.tls_port is not None:
            tls = await self._door.listen(Carrier.TLS, host, self._listening.tls_port, context)
            self.addresses.append((Carrier.TLS, tls))

    async def _listen_in_pairs(self, host: str) -> list[tuple[Carrier, Address]]:
        """UDP and TCP share a port number unless told otherwise, also where the system chose it.

        What the system chose for UDP may be somebody's for TCP: then it chooses again.
        """
        port, tcp_port = self._listening.port, self._listening.tcp_port
        further = 0 if port or tcp_port else _FURTHER_CHOICES
        while True:
            udp = UdpListener(len(self._udp), self._advertised, self.gate.judge, self.gate.let_in)
            await udp.bind(host, port)
            self._udp.append(udp)
            try:
                tcp = await self._door.listen(Carrier.TCP, host, tcp_port or udp.bound.port, None)
            except UseError:
                if not further:
                    raise
                self._udp.pop().close()
                further -= 1
            else:
                return [(Carrier.UDP, udp.bound), (Carrier.TCP, tcp)]

    def configure(self, settings: SipSettings, rates: Rates) -> None:
        """Go by other accounts, networks and limits; who registered and calls is not asked again.

        Realm, domain and trunks stay what they were.
        """
        self._core.configure(settings)
        self.gate.configure(rates)

    def renew(self, certificate: Path, key: Path) -> None:
        """Show another certificate to who connects from now on; connections there are stay.

        Raises UseError where it cannot be used.
        """
        if self._tls is not None:
            reload_chain(self._tls, certificate, key)

    def order(self, order: CallOrder) -> None:
        """Have the core carry something out; may be called from within `on_event`."""
        if isinstance(order, Reject):
            self.gate.learn(order, self._source)
        self._handle(order)

    @property
    def connections(self) -> int:
        """How many TCP and TLS connections are open."""
        return len(self._door)

    def remember(self, binding: Binding) -> None:
        """Take back a binding of before a restart; call after `start`.

        A UDP flow is a socket and an address: it is made anew, so a unit behind NAT is reached by
        the hole its REGISTER opened.  A connection is gone with the process that held it: the unit
        is reached at its Contact, until it connects again.
        """
        flow = self._udp_flow_like(binding.flow) if not binding.flow.carrier.reliable else None
        known = replace(binding, flow=flow or binding.flow, flow_open=flow is not None)
        self._handle(Remembered(known))

    def trunks(self) -> list[TrunkReading]:
        """Show how our registrations at PBXs and providers stand."""
        return self._core.trunks(time.monotonic())

    async def close(self) -> None:
        """Hang up what lives, unregister, give the answers a moment, close all sockets."""
        live = self._core.calls
        for call in live:
            self._handle(HangUp(call))
        owed = bool(live) or any(one.registered for one in self.trunks())
        self._handle(Stop())
        until = time.monotonic() + POLITE_S
        while owed and self._core.waits_for_answers and time.monotonic() < until:
            self._heard.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), until - time.monotonic())
        self._closed = True
        self.gate.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unblock is not None:
            self._unblock.cancel()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for listener in self._udp:
            listener.close()
        self._door.close()

    def _block(self, sites: frozenset[str]) -> None:
        """Have the kernel drop these, and look again when the first may try again."""
        for listener in self._udp:
            listener.block(sites)
        if self._unblock is not None:
            self._unblock.cancel()
            self._unblock = None
        if self.gate.deadline is not None:
            delay_s = max(0.0, self.gate.deadline - time.monotonic())
            self._unblock = asyncio.get_running_loop().call_later(delay_s, self._look_again)

    def _look_again(self) -> None:
        self._unblock = None
        self.gate.tick()
        if self._unblock is None:
            self._block(self.gate.blocked)  # it came a moment too early

    def _message(self, flow: Flow, data: bytes) -> bool:
        """Take a message of a connection; False where its address shall rest."""
        admission = self.gate.judge(flow.remote.host, data)
        if admission is not Admission.DROP:
            self.gate.let_in(flow, data, admission)
        return admission is not Admission.DROP

    def _arrived(self, message: Received | TurnedAway) -> None:
        self._heard.set()
        self._handle(message)

    def _handle(self, event: SipEvent) -> None:
        """Feed the core; an event that arises meanwhile waits its turn."""
        self._inbox.append(event)
        if self._pumping or self._closed:
            return
        self._pumping = True
        try:
            while self._inbox:
                event = self._inbox.popleft()
                self._source = event if isinstance(event, Received) else None
                self._core.handle(event, time.monotonic())
                self._drain()
        finally:
            self._pumping, self._source = False, None
        self._arm()

    def _tick(self) -> None:
        self._timer = None
        self._core.tick(time.monotonic())
        self._pumping = True
        try:
            self._drain()
        finally:
            self._pumping = False
        if self._inbox:
            self._handle(self._inbox.popleft())
        self._arm()

    def _drain(self) -> None:
        for output in self._core.poll():
            match output:
                case Send(flow, data):
                    self._send(flow, data)
                case Connect():
                    self._connect(output)
                case WrongPassword():
                    self.gate.learn(output, self._source)
                case Registered() | Unregistered():
                    self.gate.learn(output, self._source)
                    if self._on_registration is not None:
                        self._on_registration(output)
                case Keep() | Drop():
                    if self._on_binding is not None:
                        self._on_binding(output)
                case TrunkChanged():
                    self.gate.learn(output, self._source)
                    if self._on_trunk is not None:
                        self._on_trunk(output)
                case _:
                    self.gate.learn(output, self._source)
                    self._on_event(output)

    def _arm(self) -> None:
        """Keep one timer for the whole core."""
        deadline = self._core.deadline
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = loop.call_later(delay, self._tick)

    def _send(self, flow: Flow, data: bytes) -> None:
        if flow.carrier is Carrier.UDP:
            if not data.startswith(b"SIP/2.0"):
                self.gate.asks(flow.remote.host)
            self._udp[flow.id].send(flow.remote, data)
        else:
            self._door.send(flow, data)

    def _connect(self, wish: Connect) -> None:
        hop = wish.hop
        if hop.carrier is Carrier.UDP and hop.port is not None and literal(hop.host):
            remote = Address(hop.host, hop.port)
            spent = Place(Carrier.UDP, remote) in wish.avoid
            flow = None if spent else self._udp_flow(remote)
            failed = ConnectFailed(wish.ticket, "no other place, or no socket of that family")
            self._inbox.append(Connected(wish.ticket, flow) if flow else failed)
            return
        spawn(f"sip connect {hop.host}", self._find(wish))

    async def _find(self, wish: Connect) -> None:
        """Tell the core in any case: it keeps what waits for this."""
        flow: Flow | None = None
        try:
            flow = await self._first_reachable(wish)
        finally:
            failed = ConnectFailed(wish.ticket, f"{wish.hop.host} cannot be reached")
            self._handle(Connected(wish.ticket, flow) if flow else failed)

    async def _first_reachable(self, wish: Connect) -> Flow | None:
        """Try the places a name stands for, one after the other."""
        for place in await dns.resolve(wish.hop):
            if place in wish.avoid:
                continue
            if place.carrier is Carrier.UDP:
                flow = self._udp_flow(place.address)
            else:
                flow = await self._door.connect(
                    place.carrier, place.address, wish.hop.host, verify=wish.hop.verify
                )
            if flow is not None:
                return flow
        return None

    def _udp_flow_like(self, old: Flow) -> Flow | None:
        """Return the flow from the same address of ours, else from any that reaches the peer."""
        flows = [one.flow_to(old.remote) for one in self._udp if one.takes(old.remote)]
        same = [flow for flow in flows if flow.local == old.local]
        return next(iter([*same, *flows]), None)

    def _udp_flow(self, remote: Address) -> Flow | None:
        for listener in self._udp:
            if listener.takes(remote):
                return listener.flow_to(remote)
        return None
