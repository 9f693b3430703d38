"""Sites, senders and viewers in virtual time, for the tests of the allocator."""

from dataclasses import dataclass, field, replace

from sfu.media.allocation.allocator import TICK_S, Allocator
from sfu.media.allocation.budget import Sound, budget
from sfu.media.allocation.cost import cost
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import Capacity, Demand, Layer, LineState, Picture
from sfu.media.allocation.output import Cap, Give, SetCaps
from sfu.media.allocation.rung import Rung, Steer
from sfu.media.engine.pacer import PictureClass
from sfu.model import Codec, Framing, LineId, MemberId, SinkId, SourceId

ATM16 = Encapsulation(Framing.ATM, 16)
OPUS = Sound(142, 50)
"""Opus of 32 kbit/s at 20 ms from a browser: 85 kbit/s on that line."""
G722 = Sound(200, 50)
RIDS = {1: ("",), 2: ("l", "h"), 3: ("l", "m", "h")}


@dataclass(repr=False)
class Scene:
    """An allocator and all it was told and has ordered."""

    wrap: Encapsulation = ATM16
    allocator: Allocator = field(default_factory=Allocator)
    now: float = 0.0
    rates: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Up and down of each line."""
    sounds: dict[int, tuple[tuple[Sound, ...], tuple[Sound, ...], int]] = field(
        default_factory=dict
    )
    """Up, down and browsers of each line."""
    draining: set[int] = field(default_factory=set)
    """Lines with a queue towards their site."""
    pictures: dict[str, Picture] = field(default_factory=dict)
    demands: dict[int, Demand] = field(default_factory=dict)
    gives: dict[int, Give] = field(default_factory=dict)
    caps: dict[str, SetCaps] = field(default_factory=dict)
    log: list[tuple[float, object]] = field(default_factory=list)
    sink: int = 100

    def line(self, line, up=2_000_000, down=None, sounds=((OPUS,), (OPUS, OPUS), 1)):
        self.rates[line] = (up, up if down is None else down)
        self.sounds[line] = sounds

    def rate(self, line, bps):
        self.rates[line] = (bps, bps)

    def send(self, member, line, heights=(180, 360), steer=Steer.LAYERS, **layer):
        count = len(self.pictures) + 1
        measured = layer.pop("payload_bps", 0)
        layers = tuple(
            Layer(SourceId(10 * count + n), rid, height, 25.0, measured, measured / 8000, **layer)
            for n, (rid, height) in enumerate(zip(RIDS[len(heights)], heights, strict=True))
        )
        codec = Codec.VP8 if steer is Steer.LAYERS else Codec.H264
        self.pictures[member] = Picture(MemberId(member), line, layers, codec, steer)
        self.allocator.handle(self.pictures[member], self.now)

    def send_again(self, member, payload_bps):
        """State a sender anew with what was measured of its one stream."""
        before = self.pictures[member]
        layer = replace(before.layers[0], payload_bps=payload_bps, packets_per_s=payload_bps / 8000)
        self.pictures[member] = replace(before, layers=(layer,))
        self.allocator.handle(self.pictures[member], self.now)

    def watch(self, viewer, line, member, picture_class=PictureClass.MAIN, **more):
        self.sink += 1
        demand = Demand(
            SinkId(self.sink), MemberId(viewer), line, MemberId(member), picture_class, **more
        )
        self.demands[self.sink] = demand
        self.allocator.handle(demand, self.now)
        return self.sink

    def tick(self):
        for line, (up, down) in self.rates.items():
            above, below, browsers = self.sounds[line]
            state = LineState(
                LineId(line),
                self.wrap,
                Capacity(int(up)),
                Capacity(int(down), congested=line in self.draining),
                below,
                above,
                browsers,
                browsers,
            )
            self.allocator.handle(state, self.now)
        self.allocator.tick(self.now)
        for order in self.allocator.poll():
            self.log.append((self.now, order))
            if isinstance(order, Give):
                self.gives[order.sink] = order
            elif isinstance(order, SetCaps):
                self.caps[order.member] = order

    def run(self, seconds):
        """Let time pass; return what was ordered meanwhile."""
        before = len(self.log)
        for _ in range(round(seconds / TICK_S)):
            self.tick()
            self.now = round(self.now + TICK_S, 3)
        return [order for _, order in self.log[before:]]

    def __repr__(self) -> str:
        """Show what would be needed to play it again, in few lines."""
        senders = [
            f"{one.member}: {[each.height for each in one.layers]}"
            for one in self.pictures.values()
        ]
        viewers = [
            f"{one.viewer}<{one.member} {one.picture_class.name}" for one in self.demands.values()
        ]
        return f"Scene({self.rates}, {senders}, {viewers})"

    # ---- what came of it

    def cap(self, member, rid="") -> Cap:
        """Return the cap of a layer."""
        return next(one for one in self.caps[member].caps if one.rid == rid)

    def layer(self, sink) -> int | None:
        """Return the index of the layer a sink carries."""
        source = self.gives[sink].layer
        layers = self.pictures[self.demands[sink].member].layers
        return next((n for n, one in enumerate(layers) if one.source == source), None)

    def given_bps(self, line) -> float:
        """Return the line bits of all pictures given down a line, at what they were capped to."""
        total = 0.0
        for sink, demand in self.demands.items():
            index = self.layer(sink) if sink in self.gives else None
            # a still takes its moment from what is left
            still = sink in self.gives and self.gives[sink].rung is Rung.STILL
            if demand.line == line and index is not None and not still:
                cap = self.caps[demand.member].caps[index]
                total += cost(self.wrap, demand.headers_bytes, 25.0).bps(cap.max_bps)
        return total

    def sent_bps(self, line) -> float:
        """Return the line bits of all pictures sent up a line, as they were told."""
        return sum(
            cost(self.wrap, one.headers_bytes, 25.0).bps(cap.max_bps)
            for member, one in self.pictures.items()
            if one.line == line and member in self.caps
            for cap in self.caps[member].caps
            if cap.active
        )

    def room_bps(self, line, *, up) -> float:
        """Return what the budget leaves for pictures."""
        above, below, browsers = self.sounds[line]
        rate = self.rates[line][0 if up else 1]
        return budget(int(rate), self.wrap, above if up else below, browsers).picture_bps


def three_sites(rate=2_000_000):
    """The scene others were measured on: three browsers, each sees the two others."""
    scene = Scene()
    for site in (1, 2, 3):
        scene.line(site, rate)
        scene.send(f"m{site}", site)
    for site in (1, 2, 3):
        for other in (1, 2, 3):
            if other != site:
                scene.watch(f"m{site}", site, f"m{other}")
    return scene
