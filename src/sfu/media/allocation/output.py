"""What the allocator orders, each with its reason; said again only where it changed."""

from dataclasses import dataclass, field

from sfu.media.allocation.rung import Rung, Why
from sfu.model import LineId, MemberId, SinkId, SourceId


@dataclass(frozen=True, slots=True)
class Reason:
    """What would be needed and what is there, bit/s on the line that decides."""

    required_bps: int
    available_bps: int
    why: Why


@dataclass(frozen=True, slots=True)
class Give:
    """A sink carries this layer from now on; None: nothing."""

    sink: SinkId
    layer: SourceId | None
    temporal: int
    """Highest temporal layer forwarded; `temporal.ALL`: all."""
    rung: Rung
    reason: Reason = field(compare=False)


@dataclass(frozen=True, slots=True)
class Cap:
    """What one layer may be."""

    rid: str
    max_bps: int
    """Bit/s of payload; meaningless while not active."""
    active: bool
    max_fps: int | None = None


@dataclass(frozen=True, slots=True)
class SetCaps:
    """A sender shall send so much, lowest layer first; one cap for who has one encoding."""

    member: MemberId
    caps: tuple[Cap, ...]
    reason: Reason = field(compare=False)


@dataclass(frozen=True, slots=True)
class StopPicture:
    """A sender that heeds no limit shall send no picture at all, or send again."""

    member: MemberId
    stopped: bool
    reason: Reason = field(compare=False)
    """What its picture takes of the line it sends on, and what is there for it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """All we send down a line, sound included, stays below this."""

    line: LineId
    rate_bps: int


@dataclass(frozen=True, slots=True)
class Wants:
    """The capacity of a line, towards its site, with which everybody had all he asks for."""

    line: LineId
    bps: int


@dataclass(frozen=True, slots=True)
class SoundStep:
    """A viewer hears so many voices forwarded: 3, 1, or 0 and a mix in their place."""

    viewer: MemberId
    forwarded: int
    ptime_ms: int
    """Of the mix: 20, or 40 and 60 where the line bears no more."""
    max_bps: int
    """Of the mix's Opus; 0: as ever."""
    reason: Reason = field(compare=False)


AllocationOrder = Give | SetCaps | StopPicture | Pace | Wants | SoundStep
