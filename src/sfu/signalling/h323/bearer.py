"""What carries the H.245 of one call: a connection of its own, or the tunnel.

::

    none --h245Address--> dialled --Connected--> open
      |---peer connects---------------------------^
      |---tunnelled H.245 comes, or we prefer it--> tunnel --peer connects--> open
"""

from dataclasses import dataclass, field

from sfu.signalling.h323.flow import FlowId
from sfu.signalling.h323.tpkt import Framer


@dataclass(slots=True)
class Bearer:
    """Which way H.245 goes."""

    flow: FlowId | None = None
    """Its connection, under way or open."""
    framer: Framer = field(default_factory=Framer)
    open: bool = False
    tunnel: bool = False
    """It goes in call signalling."""
    peer_tunnels: bool = False

    def dial(self, signalling: FlowId) -> FlowId:
        """Name the connection to be opened, after that of the call's signalling."""
        self.flow = FlowId(signalling + (2 << 20))
        return self.flow

    def opened(self, flow: FlowId) -> bool:
        """Take the peer's connection; False where there is one."""
        if self.flow is not None:
            return False
        self.flow, self.open, self.tunnel = flow, True, False
        return True

    def lost(self) -> bool:
        """Take in that the connection is over; True where nothing else carries H.245."""
        self.flow, self.open = None, False
        return not self.tunnel

    @property
    def connection(self) -> FlowId | None:
        """The connection that carries it now, None where it is not open."""
        return self.flow if self.open else None
