"""What a source's limit is told, and what it orders: see `source`."""

from dataclasses import dataclass, field
from enum import StrEnum


class Dialect(StrEnum):
    """Ways to tell a source its limit; the metric label `dialect`."""

    TMMBR = "tmmbr"
    REMB = "remb"
    REOFFER = "reoffer"


class Why(StrEnum):
    """What brought an order about."""

    LESS = "receivers_take_less"
    MORE = "receivers_take_more"
    SMALLER = "receivers_take_smaller_pictures"
    LARGER = "receivers_take_larger_pictures"
    EXCEEDED = "more_arrives_than_receivers_take"
    REPEATED = "not_noted"
    FORGOTTEN = "forgotten"
    UNANSWERED = "unanswered"
    DISOBEYED = "disobeyed"
    DEAF = "deaf"
    """It heeds no limit, and its line bears it no more: it shall send nothing."""
    ROOM = "room"
    """It may send again."""
    STOP_IGNORED = "stop_ignored"
    """It went on all the same, or gave up more than its own picture for it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Rate in bit/s of RTP payload, macroblocks per picture and per second; 0: no limit."""

    bps: int = 0
    fs: int = 0
    mbps: int = 0

    def within(self, other: "Shape") -> "Shape":
        """Return the lesser of both in each respect."""
        pairs = ((self.bps, other.bps), (self.fs, other.fs), (self.mbps, other.mbps))
        return Shape(*(min(a, b) if a and b else a or b for a, b in pairs))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The source shall send no more than this; all 0: the most its call allows."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Stopped:
    """The source shall send nothing, or may send again."""

    stopped: bool
    required_bps: int = 0
    available_bps: int = 0


@dataclass(frozen=True, slots=True)
class Described:
    """Descriptions were exchanged: what ours allows the source, and the dialects agreed."""

    shape: Shape
    most: Shape
    """The most a description of ours would allow it; its rate is not 0."""
    dialects: frozenset[Dialect] = frozenset()
    stopped: bool = False
    """The source was told to send nothing, and took that."""
    maimed: bool = False
    """It took that and gave up more: it would take no picture of ours, or no sound."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Our offer was refused; what was described stays."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A TMMBN came: the limit it holds for us, None if it holds none."""

    bps: int | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What arrives of the source, bit/s of payload, under which SSRC; 0, 0 while nothing does."""

    bps: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order is given: what the source may send as it was told, what is there for it."""

    required_bps: int
    available_bps: int
    why: Why


@dataclass(frozen=True, slots=True)
class SendTmmbr:
    """Limit it by TMMBR; bit/s of payload."""

    bps: int
    reason: Reason = field(compare=False)


@dataclass(frozen=True, slots=True)
class SendRemb:
    """Tell it by REMB, and again with each report; bit/s of payload."""

    bps: int
    reason: Reason = field(compare=False)


@dataclass(frozen=True, slots=True)
class Reoffer:
    """Offer it anew with these limits; `Described` or `Refused` follows."""

    shape: Shape
    reason: Reason = field(compare=False)
    stopped: bool = False
    """Ask for no picture at all."""


LimitEvent = Wanted | Stopped | Described | Refused | Noted | Measured
LimitOrder = SendTmmbr | SendRemb | Reoffer


def less(one: float, other: float) -> bool:
    """Tell whether one limit is below another; 0 is none."""
    return bool(one) and (one < other or not other)
