"""What rooms want of lines, in the words of allocation: pictures sent, places that show them.

::

    legs' layers + snapshot, a second each --> Picture   who sends what, as measured
    ShowPictures of a room ------------------> Demand    who wants whom in which place
    who was told to send and is not here yet -> both, for its first seconds
    descriptions ----------------------------> LineState, Hearing   speech, reserved first

Pictures between members whom no line binds are left alone: they are routed as ever.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from sfu.config import Room
from sfu.media.allocation.event import Capacity, Demand, Hearing, Layer, LineState, Picture
from sfu.media.allocation.rung import Steer
from sfu.media.engine.pacer import PictureClass
from sfu.media.engine.snapshot import Snapshot
from sfu.model import Codec, MemberId, Protocol, SinkId, SourceId
from sfu.shell.leg import Leg
from sfu.shell.limits import Meter
from sfu.shell.lines import AccessLine
from sfu.shell.picture_terms import Terms

BOUNDLESS_BPS = 10_000_000_000
"""A direction nobody reckons with."""
EQUAL_PICTURES = 2
"""So many pictures side by side are equal; of more the leader's goes first."""
USUAL_FPS = 30.0
USUAL_PRIORITY = Room.priority
ALIVE_S = 2.0


@dataclass(slots=True)
class _Measured:
    """A source's rates over the last second."""

    payload: Meter
    packets: Meter


class Gauge:
    """Measures what sources send."""

    def __init__(self) -> None:
        """Begin with nothing measured."""
        self._sources: dict[SourceId, _Measured] = {}

    def tick(self, snapshot: Snapshot) -> None:
        """Take the counters of an instant."""
        at_us = snapshot.engine.at_us
        for source, row in snapshot.sources.items():
            meters = self._sources.get(source)
            if meters is None:
                meters = self._sources[source] = _Measured(Meter(), Meter())
            meters.payload.read(row.bytes, at_us)
            meters.packets.read(row.packets, at_us)
        for source in self._sources.keys() - snapshot.sources.keys():
            del self._sources[source]

    def of(self, source: SourceId) -> tuple[int, float]:
        """Return bit/s of payload and packets a second."""
        meters = self._sources.get(source)
        if meters is None:
            return 0, 0.0
        return meters.payload.bps, meters.packets.bps / 8


def picture_of(
    leg: Leg, gauge: Gauge, snapshot: Snapshot, most_bps: int, usual_height: int
) -> Picture | None:
    """Return what a member sends, or is about to; None where no picture arrives."""
    now_us = snapshot.engine.at_us
    layers, codec = [], leg.picture_due(now_us / 1e6)
    for one in leg.streams.layers:
        row = snapshot.sources.get(one.source)
        alive = row is not None and now_us - row.last_arrival_us <= ALIVE_S * 1e6
        if row is not None and row.codec is not None:
            codec = row.codec
        bps, packets = gauge.of(one.source) if alive else (0, 0.0)
        lone = len(leg.streams.layers) == 1
        height = _height(one) or (usual_height if lone else 0)
        layers.append(
            Layer(
                one.source, one.rid, height, _fps(one), bps, packets, most_bps if lone else 0,
                one.temporals if row is not None and row.codec is Codec.VP8 else 1,
            )
        )  # fmt: skip
    if not layers or codec is None:
        return None
    line = leg.line.line if leg.line is not None and leg.line.known else None
    steer = Steer.LAYERS if leg.protocol is Protocol.WEBRTC else Steer.RATE
    headers = leg.voices().headers_up
    return Picture(
        leg.member, line, tuple(layers), codec, steer, headers, leg.told_bps, leg.stoppable
    )


def _height(layer: object) -> int:
    return int(getattr(layer, "height", 0))


def _fps(layer: object) -> float:
    return float(getattr(layer, "fps", 0)) or USUAL_FPS


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a viewer's screen and whom it shall carry."""

    sink: SinkId
    viewer: Leg
    member: MemberId


def foreseen(
    places: Iterable[tuple[SinkId, MemberId | None]], due: Sequence[MemberId]
) -> list[tuple[SinkId, MemberId | None]]:
    """Give a viewer's free places to those whose picture is about to come.

    So its sender is told the right layers and rates before its encoder starts, and never begins
    one that nobody will watch: each change later is another key frame in the worst moment.
    """
    held = list(places)
    if not due:
        return held
    shown = {member for _, member in held}
    coming = iter([member for member in due if member not in shown])
    return [(sink, next(coming, None) if member is None else member) for sink, member in held]


def demands_of(
    viewer: Leg, places: Iterable[tuple[SinkId, MemberId | None]], leader: MemberId | None,
    terms: Terms,
) -> list[Demand]:  # fmt: skip
    """Return what a viewer's places want, on these terms."""
    wanted = [(sink, member) for sink, member in places if member is not None]
    line = viewer.line.line if viewer.line is not None else None
    headers = viewer.voices().headers_down
    first = leader if any(member == leader for _, member in wanted) else None
    demands = []
    for sink, member in wanted:
        equal = len(wanted) <= EQUAL_PICTURES or first is None
        main = equal or member == first
        capability = viewer.capability
        bounds = (viewer.takes_bps, capability.video_bps, terms.most_bps)
        demands.append(
            Demand(
                sink, viewer.member, line, member,
                PictureClass.MAIN if main else PictureClass.THUMBNAIL,
                0, min(filter(None, bounds), default=0),
                terms.floor_bps or 0 if main else 0,
                USUAL_PRIORITY if terms.priority is None else terms.priority, headers,
            )
        )  # fmt: skip
    return demands


def line_state(
    line: AccessLine, down: Capacity, up: Capacity, legs: Iterable[Leg],
    mixed: Container[MemberId] = (),
) -> LineState:  # fmt: skip
    """Return a line with all speech of those behind it.

    `mixed` hear a mix in place of voices: allocation chose it and reckons with it itself.
    """
    behind = list(legs)
    voices = [leg.voices() for leg in behind]
    browsers = sum(leg.protocol is Protocol.WEBRTC for leg in behind)
    return LineState(
        line.line,
        line.encapsulation,
        up,
        down,
        tuple(
            sound
            for leg, one in zip(behind, voices, strict=True)
            if leg.member not in mixed
            for sound in one.down
        ),
        tuple(sound for one in voices for sound in one.up),
        browsers,
        browsers,
    )


def hearing_of(leg: Leg, others: int, forwarded: int, *, mixed: bool) -> Hearing | None:
    """Return what a browser hears forwarded; None for who hears the mix alone."""
    voice = leg.voices().forwarded
    if voice is None or leg.line is None or not forwarded:
        return None
    return Hearing(leg.member, leg.line.line, min(others, forwarded), voice, mixed)
