"""What carries the H.245 of one call: a connection of its own, or the tunnel.

::

    none --h245Address--> dialled --Connected--> open
      |---peer connects---------------------------^
      |---tunnelled H.245 comes, or we prefer it--> tunnel --peer connects, startH245--> open
                                                      |--nothing comes back--> shut (none again)

Where both told the other where to connect, and both did, who told the smaller address closes the
connection it opened (H.323 section 8.2.3).
"""

from dataclasses import dataclass, field
from ipaddress import ip_address

from sfu.model import Address
from sfu.signalling.h323.flow import FlowId
from sfu.signalling.h323.tpkt import Framer

OF_THEIRS, OF_OURS = 1 << 40, 1 << 41
"""Added to the number of a call's signalling, one it came on or one we opened; both give odd."""
EARLY_MAX = 32


@dataclass(slots=True)
class Bearer:
    """Which way H.245 goes."""

    flow: FlowId | None = None
    """Its connection, under way or open."""
    framer: Framer = field(default_factory=Framer)
    open: bool = False
    tunnel: bool = False
    """It goes in call signalling."""
    shut: bool = False
    """The tunnel was tried, and nothing came back by it: we say that there is none."""
    peer_tunnels: bool = False
    listens: Address | None = None
    """Where the peer was told to connect."""
    dialled: Address | None = None
    """Where we connect, or are connected."""
    heard: bool = False
    """The peer has spoken H.245."""
    tried: bool = False
    """We connected, or tried: once in a call, lest somebody have us knock at many doors."""
    _early: list[bytes] = field(default_factory=list)

    def dial(self, signalling: FlowId, address: Address) -> FlowId:
        """Name the connection to be opened, after that of the call's signalling."""
        ours = signalling % 2
        flow = FlowId(signalling + OF_OURS if ours else signalling + 1 + OF_THEIRS)
        self.flow, self.dialled, self.framer, self.tried = flow, address, Framer(), True
        return flow

    def came_through(self) -> None:
        """Take in that the connection we dialled is open."""
        self.open, self.tunnel = True, False

    def opened(self, flow: FlowId) -> FlowId | None:
        """Take the peer's connection; return the one that is left over, this or ours."""
        if self.flow is not None and (self.heard or not self._yields()):
            return flow
        left, self.flow, self.dialled = self.flow, flow, None
        self.open, self.tunnel, self.framer = True, False, Framer()
        return left

    def lost(self) -> bool:
        """Take in that the connection is over; True where nothing else can carry H.245."""
        crossed = self.dialled is not None and self.listens is not None and not self.heard
        self.flow, self.dialled, self.open = None, None, False
        return not (self.tunnel or crossed)

    def hold(self, octets: bytes) -> None:
        """Keep what was tunnelled before it was settled what carries H.245."""
        if len(self._early) < EARLY_MAX:
            self._early.append(octets)

    @property
    def early(self) -> bool:
        """Whether something was tunnelled before it was settled what carries H.245."""
        return bool(self._early)

    def held(self) -> list[bytes]:
        """Return what was kept, once; nothing where the tunnel was not taken."""
        early, self._early = self._early, []
        return early if self.tunnel else []

    @property
    def connection(self) -> FlowId | None:
        """The connection that carries it now, None where it is not open."""
        return self.flow if self.open else None

    def _yields(self) -> bool:
        """Tell whether it is for us to close the connection we opened."""
        if self.listens is None or self.dialled is None:
            return False
        return _octets(self.listens) < _octets(self.dialled)


def _octets(address: Address) -> bytes:
    return ip_address(address.host).packed + address.port.to_bytes(2)
