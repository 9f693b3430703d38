"""What the engine tells the server, in batches.  Times are microseconds of CLOCK_MONOTONIC."""

from dataclasses import dataclass

from sfu.model import Address, SinkId, SocketId, SourceId, Ssrc, TransportId


@dataclass(frozen=True, slots=True)
class DatagramReceived:
    """STUN or DTLS (RFC 7983); anything else from a stranger is dropped and counted."""

    socket: SocketId
    remote: Address
    payload: bytes
    at_us: int


@dataclass(frozen=True, slots=True)
class RtcpReceived:
    """A compound RTCP packet, authenticated and in the clear.  NACKs in it are answered already."""

    transport: TransportId
    payload: bytes
    at_us: int


@dataclass(frozen=True, slots=True)
class SourceAppeared:
    """An SSRC no source was set for; told once until it is set, some per transport at most."""

    transport: TransportId
    ssrc: Ssrc
    payload_type: int
    mid: str
    rid: str
    repaired_rid: str


@dataclass(frozen=True, slots=True)
class KeyframePassed:
    """A key frame of this source has begun to arrive."""

    source: SourceId
    at_us: int


@dataclass(frozen=True, slots=True)
class TransportLatched:
    """Media came from another address than signalled and was taken (`Latch`)."""

    transport: TransportId
    remote: Address
    rtcp: bool


@dataclass(frozen=True, slots=True)
class TelephoneEventReceived:
    """An RFC 4733 packet: `event` 0-9 digits, 10 star, 11 hash; its ends share `timestamp`."""

    source: SourceId
    event: int
    end: bool
    duration: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class SinkStarved:
    """The pacer of its line dropped what waited for a sink: it goes on with the next key frame."""

    sink: SinkId
    packets: int
    at_us: int


@dataclass(frozen=True, slots=True)
class SocketEnded:
    """A connection over TCP is over: nothing more comes or goes; its socket waits to be closed."""

    socket: SocketId


Event = (
    DatagramReceived
    | RtcpReceived
    | SourceAppeared
    | KeyframePassed
    | TransportLatched
    | TelephoneEventReceived
    | SinkStarved
    | SocketEnded
)
