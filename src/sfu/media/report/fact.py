"""What a peer's RTCP asks or tells, in our own nouns."""

from dataclasses import dataclass

from sfu.media.rtp.rtcp import TransportFeedback
from sfu.model import SinkId, Ssrc, TransportId


@dataclass(frozen=True, slots=True)
class PictureAsked:
    """The receiver of this sink cannot go on without a key frame: PLI or FIR, old or new."""

    sink: SinkId


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The receiver of this sink wants no more than this (TMMBR); it has its TMMBN."""

    sink: SinkId
    bps: int


@dataclass(frozen=True, slots=True)
class EstimateHeard:
    """The receiver believes its path bears this (REMB)."""

    transport: TransportId
    bps: int


@dataclass(frozen=True, slots=True)
class ArrivalsHeard:
    """Transport-wide feedback on what we sent."""

    transport: TransportId
    feedback: TransportFeedback


@dataclass(frozen=True, slots=True)
class ByeHeard:
    """The peer ends one of its streams."""

    transport: TransportId
    ssrc: Ssrc


Fact = PictureAsked | RateLimited | EstimateHeard | ArrivalsHeard | ByeHeard
