"""The H.245 of one call, and the way it takes: a connection of its own, or the tunnel.

::

    listen --the peer connects--> opened ---.
    reach  --our connection is there------->|--> begin <--octets--> session --facts--> `learn`
    tunnelled: as the peer sends it --------'
        |--DEAF_S without a word of it--> `deaf`: listen, or reach; from the start

A peer that claims a tunnel, and throws away what comes in it, is left by the call's word.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.errors import PeerError
from sfu.model import Address, CallId
from sfu.signalling.h323.bearer import Bearer
from sfu.signalling.h323.fact import Fact
from sfu.signalling.h323.flow import Close, Connect, FlowId, FlowOrder, Listen, Send, Unlisten
from sfu.signalling.h323.session import Session
from sfu.signalling.h323.tpkt import write as frame
from sfu.signalling.h323.transport import may_be_reached

DEAF_S = 4.0
"""So long a peer may say nothing by H.245 in the tunnel that it claimed."""


@dataclass(slots=True)
class Conversation:
    """What is said by H.245 in one call."""

    call: CallId
    signalling: FlowId
    """The connection of its call signalling."""
    session: Session
    order: Callable[[FlowOrder], None]
    tell: Callable[[bytes], None]
    """Says one message in the tunnel."""
    learn: Callable[[Fact], None]
    bearer: Bearer = field(default_factory=Bearer)
    routed: bool = False
    """The call goes through the gatekeeper that we are registered at: H.245 may not."""
    over: bool = False
    _deaf_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """When time matters to it next."""
        due = [one for one in (self.session.deadline, self._deaf_at) if one is not None]
        return min(due, default=None)

    # ---- which way

    def listen(self, host: str) -> None:
        """Have the peer connect to us, at this address of ours."""
        self.order(Listen(self.call, host, self.routed))

    def reach(self, address: Address | None, host: str, *, moved: bool = False) -> None:
        """Connect to where the peer waits: on its own host, as nobody else asked for us.

        Of a call through our gatekeeper that may be another.  `moved`: the peer leaves the tunnel.
        """
        if address is None or self.bearer.tried or self.bearer.flow is not None:
            return
        if self.session.begun and not moved:
            return
        if not (self.routed and may_be_reached(address, host)):
            address = Address(host, address.port)
        self.order(Connect(self.bearer.dial(self.signalling, address), address))

    def connected(self, now: float) -> None:
        """Take in that the connection we opened is there."""
        self.bearer.came_through()
        self._begin_on_connection(now)

    def opened(self, flow: FlowId, now: float) -> None:
        """Take the peer's connection to our port."""
        left = flow if self.over else self.bearer.opened(flow)
        if left is not None:
            self.order(Close(left))
        if left == flow:
            return
        self._begin_on_connection(now, again=left is not None)

    def deaf(self, now: float) -> bool:
        """Tell, once, that nothing came by the tunnel: it is shut, to be gone on with elsewhere."""
        if self._deaf_at is None or now < self._deaf_at:
            return False
        self._deaf_at = None
        if self.bearer.tunnel and not self.bearer.heard and self.bearer.flow is None:
            self.bearer.tunnel, self.bearer.shut = False, True
        return self.bearer.shut

    def in_tunnel(self, now: float) -> None:
        """Speak in call signalling, from now on."""
        self.bearer.tunnel = True
        self.begin(now)

    def tunnelled(self, octets: bytes, now: float, *, taken: bool) -> None:
        """Take H.245 that came in call signalling: who sends it so is answered so.

        `taken`: the call is, so that there is something to say.
        """
        if not self.session.begun:
            if self.bearer.flow is not None:
                return  # beside a connection of its own
            if not taken:
                self.bearer.hold(octets)
                return
            self.in_tunnel(now)
        elif not self.bearer.open:
            self.bearer.tunnel, self.bearer.shut = True, False
        self.take(octets, now)

    # ---- what is said

    def begin(self, now: float) -> None:
        """Talk; what came before is answered now."""
        self.session.begin(now)
        if self.bearer.tunnel and not self.bearer.heard:
            self._deaf_at = now + DEAF_S
        self.flush()
        for octets in self.bearer.held():
            with contextlib.suppress(PeerError):
                self.take(octets, now)

    def take(self, octets: bytes, now: float) -> None:
        """Take one message of the peer; raise PeerError for what is none."""
        if self.over:
            return
        self.bearer.heard, self._deaf_at = True, None
        self.session.receive(octets, now)
        self.flush()

    def flush(self) -> None:
        """Send what H.245 says, tell what it means."""
        for octets in self.session.messages():
            self._carry(octets)
        for fact in self.session.facts():
            self.learn(fact)

    def _begin_on_connection(self, now: float, *, again: bool = False) -> None:
        """Talk; from the start, where nothing of what was said has been answered."""
        if self.session.begun and (again or not self.bearer.heard):
            self.session.begin_again(now)
        self.begin(now)

    def _carry(self, octets: bytes) -> None:
        if (flow := self.bearer.connection) is not None:
            self.order(Send(flow, frame(octets)))
        elif self.bearer.tunnel:
            self.tell(octets)

    # ---- the end

    def last_words(self) -> tuple[bytes, ...]:
        """End the talk; return what of it goes in the tunnel, beside the last of the call."""
        try:
            last = self.session.close()
        except PeerError:
            last = ()  # what cannot be said any more ends no less
        if (flow := self.bearer.connection) is None:
            return last if self.bearer.tunnel else ()
        for octets in last:
            self.order(Send(flow, frame(octets)))
        return ()

    def stop(self) -> None:
        """Let go what it has of connections and ports."""
        self.over = True
        self.order(Unlisten(self.call))
        if self.bearer.flow is not None:
            self.order(Close(self.bearer.flow))
