"""What an estimator is told and what it answers: see `estimator`."""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sfu.media.rtp.rtcp import TransportFeedback
from sfu.media.rtp.rtcp.transport_cc import TICK_US
from sfu.model import SourceId, TransportId

Path = Hashable
"""Whose clock dates one end of a delay: a transport or a source."""


class Wrapping(Protocol):
    """How a line wraps what it carries; `allocation.Encapsulation` is one."""

    def line_bytes(self, ip_bytes: int) -> int:
        """Return what a packet of so many bytes of IP takes on the line."""


class Why(StrEnum):
    """What the capacity was last set by; a label of the metrics."""

    CONFIGURED = "configured"
    """All of the line's rate."""
    START = "start"
    """Nothing is configured and nothing is known yet."""
    DELAY = "delay"
    """A queue grew or stood."""
    LOSS = "loss"
    """More was lost than any line's noise."""
    REPORTS = "reports"
    """Receiver reports showed a queue, or loss twice."""
    DRAINED = "drained"
    """The queue has gone: what went through it while it stood."""
    GROWTH = "growth"
    PROBE = "probe"
    """A probe went through."""


# ---- what it is told


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet with a transport-wide number left (a departure of the engine's log)."""

    transport: TransportId
    sequence: int
    size_bytes: int
    """UDP payload."""
    at_us: int
    ipv6: bool = False


@dataclass(frozen=True, slots=True)
class Acked:
    """Transport-cc feedback: what arrived when on the receiver's clock, None for not (yet)."""

    transport: TransportId
    arrivals: tuple[tuple[int, int | None], ...]
    """(sequence modulo 2**16, us; these may wrap after 2**32 ticks of 250 us)."""


@dataclass(frozen=True, slots=True)
class Fed:
    """Transport-cc feedback as it came: nobody has looked at its packets yet."""

    transport: TransportId
    message: bytes
    """Two SSRCs, base, count, reference time, number, statuses, deltas."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A receiver report of a leg, or another sample of its round trip; None for not told."""

    transport: TransportId
    loss: float | None
    """Of 1, since the report before."""
    jitter_s: float | None
    rtt_s: float | None


@dataclass(frozen=True, slots=True)
class Heard:
    """The latest packet of a sound that comes up this line: its RTP time and its arrival."""

    source: SourceId
    sent_us: int
    """RTP timestamp as microseconds, without its wrap."""
    arrived_us: int


@dataclass(frozen=True, slots=True)
class Used:
    """All line bytes sent down this line since the `Used` before."""

    line_bytes: int


@dataclass(frozen=True, slots=True)
class Received:
    """All line bytes that came up this line since the `Received` before."""

    line_bytes: int


@dataclass(frozen=True, slots=True)
class Opposite:
    """The queue of the line's other direction: round trips contain it."""

    queue_s: float


@dataclass(frozen=True, slots=True)
class Limited:
    """What allocation would like to send, line bit/s; probes only serve what waits for room."""

    wanted_bps: int
    may_probe: bool = True
    """False while somebody behind the line starts to share slides."""


@dataclass(frozen=True, slots=True)
class ProbeEnded:
    """No sink could carry the probe, or it went away: that says nothing of the line."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A leg or a source has gone."""

    path: TransportId | SourceId


Event = (
    Sent
    | Acked
    | Fed
    | Reported
    | Heard
    | Used
    | Received
    | Opposite
    | Limited
    | ProbeEnded
    | Closed
)


def acked(transport: TransportId, feedback: TransportFeedback) -> Acked:
    """Read the pairs out of one feedback message."""
    return Acked(
        transport,
        tuple(
            (feedback.base + n & 0xFFFF, None if ticks is None else ticks * TICK_US)
            for n, ticks in enumerate(feedback.arrivals)
        ),
    )


# ---- what it answers


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the line bears now."""

    capacity_bps: int
    """Line bit/s of everything we send (or receive) there, sound included; never above the
    configured rate."""
    queue_s: float
    """How long a packet waits in the line, less what cannot be helped."""
    loss: float
    """Of 1, smoothed."""
    congested: bool
    """From a cut until the queue has gone."""
    why: Why
    probed: bool = False
    """Whether the queue there is was left by a probe of ours."""
    proven_bps: int = 0
    """What a probe, or a queue that went, showed to get through since the last cut; 0: none."""


@dataclass(frozen=True, slots=True)
class StartProbe:
    """Raise what the line carries to this rate for so long."""

    rate_bps: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class StopProbe:
    """Send no more of it, at once."""


Output = StartProbe | StopProbe
