"""What a plan is made of: senders, viewers and rooms as they are at one instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.media.allocation.cost import PACKET_BYTES, Cost, cost
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Demand
from sfu.media.allocation.rung import Rung, Why
from sfu.media.allocation.usual import Usual
from sfu.model import LineId, MemberId, SinkId, SourceId

UP, DOWN = True, False
SOUND_ONLY, STILL = -2, -1
"""Levels of a viewer below layer 0."""
LayerKey = tuple[MemberId, int]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One layer of a sender; rates in payload."""

    source: SourceId
    rid: str
    height: int
    fps: float
    usual: Usual
    packet_bytes: float = PACKET_BYTES
    temporals: int = 1
    fixed_bps: float = 0.0
    """What it sends whatever it is told; 0: it is steered."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a picture, lowest layer first."""

    member: MemberId
    line: LineId | None
    headers_bytes: int
    encodings: tuple[Encoding, ...]
    deaf: bool = False
    stoppable: bool = False

    def top(self, demand: Demand) -> int:
        """Return the layer a viewer asks for: the highest that is not too large for its place."""
        fits = [
            index
            for index, one in enumerate(self.encodings)
            if not demand.max_height or one.height <= demand.max_height
        ]
        return fits[-1] if fits else 0


@dataclass(frozen=True, slots=True)
class Stay:
    """Where a viewer stays who would otherwise make way for others."""

    sink: SinkId
    level: int
    worth: float
    """In the measure of `split`."""


@dataclass(slots=True)
class World:
    """All that a plan depends on."""

    senders: Mapping[MemberId, Sender]
    demands: tuple[Demand, ...]
    lines: Mapping[LineId, Encapsulation]
    free_bps: Mapping[tuple[LineId, bool], float]
    """For pictures, by line and direction."""
    has: Mapping[SinkId, int]
    """The level each viewer has had without a fall; a plan goes above it only where asked to."""
    kept: frozenset[LayerKey] = frozenset()
    """Layers that were watched until just now: they are still sent."""
    stays: frozenset[Stay] = frozenset()
    """Viewers who do not make way for others yet."""
    halved: frozenset[SinkId] = frozenset()
    """Viewers who see half the pictures now."""
    draining: frozenset[LineId] = frozenset()
    """Lines that were cut to let a queue go: what they bear after it nobody knows yet."""
    fell: frozenset[LineId] = frozenset()
    """Those of them that were cut just now: whether others follow nobody knows yet."""
    queued: frozenset[LineId] = frozenset()
    """Those of them whose queue stands or goes."""

    def cost(self, line: LineId | None, headers_bytes: int, encoding: Encoding) -> Cost | None:
        """Return what a layer costs on a line; None where nobody reckons."""
        wrap = self.lines.get(line) if line is not None else None
        if wrap is None:
            return None
        return cost(wrap, headers_bytes, encoding.fps, encoding.packet_bytes)


@dataclass(frozen=True, slots=True)
class Choice:
    """What one viewer is given by a plan."""

    level: int
    """A layer, `STILL` or `SOUND_ONLY`."""
    rung: Rung
    required_bps: int
    available_bps: int
    why: Why
    halved: bool = False
    """He sees half the pictures of his layer, others may see all."""


@dataclass(slots=True)
class Plan:
    """Who sees which layer, and what each layer may be."""

    choices: dict[SinkId, Choice] = field(default_factory=dict)
    rates: dict[LayerKey, float] = field(default_factory=dict)
    """Bit/s of payload of each layer that is watched."""
    shed: dict[LayerKey, float] = field(default_factory=dict)
    """What a layer may be while a queue goes and its viewers are sent half the pictures."""
    kept: set[LayerKey] = field(default_factory=set)
    """Layers for whose going on at their least there is room."""
    whys: dict[LayerKey, Why] = field(default_factory=dict)
    """What holds each of them."""
    wanted_bps: dict[LineId, float] = field(default_factory=dict)
    """What pictures would take of each line, towards its site, if all had all they ask for."""
