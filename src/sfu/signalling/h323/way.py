"""Which way the H.245 of one call is to go: what both sides said of it, and what follows.

::

    it tunnels, we prefer it ----> the tunnel --- not a word in it --> `leave_tunnel`
    it waits somewhere ----------> we connect
    neither ---------------------> we listen, and say where (Connect, or Facility startH245)
    its Setup named a place -----> we listen, and connect there if it does not come: `knock`

`conversation` does it; this decides.
"""

from dataclasses import dataclass

from sfu.model import Address
from sfu.signalling.h323.conversation import Conversation

KNOCK_S = 4.0
"""So long a caller whose Setup named a place for H.245 may take to connect to ours instead."""


@dataclass(slots=True)
class Way:
    """Decides for one call."""

    h245: Conversation
    prefers_tunnel: bool
    host: str
    """The peer's."""
    local: str = ""
    """Ours, as the peer reaches it."""
    named: Address | None = None
    """Where the caller waits for H.245, said before the call was taken."""
    offered: Address | None = None
    """Where it would wait as well, said in its Setup."""

    def claims(self, *, dialled: bool) -> bool:
        """Tell what holds now of the tunnel: H.245 goes there, or would be taken there.

        `dialled`: our Setup has not been answered, so that nobody knows what the peer can.
        """
        bearer = self.h245.bearer
        # a claim beside an h245Address has ooh323c wait for the tunnel that it has not itself
        both = bearer.peer_tunnels or dialled
        would = self.prefers_tunnel and both and bearer.flow is None and not bearer.shut
        return bearer.tunnel or would

    def heard(self, *, tunnelling: bool, connect: bool) -> None:
        """Take in what a message says of the tunnel."""
        bearer = self.h245.bearer
        # of all that says so, Connect is the last word (H.323 section 8.2.1)
        bearer.peer_tunnels = tunnelling or (bearer.peer_tunnels and not connect)

    # ---- a call that comes

    def choose(self) -> bool:
        """Begin to take a call; True where Connect need not wait for a port of ours."""
        if self.prefers_tunnel and self.h245.bearer.peer_tunnels:
            self.h245.bearer.tunnel = True
        else:
            self.listen()
        return self.h245.bearer.tunnel

    def bound(self, address: Address | None) -> bool:
        """Take in our port; False where there is none, and no other way."""
        bearer = self.h245.bearer
        if not (address or bearer.peer_tunnels or self.offered):
            return False
        bearer.tunnel = bearer.tunnel or (address is None and bearer.peer_tunnels)
        return True

    def connect_said(self, now: float, *, named: bool) -> float | None:
        """Go on after our Connect; return when to `knock`, if at all.

        `named`: it named a place of ours.
        """
        if self.h245.bearer.tunnel:
            self.h245.begin(now)
        self.h245.reach(self.named, self.host, moved=True)
        if self.offered is None or self.h245.bearer.tunnel:
            return None
        return now + (KNOCK_S if named else 0.0)

    def knock(self) -> bool:
        """Connect to where its Setup said that it waits, once; False where it named nothing."""
        offered, self.offered = self.offered, None
        self.h245.reach(offered, self.host)
        return offered is not None

    # ---- a call of ours

    def answered(self, address: Address | None, now: float) -> None:
        """Go on after its Connect."""
        bearer = self.h245.bearer
        tunnels = bearer.early or (bearer.peer_tunnels and self.prefers_tunnel)
        if address is None and tunnels:
            self.h245.in_tunnel(now)
        elif address is None and bearer.flow is None:
            self.listen()
        else:
            self.reach(address)

    # ---- either

    def listen(self) -> None:
        """Have the peer connect to us."""
        self.h245.listen(self.local)

    def reach(self, address: Address | None, *, moved: bool = False) -> None:
        """Connect to where the peer says that it waits."""
        self.h245.reach(address, self.host, moved=moved)

    def leave_tunnel(self) -> None:
        """Give H.245 a connection of its own: the peer claims a tunnel and ignores it."""
        offered, self.offered = self.offered, None
        if offered is not None:
            self.reach(offered, moved=True)
        else:
            self.listen()

    def lost(self) -> bool:
        """Take in that the connection of H.245 is over; True where nothing else can carry it."""
        bearer = self.h245.bearer
        if not bearer.lost():
            return False
        if not bearer.shut or bearer.listens is not None:
            return True
        self.leave_tunnel()
        return False
