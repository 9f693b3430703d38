"""The server's decisions, wired as its shell wires them: estimators, allocation, wishes, routes.

::

    engine --departures, bytes--> LineEstimator (one a line and direction) --Estimate--> LineState
    feedback, reports -----------'        |  StartProbe                                     |
    sources measured --> Picture ---------|-----------------------------> Allocator <-------'
    speaker, places ---> Demand           v                                   |
    engine <-- Probe ---------------------'       Give -> route, Pace -> pacer, SetCaps -> sender,
    KeyframeRequests <-- Routed, Wanted, Arrived  Wants -> Limited, SoundStep -> who is forwarded
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import assert_never

from sfu.media.allocation.allocator import Allocator
from sfu.media.allocation.budget import Sound
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import (
    Capacity,
    Demand,
    DemandGone,
    Hearing,
    Layer,
    LineState,
    Picture,
)
from sfu.media.allocation.output import AllocationOrder, Give, Pace, SetCaps, SoundStep, Wants
from sfu.media.allocation.rung import Steer
from sfu.media.bwe import (
    Acked,
    Estimate,
    Heard,
    Limited,
    LineEstimator,
    Opposite,
    ProbeEnded,
    Received,
    Reported,
    StartProbe,
    StopProbe,
    Used,
)
from sfu.media.engine.pacer import Pacer, PictureClass
from sfu.media.keyframe import KeyframeRequests, Routed
from sfu.model import Codec as Algorithm
from sfu.model import LineId, MemberId, SinkId, SourceId
from tests.scenarios.browser import Browser
from tests.scenarios.clock import Clock
from tests.scenarios.codec import Codec
from tests.scenarios.engine import Engine, Line, Sink, Source
from tests.scenarios.member import Member
from tests.scenarios.packet import BROWSER_BYTES, OPUS_BYTES, Packet

TICK_US = 50_000
WINDOW_TICKS = 20
"""Layers are measured over a second."""
USABLE = 0.95
"""Paced to this share of a line before the allocator speaks."""


@dataclass
class Site:
    """What the wiring keeps of one line."""

    line: Line
    down: LineEstimator
    up: LineEstimator
    rate_up_bps: int
    rate_down_bps: int
    members: list[Member] = field(default_factory=list)
    sent_bytes: int = 0
    received_bytes: int = 0
    estimates: list[tuple[int, int, int]] = field(default_factory=list)
    """(when, down, up) of each tick."""
    paces: list[tuple[int, int]] = field(default_factory=list)
    cuts_us: list[int] = field(default_factory=list)
    probes: list[tuple[int, int, int]] = field(default_factory=list)


class Wiring:
    """One server, all rooms of it."""

    def __init__(self, clock: Clock, engine: Engine) -> None:
        self.clock, self.engine = clock, engine
        self.allocator = Allocator()
        self.sites: dict[LineId, Site] = {}
        self.members: dict[MemberId, Member] = {}
        self.pictures: dict[MemberId, tuple[Member, list[SourceId]]] = {}
        self.requests: dict[SourceId, KeyframeRequests] = {}
        self.asks: dict[SourceId, list[int]] = {}
        self.measured: dict[SourceId, deque[tuple[int, int]]] = {}
        self.heard: dict[MemberId, tuple[int, int]] = {}
        self.forwarded: dict[MemberId, int] = {}
        self.loudest: list[MemberId] = []
        """The latest speakers first."""
        self.orders: list[tuple[int, AllocationOrder]] = []
        self._reports: dict[MemberId, tuple[int, int]] = {}
        engine.on_keyframe = self._keyframe
        engine.on_feedback = self._feedback
        engine.on_report = self._report
        engine.on_sound = self._sound
        engine.hearers = self._hearers
        clock.every(TICK_US, self._tick)

    # ---- what is there

    def add_line(
        self, number: LineId, cells: Encapsulation, up_bps: int | None, down_bps: int | None
    ) -> None:
        """Know a line; None: nobody told its rate."""
        pacer = Pacer[tuple[Sink, Packet, int]](int(USABLE * down_bps)) if down_bps else None
        line = self.engine.lines[number] = Line(number, cells, pacer)
        down, up = LineEstimator(down_bps, cells), LineEstimator(up_bps, cells)
        self.sites[number] = Site(line, down, up, up_bps or 0, down_bps or 0)

    def join(self, member: Member, line: LineId) -> None:
        """Take a member in, before it sends anything."""
        self.members[member.name] = member
        self.engine.line_of[member.name] = self.engine.lines[line]
        self.sites[line].members.append(member)
        if not member.silent:
            self.loudest.append(member.name)
        sources = _sources(member)
        for source in sources:
            self.engine.sources[source] = Source(source, member)
            self.requests[source] = KeyframeRequests()
            self.asks[source], self.measured[source] = [], deque()
        if sources:
            self.pictures[member.name] = (member, sources)
        if isinstance(member, Browser):
            self.clock.every(100_000, lambda: self._feed_back(member))
        elif not member.silent:
            self.clock.every(20_000, lambda: self.engine.send_mix(member))

    def sense(self, member: Member, period_us: int) -> None:
        """Sample a codec's round trip actively: 64 bytes there and back."""

        def back(sent_us: int) -> None:
            site = self.sites[self.engine.line_of[member.name].line]
            rtt_s = (self.clock.now_us - sent_us) / 1e6
            site.down.handle(Reported(member.transport, None, None, rtt_s), self.clock.now)
            self._estimated(site)

        def ask() -> None:
            sent_us = self.clock.now_us
            self.engine.send_report(member, 64, lambda: member.report(64, back, sent_us))

        self.clock.every(period_us, ask)

    def place(
        self, sink: SinkId, viewer: Member, seen: MemberId, cls: PictureClass, height: int
    ) -> None:
        """Show one member in a place of another."""
        line = self.engine.line_of[viewer.name]
        if sink not in self.engine.sinks:
            self.engine.sinks[sink] = Sink(sink, viewer, line)
            viewer.watch(sink)
        self.engine.sinks[sink].picture_class = cls
        headers = viewer.headers_bytes
        demand = Demand(sink, viewer.name, line.line, seen, cls, height, headers_bytes=headers)
        self.allocator.handle(demand, self.clock.now)

    def unplace(self, sink: SinkId) -> None:
        """Empty a place."""
        self.allocator.handle(DemandGone(sink), self.clock.now)
        self.engine.route(sink, None, 7)

    # ---- what is heard

    def _hearers(self, speaker: Member) -> list[Member]:
        """Tell to whom a voice is forwarded: browsers hear the loudest others."""
        hearers = []
        for member in self.members.values():
            if member is speaker or not member.is_browser:
                continue
            many = self.forwarded.get(member.name, 3)
            others = [name for name in self.loudest if name != member.name][:many]
            if speaker.name in others:
                hearers.append(member)
        return hearers

    def _sound(self, member: Member, packet: Packet) -> None:
        self.heard[member.name] = (packet.sent_us, self.clock.now_us)

    def _feedback(self, member: Member, acked: Acked) -> None:
        site = self.sites[self.engine.line_of[member.name].line]
        self._tell_departures()
        site.down.handle(acked, self.clock.now)
        self._estimated(site)

    def _report(self, member: Member) -> None:
        """Reckon loss, jitter and round trip as a receiver report tells them."""
        site = self.sites[self.engine.line_of[member.name].line]
        ear, now_us = member.ear, self.clock.now_us
        begin, _ = self._reports.get(member.name, (0, 0))
        end = len(ear.delays_us)
        recent = ear.delays_us[begin:end]
        self._reports[member.name] = (end, now_us)
        if not recent:
            return
        came = [one for one in recent if one >= 0]
        loss = 1 - len(came) / len(recent)
        jitter = sum(abs(a - b) for a, b in pairwise(came)) / max(len(came), 1)
        rtt_us = (came[-1] if came else 0) + member.down.delay_us + member.up.delay_us
        rtt_us += member.up.lines[0].queue_us(now_us)
        report = Reported(member.transport, loss, jitter / 1e6, rtt_us / 1e6)
        site.down.handle(report, self.clock.now)
        self._estimated(site)

    def _keyframe(self, source: SourceId, event: object) -> None:
        requests = self.requests[source]
        requests.handle(event, self.clock.now)  # type: ignore[arg-type]
        self._ask(source, requests)

    def _ask(self, source: SourceId, requests: KeyframeRequests) -> None:
        member = self.engine.sources[source].member
        for _ in requests.poll():
            self.asks[source].append(self.clock.now_us)
            if isinstance(member, Browser):
                self.engine.send_report(member, 60, lambda: member.wish(source))
            elif isinstance(member, Codec) and not member.deaf:
                self.engine.send_report(member, 60, member.wish)

    def _feed_back(self, member: Browser) -> None:
        """Transport-cc feedback on what came from a browser."""
        come = self.engine.arrivals.pop(member.name, [])
        lost = member.up_lost()
        size = 60 + 2 * len(come)
        self.engine.send_report(member, size, lambda: member.fed_back(come, lost))

    # ---- each tick

    def _tick(self) -> None:
        if self.clock.now_us < self.engine.stalled_until_us:
            return
        now = self.clock.now
        self._measure()
        self._tell_departures()
        for site in self.sites.values():
            self._tick_site(site, now)
        for member, sources in self.pictures.values():
            self.allocator.handle(self._picture(member, sources), now)
        self.allocator.tick(now)
        for order in self.allocator.poll():
            self._obey(order)
        for sink, _ in self.engine.starved:
            source = self.engine.sinks[sink].source
            if source is not None:
                self._keyframe(source, Routed())
        self.engine.starved.clear()
        for source, requests in self.requests.items():
            if requests.deadline is not None:
                requests.tick(now)
                self._ask(source, requests)

    def _tell_departures(self) -> None:
        for line, sent in self.engine.departures:
            self.sites[line].down.handle(sent, self.clock.now)
        self.engine.departures.clear()

    def _measure(self) -> None:
        for source, window in self.measured.items():
            row = self.engine.sources[source]
            window.append((row.bytes, row.packets))
            if len(window) > WINDOW_TICKS + 1:
                window.popleft()

    def _tick_site(self, site: Site, now: float) -> None:
        line = site.line
        site.down.handle(Used(line.sent_bytes - site.sent_bytes), now)
        site.up.handle(Received(line.received_bytes - site.received_bytes), now)
        site.sent_bytes, site.received_bytes = line.sent_bytes, line.received_bytes
        for member in site.members:
            if member.name in self.heard:
                sent_us, arrived_us = self.heard.pop(member.name)
                site.up.handle(Heard(member.sound_source, sent_us, arrived_us), now)
        site.down.handle(Opposite(site.up.estimate.queue_s), now)
        site.up.handle(Opposite(site.down.estimate.queue_s), now)
        site.down.tick(now)
        site.up.tick(now)
        self._estimated(site)
        up, down = site.up.estimate, site.down.estimate
        site.estimates.append((self.clock.now_us, down.capacity_bps, up.capacity_bps))
        self.allocator.handle(self._state(site, up, down), now)

    def _estimated(self, site: Site) -> None:
        """Note a cut; do what the estimator asks about probes."""
        if site.estimates and site.down.estimate.capacity_bps < site.estimates[-1][1] * 0.99:
            site.cuts_us.append(self.clock.now_us)
            estimate = site.down.estimate
            last = site.estimates[-1]
            site.estimates.append((self.clock.now_us, estimate.capacity_bps, last[2]))
        for order in site.down.poll():
            match order:
                case StartProbe():
                    sink = next(self._probe_sinks(site), None)
                    if sink is None:
                        site.down.handle(ProbeEnded(), self.clock.now)
                        continue
                    site.probes.append((self.clock.now_us, order.rate_bps, order.duration_us))
                    self.engine.probe(site.line.line, sink, order.rate_bps, order.duration_us)
                case StopProbe():
                    site.line.probe = None
                case _:
                    assert_never(order)

    def _probe_sinks(self, site: Site) -> Iterator[SinkId]:
        return (
            sink.sink
            for sink in self.engine.sinks.values()
            if sink.line is site.line and sink.viewer.is_browser and sink.source is not None
        )

    def _state(self, site: Site, up: Estimate, down: Estimate) -> LineState:
        browsers = [one for one in site.members if one.is_browser]
        codecs = [one for one in site.members if not one.is_browser and not one.silent]
        for one in browsers:
            voice = Sound(OPUS_BYTES + BROWSER_BYTES, 50.0)
            voices = min(len(self.loudest) - 1, 3)
            hearing = Hearing(one.name, site.line.line, voices, voice)
            self.allocator.handle(hearing, self.clock.now)
        return LineState(
            site.line.line,
            site.line.encapsulation,
            Capacity(up.capacity_bps, up.queue_s, up.congested),
            Capacity(down.capacity_bps, down.queue_s, down.congested),
            sounds_down=tuple(_sound(one) for one in codecs),
            sounds_up=tuple(_sound(one) for one in (*codecs, *browsers)),
            browsers_down=len(browsers),
            browsers_up=len(browsers),
        )

    def _picture(self, member: Member, sources: list[SourceId]) -> Picture:
        layers = []
        for source in sources:
            window = self.measured[source]
            span_s = max(len(window) - 1, 1) * TICK_US / 1e6
            bps = (window[-1][0] - window[0][0]) * 8 / span_s
            packets = (window[-1][1] - window[0][1]) / span_s
            rid, height, most = "", 0, 0
            if isinstance(member, Browser):
                one = next(each for each in member.layers if each.source == source)
                rid, height, most = one.rid, one.height, one.most_bps
            elif isinstance(member, Codec):
                height, most = 720, member.offer_bps
            layers.append(Layer(source, rid, height, 25.0, int(bps), packets, most))
        steer = Steer.LAYERS if isinstance(member, Browser) else Steer.RATE
        line = self.engine.line_of[member.name].line
        return Picture(
            member.name,
            line,
            tuple(layers),
            Algorithm.VP8 if member.is_browser else Algorithm.H264,
            steer,
            member.headers_bytes,
        )

    # ---- what the allocator orders

    def _obey(self, order: AllocationOrder) -> None:
        self.orders.append((self.clock.now_us, order))
        match order:
            case Give():
                self._give(order)
            case SetCaps():
                self._set_caps(order)
            case Pace():
                pacer = self.engine.lines[order.line].pacer
                if pacer is not None:
                    pacer.rate_bps = max(order.rate_bps, 1)
                self.sites[order.line].paces.append((self.clock.now_us, order.rate_bps))
            case Wants():
                self.sites[order.line].down.handle(Limited(order.bps), self.clock.now)
            case SoundStep():
                self.forwarded[order.viewer] = order.forwarded
            case _:
                assert_never(order)

    def _give(self, order: Give) -> None:
        sink = self.engine.sinks[order.sink]
        before = sink.wanted or sink.source
        self.engine.route(order.sink, order.layer, order.temporal)
        if order.layer is not None and order.layer != before:
            self._keyframe(order.layer, Routed())

    def _set_caps(self, order: SetCaps) -> None:
        member = self.members[order.member]
        when_us = self.clock.now_us + member.down.delay_us + 5_000
        if isinstance(member, Browser):
            caps = {cap.rid: (cap.max_bps, cap.active) for cap in order.caps}
            self.clock.at(when_us, member.set_caps, caps)
        elif isinstance(member, Codec):
            cap = order.caps[0]
            self.clock.at(when_us, member.limit, cap.max_bps, cap.active)


def _sources(member: Member) -> list[SourceId]:
    if isinstance(member, Browser):
        return [layer.source for layer in member.layers]
    if isinstance(member, Codec) and member.source is not None:
        return [member.source]
    return []


def _sound(member: Member) -> Sound:
    return Sound(member.sound_bytes + member.headers_bytes, 50.0)
