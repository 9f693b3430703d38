"""What the server tells the engine: each command but Transmits and Probe states what shall be.

Sending one twice changes nothing.  Sockets, transports, sources, sinks and lines are named by ids
we choose (uint32, never 0).  `wire.py` packs these for `native/engine.h`.
"""

from dataclasses import dataclass, field

from sfu.media.engine.pacer import PictureClass
from sfu.model import (
    Address,
    Codec,
    Component,
    Framing,
    Keys,
    Kind,
    Latch,
    LineId,
    SinkId,
    SocketId,
    SourceId,
    Ssrc,
    TransportId,
)


@dataclass(frozen=True, slots=True)
class Extensions:
    """RTP header extension ids of one transport, RFC 8285; 0 where not agreed."""

    mid: int = 0
    rid: int = 0
    repaired_rid: int = 0
    audio_level: int = 0
    transport_cc: int = 0
    abs_send_time: int = 0


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """The engine reads this bound (or connected) datagram descriptor from now on; it owns it."""

    socket: SocketId
    fd: int


@dataclass(frozen=True, slots=True)
class OpenTransport:
    """One peer: where its packets come from and go to.  Say it again to change an address."""

    transport: TransportId
    rtp_socket: SocketId
    rtcp_socket: SocketId
    """Equal to `rtp_socket` where RTCP is multiplexed (RFC 5761)."""
    remote: Address | None
    """Nothing is sent before this is known or latched (`Latch.CONNECTED` needs none)."""
    rtcp_remote: Address | None
    latch: Latch
    secure: bool
    """True: nothing passes either way before `SetKeys`."""
    extensions: Extensions = field(default_factory=Extensions)
    gso: bool = True
    """Segmentation offload; off for captures."""
    line: LineId | None = None
    """The line its packets take, set before; None: counted and paced nowhere.  Say it again with
    another one to move it."""
    group: int = 0
    """1 to 255: what meets shares a number, and so a thread of the engine; 0: any thread."""


@dataclass(frozen=True, slots=True)
class SetKeys:
    """SRTP and SRTCP keys of one direction."""

    transport: TransportId
    sending: bool
    keys: Keys
    component: Component = Component.BOTH
    """Whose keys these are, where RTP and RTCP each made their own."""


@dataclass(frozen=True, slots=True)
class SetSource:
    """A stream received on a transport."""

    source: SourceId
    transport: TransportId
    kind: Kind
    ssrc: Ssrc | None
    """None: whatever SSRC arrives with one of these payload types, also after it changes."""
    payloads: tuple[tuple[int, Codec], ...]
    """(payload type, codec); several numbers may carry one codec."""
    clock_hz: int
    nack: bool = False
    """Ask for lost packets (RFC 4585)."""
    rtx_ssrc: Ssrc | None = None
    rtx_payloads: tuple[tuple[int, int], ...] = ()
    """(RTX payload type, payload type it repairs), RFC 4588."""
    parameter_sets: tuple[bytes, ...] = ()
    """SPS and PPS known from `sprop-parameter-sets`, without start codes."""


@dataclass(frozen=True, slots=True)
class SetSink:
    """A stream sent on a transport."""

    sink: SinkId
    transport: TransportId
    kind: Kind
    ssrc: Ssrc
    payloads: tuple[tuple[Codec, int], ...]
    """(codec, payload type to send); a packet of another codec is dropped and counted."""
    clock_hz: int
    mid: str = ""
    """Sent in the `mid` extension where the transport has one."""
    single_nal: bool = False
    """The receiver knows H.264 packetization-mode 0 only (RFC 6184)."""
    rtx_ssrc: Ssrc | None = None
    rtx_payloads: tuple[tuple[int, int], ...] = ()
    """(payload type, RTX payload type).  Without: a NACK is answered by the stored packet."""
    history: int = 0
    """Packets kept to answer NACKs; 0 for none, rounded up to a power of two, at most 2048."""
    picture_class: PictureClass = PictureClass.MAIN
    """Which queue of its line a picture waits in; say it again to change it."""


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Which source a sink carries.

    Video changes over at the new source's next key frame, the old one going on until then;
    sound at once.  `source=None` stops the sink at once.  The sink's sequence numbers and
    timestamps go on without a gap whatever happens.
    """

    sink: SinkId
    source: SourceId | None
    temporal: int = 7
    """The highest temporal layer forwarded where the stream shows layers (VP8: TID, RFC 7741);
    7: all.  Down at once, up at the next picture from which more layers may be shown."""


@dataclass(frozen=True, slots=True)
class SetLine:
    """An access line: what its transports send is counted in line bytes and held to its rate."""

    line: LineId
    rate_bps: int
    """Line bits of everything sent down it, sound included; 0: count, do not pace."""
    framing: Framing
    overhead_bytes: int
    """Added to each IP packet (`media/allocation/encapsulation.py`)."""


@dataclass(frozen=True, slots=True)
class CloseLine:
    """Forget a line; its transports go on unpaced, what waits for it leaves at once."""

    line: LineId


@dataclass(frozen=True, slots=True)
class SetMarks:
    """DSCP values (RFC 2474, 0 to 63) written on each packet sent; 0: best effort."""

    sound: int = 0
    picture: int = 0
    slides: int = 0
    other: int = 0
    """RTCP, STUN, DTLS."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Raise what a line carries to `rate_bps` (line bits, all of it) for a while.

    Filled by RTX of what was sent lately, else padding, on the RTX stream of `sink`; nothing
    happens where the sink has none.  Bounded to 500 ms and 1.25 times the line's rate; another
    one replaces it, a rate of 0 stops it.
    """

    line: LineId
    sink: SinkId
    rate_bps: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Stop reading, close the descriptor; its transports must be closed before."""

    socket: SocketId


@dataclass(frozen=True, slots=True)
class CloseTransport:
    """Forget a transport with its keys, sources and sinks."""

    transport: TransportId


@dataclass(frozen=True, slots=True)
class CloseSource:
    """Forget a source; sinks that carried it fall silent."""

    source: SourceId


@dataclass(frozen=True, slots=True)
class CloseSink:
    """Forget a sink."""

    sink: SinkId


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send a datagram as it is: STUN, DTLS."""

    socket: SocketId
    remote: Address
    payload: bytes


@dataclass(frozen=True, slots=True)
class TransmitRtcp:
    """Send a compound RTCP packet, handed over plain; the engine protects it."""

    transport: TransportId
    payload: bytes


Command = (
    OpenSocket
    | OpenTransport
    | SetKeys
    | SetSource
    | SetSink
    | SetRoute
    | SetLine
    | SetMarks
    | Probe
    | CloseLine
    | CloseSocket
    | CloseTransport
    | CloseSource
    | CloseSink
    | Transmit
    | TransmitRtcp
)
