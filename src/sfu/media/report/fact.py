"""What a peer's RTCP asks or tells, in our own nouns."""

from dataclasses import dataclass

from sfu.media.rtp.rtcp import Limit
from sfu.model import SinkId, SourceId, Ssrc, TransportId


@dataclass(frozen=True, slots=True)
class PictureAsked:
    """The receiver of this sink cannot go on without a key frame: PLI or FIR, old or new."""

    sink: SinkId


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The receiver of this sink wants no more than this (TMMBR); it has its TMMBN."""

    sink: SinkId
    bps: int
    """With `overhead` bytes of headers for each packet."""
    overhead: int = 40


@dataclass(frozen=True, slots=True)
class LimitNoted:
    """The sender of this source answered our TMMBR (TMMBN)."""

    source: SourceId
    limit: Limit | None
    """What it keeps to for us, None for nothing."""


@dataclass(frozen=True, slots=True)
class EstimateHeard:
    """The receiver believes its path bears this (REMB)."""

    transport: TransportId
    bps: int


@dataclass(frozen=True, slots=True)
class ArrivalsHeard:
    """Transport-wide feedback on what we sent."""

    transport: TransportId
    message: bytes
    """Behind its RTCP header, as it came: whoever estimates reads it."""


@dataclass(frozen=True, slots=True)
class ReceptionHeard:
    """How the peer receives a sink, by its latest report block."""

    transport: TransportId
    sink: SinkId
    loss: float
    """Of 1, since the block before."""
    jitter_s: float
    rtt_s: float | None
    """None where the block answers no sender report of ours."""


@dataclass(frozen=True, slots=True)
class ByeHeard:
    """The peer ends one of its streams."""

    transport: TransportId
    ssrc: Ssrc


Fact = (
    PictureAsked
    | RateLimited
    | LimitNoted
    | EstimateHeard
    | ArrivalsHeard
    | ReceptionHeard
    | ByeHeard
)
