"""The TCP connections of H.323 as the core knows them: numbers, and what is done with them."""

from dataclasses import dataclass
from typing import NewType

from sfu.model import Address, CallId

FlowId = NewType("FlowId", int)
"""One connection; odd numbers are chosen by the core (it dials), even ones by the shell."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A peer connected to our signalling port, or to the H.245 port of a call."""

    flow: FlowId
    remote: Address
    local: Address
    call: CallId | None = None
    """Set on an H.245 port."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A `Connect` of ours came through."""

    flow: FlowId
    local: Address


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes of a connection."""

    flow: FlowId
    data: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """A connection is over, or never came about."""

    flow: FlowId


@dataclass(frozen=True, slots=True)
class Listening:
    """The H.245 port of a call; None where no port was free."""

    call: CallId
    address: Address | None


FlowEvent = Opened | Connected | Received | Closed | Listening


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection."""

    flow: FlowId
    remote: Address


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes."""

    flow: FlowId
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection once what was sent is out."""

    flow: FlowId


@dataclass(frozen=True, slots=True)
class Listen:
    """Open an H.245 port for a call, reached by whom its signalling comes from."""

    call: CallId
    host: str
    """Our address on which the signalling came."""
    anyone: bool = False
    """Whoever connects first is taken: the peer stands behind a gatekeeper."""


@dataclass(frozen=True, slots=True)
class Unlisten:
    """Close the H.245 port of a call."""

    call: CallId


FlowOrder = Connect | Send | Close | Listen | Unlisten
