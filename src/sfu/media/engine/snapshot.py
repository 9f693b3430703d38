"""Numbers of one instant, copied from the engine between two batches.

Counters run from the opening of the thing they count; `level_dbov` and the two logs from the
snapshot before.  Times are microseconds of CLOCK_MONOTONIC, 0 for never.  Rows that may be hundreds
are named tuples, made in a third of the time: 20 times a second.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from sfu.model import Codec, LineId, SinkId, SocketId, SourceId, Ssrc, TransportId

LATENCY_BUCKETS_US = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000)
"""Upper bounds of the forwarding latency histogram; one more bucket holds the rest."""


@dataclass(frozen=True, slots=True)
class EngineRow:
    """The engine itself."""

    at_us: int
    realtime: bool
    """Whether its threads run under SCHED_FIFO."""
    events_lost: int
    latency_counts: tuple[int, ...]
    """Forwarded packets by time from the kernel's receive stamp to after the send call."""
    latency_sum_us: int
    threads: int = 1
    handed_lost: int = 0
    """Packets one thread had for another and found no room."""


class SocketRow(NamedTuple):
    """A datagram socket."""

    socket: SocketId
    received_packets: int
    received_bytes: int
    sent_packets: int
    sent_bytes: int
    unknown_packets: int
    """From strangers, or of no protocol we know."""
    kernel_dropped: int
    send_errors: int
    gso_packets: int


class TransportRow(NamedTuple):
    """A peer."""

    transport: TransportId
    received_packets: int
    received_bytes: int
    sent_packets: int
    sent_bytes: int
    received_rtcp: int
    sent_rtcp: int
    auth_failed: int
    replayed: int
    refused: int
    """Malformed, or from an address the latch does not allow."""
    last_received_us: int
    """Last valid RTP or RTCP."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A stream received; the RFC 3550 appendix A figures among them."""

    source: SourceId
    transport: TransportId
    ssrc: Ssrc
    """0 before the first packet."""
    codec: Codec | None
    packets: int
    bytes: int
    lost: int
    """Cumulative, may fall when late packets arrive."""
    highest_sequence: int
    """Extended: cycles in the upper 16 bits."""
    jitter: int
    """RTP clock units."""
    last_timestamp: int
    last_arrival_us: int
    keyframes: int
    level_dbov: int
    """Loudest RFC 6464 level since the snapshot before: 0 loudest, 127 silent or unknown."""
    nacks_sent: int
    repaired: int
    """Packets that came by RTX."""
    recovered: int = 0
    """Lost sounds taken out of the packet behind them (RFC 2198)."""


class SinkRow(NamedTuple):
    """A stream sent."""

    sink: SinkId
    transport: TransportId
    source: SourceId | None
    """What it carries now; another may wait for a key frame."""
    waiting: bool
    """A source waits for its key frame."""
    ssrc: Ssrc
    packets: int
    octets: int
    """Payload octets, as a sender report counts them."""
    last_timestamp: int
    last_sent_us: int
    timestamp_offset: int
    """Sent timestamp less the source's, modulo 2**32."""
    nacks_received: int
    retransmitted: int
    dropped: int
    """Packets of a codec the sink does not know or that cannot be cut to fit it."""
    redundant: int = 0
    """Packets that held the sound before beside their own (RFC 2198)."""


class LineRow(NamedTuple):
    """An access line; all bytes are line bytes, RTCP, STUN and DTLS counted."""

    line: LineId
    sent_bytes: int
    sound_bytes: int
    """Of those sent, the sound."""
    received_bytes: int
    waiting_packets: int
    """Of pictures, in the pacer, now."""
    waiting_bytes: int
    worst_wait_us: int
    """In the pacer, of what left since the snapshot before."""
    dropped_packets: int
    """Of pictures that never left, since the start."""
    probe_bytes: int
    """Of those sent, what was sent to prove room."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows of one instant."""

    engine: EngineRow
    sockets: dict[SocketId, SocketRow] = field(default_factory=dict)
    transports: dict[TransportId, TransportRow] = field(default_factory=dict)
    sources: dict[SourceId, SourceRow] = field(default_factory=dict)
    sinks: dict[SinkId, SinkRow] = field(default_factory=dict)
    arrivals: bytes = b""
    """Packets with a transport-wide sequence number that came, `layout.LOG_ROW` each."""
    departures: bytes = b""
    """Those that were sent, likewise."""
    lines: dict[LineId, LineRow] = field(default_factory=dict)
