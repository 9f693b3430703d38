"""Senders as a plan sees them: measured figures held still, the deaf found out.

Figures of a second wobble; a plan made of them would too.  So frame rate, packet size and the rate
of who cannot be steered are taken in anew only when they moved for good.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sfu.media.allocation.cost import PACKET_BYTES
from sfu.media.allocation.event import Layer, Picture
from sfu.media.allocation.obedience import Obedience
from sfu.media.allocation.output import Cap
from sfu.media.allocation.rung import Steer
from sfu.media.allocation.usual import usual
from sfu.media.allocation.world import Encoding, Sender
from sfu.model import MemberId, SourceId

FPS = 25.0
HEIGHTS = (180, 360, 720)
"""Of simulcast layers, lowest first, where nobody told: our page halves from one to the next."""
PACKET_STEPS = (300.0, 500.0, 700.0, 900.0, PACKET_BYTES)
LARGE_BPS = 200_000
"""Below this most frames fit a packet, which then says nothing of how frames are cut."""
MOVED_FPS, MOVED_RATE = 1.3, 1.1


class Senders:
    """All who send a picture."""

    def __init__(self) -> None:
        """Know nobody."""
        self._pictures: dict[MemberId, Picture] = {}
        self._obedience: dict[MemberId, Obedience] = {}
        self._fps: dict[SourceId, float] = {}
        self._packets: dict[SourceId, float] = {}
        self._fixed: dict[SourceId, float] = {}
        self._made: dict[MemberId, Sender] = {}

    @property
    def deaf(self) -> frozenset[MemberId]:
        """Return who goes on sending more than he was told."""
        return frozenset(member for member, one in self._obedience.items() if one.deaf)

    def handle(self, picture: Picture, now: float, *, pressed: bool = False) -> None:
        """Take in what a member sends; `pressed`: there is a queue where it sends."""
        self._pictures[picture.member] = picture
        obedience = self._obedience.setdefault(picture.member, Obedience())
        if picture.told_bps:
            obedience.told(picture.told_bps, now)
        if picture.steerable is not Steer.NONE:
            sends_bps = sum(one.payload_bps for one in picture.layers)
            obedience.measured(sends_bps, now, pressed=pressed)
        alone = len(picture.layers) == 1 and picture.steerable is not Steer.NONE
        steered = picture.steerable is not Steer.NONE and not obedience.deaf
        self._made[picture.member] = Sender(
            picture.member,
            picture.line,
            picture.headers_bytes,
            tuple(
                self._encoding(
                    _sized(one, index, len(picture.layers)),
                    top=one is picture.layers[-1],
                    steered=steered,
                    alone=alone,
                )
                for index, one in enumerate(picture.layers)
            ),
            obedience.deaf or picture.steerable is Steer.NONE,
            picture.stoppable,
        )

    def told(self, member: MemberId, caps: Iterable[Cap], now: float) -> None:
        """Take in what a member was told."""
        picture = self._pictures.get(member)
        if picture is not None and picture.told_bps is None:
            # who knows rates only cannot be told to stop: it goes on at its least
            stops = self._pictures[member].steerable is Steer.LAYERS
            limit = sum(one.max_bps for one in caps if one.active or not stops)
            self._obedience[member].told(limit, now)

    def forget(self, member: MemberId) -> None:
        """Drop a member that sends no more."""
        picture = self._pictures.pop(member, None)
        self._obedience.pop(member, None)
        self._made.pop(member, None)
        for layer in picture.layers if picture else ():
            for held in (self._fps, self._packets, self._fixed):
                held.pop(layer.source, None)

    def view(self) -> Mapping[MemberId, Sender]:
        """Return all who send something."""
        return {member: one for member, one in self._made.items() if one.encodings}

    def _encoding(self, layer: Layer, *, top: bool, steered: bool, alone: bool) -> Encoding:
        usuals = usual(layer.height, top=top, max_bps=layer.max_bps, alone=alone)
        fixed = 0.0
        if steered:
            self._fixed.pop(layer.source, None)
        else:
            known = self._fixed.get(layer.source)  # who pauses goes on as before
            measured = float(layer.payload_bps) or known or layer.max_bps or usuals.good_bps
            fixed = self._hold(self._fixed, layer.source, measured, MOVED_RATE)
        return Encoding(
            layer.source,
            layer.rid,
            layer.height,
            self._hold(self._fps, layer.source, layer.fps or FPS, MOVED_FPS),
            usuals,
            self._packet_bytes(layer),
            layer.temporals,
            fixed,
        )

    def _packet_bytes(self, layer: Layer) -> float:
        """Return how frames seem to be cut; full packets until measured otherwise."""
        known = self._packets.setdefault(layer.source, PACKET_BYTES)
        if layer.payload_bps < LARGE_BPS or layer.packets_per_s <= 0:
            return known
        mean = layer.payload_bps / 8 / layer.packets_per_s
        # the last packet of a frame is not full: libwebrtc's mean lies at 0.75 to 1 of the largest
        step = next((one for one in PACKET_STEPS if mean <= 0.75 * one), PACKET_BYTES)
        if step > known and mean <= 0.85 * known:
            return known
        self._packets[layer.source] = step
        return step

    @staticmethod
    def _hold(held: dict[SourceId, float], source: SourceId, value: float, moved: float) -> float:
        known = held.get(source)
        if known is None or not known / moved <= value <= known * moved:
            held[source] = value
        return held[source]


def _sized(layer: Layer, index: int, count: int) -> Layer:
    """Give a simulcast layer of unknown height the usual one of its place."""
    if layer.height or count == 1:
        return layer
    return replace(layer, height=HEIGHTS[min(index, len(HEIGHTS) - 1)])
