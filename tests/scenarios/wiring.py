"""The server's decisions, wired as `shell/sharing.py` and `shell/estimates.py` wire them.

::

    engine --departures, bytes--> LineEstimator (one a line) ------Estimate------> LineState
    feedback, reports -----------'        |  StartProbe, StopProbe                    |
    sources measured --> Picture ---------|-------------------------> Allocator <-----'
    speaker, places ---> Demand           v                               |
    engine <-- Probe ---------------------'   Give -> route, Pace -> pacer, SetCaps -> sender,
    KeyframeRequests <-- Routed, Wanted, Arrived   Wants -> Limited, SoundStep -> who is forwarded
"""

from dataclasses import dataclass, field
from typing import assert_never

from sfu.media.allocation.allocator import Allocator
from sfu.media.allocation.budget import USE, Sound
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.event import (
    Capacity,
    Demand,
    DemandGone,
    Hearing,
    LineState,
    PictureGone,
)
from sfu.media.allocation.output import (
    AllocationOrder,
    Give,
    Pace,
    SetCaps,
    SoundStep,
    StopPicture,
    Wants,
)
from sfu.media.allocation.shared_line import share
from sfu.media.bwe import (
    Acked,
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
from sfu.media.keyframe import KeyframeEvent, Routed
from sfu.model import LineId, MemberId, SinkId
from tests.scenarios.browser import Browser
from tests.scenarios.clock import Clock
from tests.scenarios.codec import Codec
from tests.scenarios.engine import Engine, Line, Sink, Source
from tests.scenarios.member import Member
from tests.scenarios.packet import BROWSER_BYTES, OPUS_BYTES, Packet
from tests.scenarios.sender import Sender

TICK_US = 50_000
BOUNDLESS_BPS = 10_000_000_000
"""A direction nobody reckons with."""
SERVER = LineId(1)
"""The server's own line, where it has one."""
VOICES = 3
MIX_US = 20_000
FEEDBACK_US = 100_000


@dataclass
class Site:
    """What the wiring keeps of one line."""

    line: Line
    down: LineEstimator
    up: LineEstimator | None
    """Where a codec sends a picture that way."""
    up_bps: int | None
    down_bps: int | None
    members: list[Member] = field(default_factory=list)
    sent_bytes: int = 0
    received_bytes: int = 0
    wants_bps: int | None = None
    cuts: int = 0
    estimates: list[tuple[int, int]] = field(default_factory=list)
    """(when, bit/s) of each tick."""
    probes: list[tuple[int, int, int]] = field(default_factory=list)
    """(when, bit/s, us)."""
    stops_us: list[int] = field(default_factory=list)


class Wiring:
    """One server, all rooms of it."""

    def __init__(self, clock: Clock, engine: Engine) -> None:
        self.clock, self.engine = clock, engine
        self.upward = False
        """Whether lines that codecs send up are estimated, as `shell/upward.py` does."""
        self.allocator = Allocator()
        self.sites: dict[LineId, Site] = {}
        self.members: dict[MemberId, Member] = {}
        self.senders: dict[MemberId, Sender] = {}
        self.sound_steps: dict[MemberId, SoundStep] = {}
        self.loudest: list[MemberId] = []
        """The latest speakers first."""
        self.orders: list[tuple[int, AllocationOrder]] = []
        self._told: dict[object, object] = {}
        self._acked: list[tuple[Site, Acked | Reported]] = []
        self._reports: dict[MemberId, int] = {}
        engine.on_keyframe = self._keyframe
        engine.on_feedback = self._feedback
        engine.on_report = self._report
        engine.hearers = self._hearers
        clock.every(TICK_US, self._tick)

    # ---- who is there

    def add_line(
        self, number: LineId, cells: Encapsulation, up_bps: int | None, down_bps: int | None
    ) -> None:
        """Know a line; None: nobody told its rate."""
        pacer = Pacer[tuple[Sink, Packet, int]](int(USE * down_bps)) if down_bps else None
        line = self.engine.lines[number] = Line(number, cells, pacer)
        self.sites[number] = Site(line, LineEstimator(down_bps, cells), None, up_bps, down_bps)

    def join(self, member: Member, line: LineId) -> None:
        """Take a member in, before it sends anything."""
        self.members[member.name] = member
        self.engine.line_of[member.name] = self.engine.lines[line]
        self.sites[line].members.append(member)
        sender = Sender(member, line, self.engine)
        if sender.sources:
            self.senders[member.name] = sender
            site = self.sites[line]
            if self.upward and not member.is_browser and site.up is None and site.up_bps:
                site.up = LineEstimator(site.up_bps, site.line.encapsulation)
        for source in sender.sources:
            self.engine.sources[source] = Source(source, member)
        if isinstance(member, Browser):
            self.clock.every(FEEDBACK_US, lambda: self._feed_back(member))
            self.clock.every(MIX_US, lambda: self._mix(member))
        elif not member.silent:
            self.clock.every(MIX_US, lambda: self.engine.send_mix(member))
        if not member.silent:
            self.loudest.append(member.name)

    def _mix(self, member: Browser) -> None:
        """Send a browser the mix in place of voices, where its line bears no more."""
        step = self.sound_steps.get(member.name)
        if step is None or step.forwarded:
            return
        if self.clock.now_us // MIX_US % (step.ptime_ms * 1000 // MIX_US) == 0:
            bps = step.max_bps or OPUS_BYTES * 8 * 50
            self.engine.send_mix(member, bps * step.ptime_ms // 8000)

    def gone(self, member: MemberId) -> None:
        """A picture, or slides, are no more."""
        self.allocator.handle(PictureGone(member), self.clock.now)
        self.senders.pop(member, None)

    def place(
        self, sink: SinkId, viewer: Member, seen: MemberId, picture_class: PictureClass
    ) -> None:
        """Show one member in a place of another."""
        line = self.engine.line_of[viewer.name]
        if sink not in self.engine.sinks:
            self.engine.sinks[sink] = Sink(sink, viewer, line)
            viewer.watch(sink)
        self.engine.sinks[sink].picture_class = picture_class
        headers = viewer.headers_bytes
        demand = Demand(sink, viewer.name, line.line, seen, picture_class, headers_bytes=headers)
        self._say(demand.sink, demand)

    def unplace(self, sink: SinkId) -> None:
        """Empty a place."""
        self.allocator.handle(DemandGone(sink), self.clock.now)
        self.engine.route(sink, None, 7)

    def sense(self, member: Member, period_us: int) -> None:
        """Sample a codec's round trip: a fresh sender report there, 64 bytes back."""

        def back(sent_us: int) -> None:
            rtt_s = (self.clock.now_us - sent_us) / 1e6
            self._acked.append((self._site(member), Reported(member.transport, None, None, rtt_s)))

        def ask() -> None:
            sent_us = self.clock.now_us
            self.engine.send_report(member, 64, lambda: member.report(64, back, sent_us))

        self.clock.every(period_us, ask)

    def _site(self, member: Member) -> Site:
        return self.sites[self.engine.line_of[member.name].line]

    # ---- what is heard

    def _hearers(self, speaker: Member) -> list[Member]:
        """Tell to whom a voice is forwarded: browsers hear the loudest others."""
        hearers = []
        for member in self.members.values():
            if member is speaker or not member.is_browser:
                continue
            step = self.sound_steps.get(member.name)
            many = step.forwarded if step is not None else VOICES
            others = [name for name in self.loudest if name != member.name][:many]
            if speaker.name in others:
                hearers.append(member)
        return hearers

    def _feedback(self, member: Member, acked: Acked) -> None:
        self._acked.append((self._site(member), acked))

    def _report(self, member: Member) -> None:
        """Reckon loss, jitter and round trip as a receiver report tells them."""
        begin, end = self._reports.get(member.name, 0), len(member.ear.delays_us)
        recent = member.ear.delays_us[begin:end]
        self._reports[member.name] = end
        if recent:
            report = member.reception(list(recent))
            self._acked.append((self._site(member), report))

    def _keyframe(self, source: int, event: KeyframeEvent) -> None:
        member = self.engine.sources[source].member  # type: ignore[index]
        self.senders[member.name].keyframe(source, event, self.clock.now)  # type: ignore[arg-type]

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
        for line, sent in self.engine.departures:
            self.sites[line].down.handle(sent, now)
        self.engine.departures.clear()
        for site, heard in self._acked:
            site.down.handle(heard, now)
        self._acked.clear()
        for line, source, sent_us, arrived_us in self.engine.sounds:
            if (above := self.sites[line].up) is not None:
                above.handle(Heard(source, sent_us, arrived_us), now)
        self.engine.sounds.clear()
        for site in self.sites.values():
            self._estimate(site, now)
        self._tell(now)
        self.allocator.tick(now)
        for order in self.allocator.poll():
            self._obey(order)
        self._starved()
        for sender in self.senders.values():
            sender.tick(now)

    def _estimate(self, site: Site, now: float) -> None:
        site.down.handle(Used(site.line.sent_bytes - site.sent_bytes), now)
        site.sent_bytes = site.line.sent_bytes
        if site.wants_bps is not None:
            site.down.handle(Limited(site.wants_bps), now)
        before = site.estimates[-1][1] if site.estimates else 0
        site.down.tick(now)
        if site.up is not None:
            received = site.line.received_bytes
            site.up.handle(Received(received - site.received_bytes), now)
            site.received_bytes = received
            site.up.handle(Opposite(site.down.estimate.queue_s), now)
            site.up.tick(now)
        bps = site.down.estimate.capacity_bps
        site.cuts += bps < before
        site.estimates.append((self.clock.now_us, bps))
        for order in site.down.poll():
            match order:
                case StartProbe():
                    self._probe(site, order, now)
                case StopProbe():
                    site.line.probe = None
                    site.stops_us.append(self.clock.now_us)
                case _:
                    assert_never(order)

    def _probe(self, site: Site, order: StartProbe, now: float) -> None:
        carrier = next(
            (
                sink
                for sink in self.engine.sinks.values()
                if sink.line is site.line and sink.viewer.is_browser
            ),
            None,
        )
        if carrier is None:
            site.down.handle(ProbeEnded(), now)
            return
        site.probes.append((self.clock.now_us, order.rate_bps, order.duration_us))
        self.engine.probe(site.line.line, carrier.sink, order.rate_bps, order.duration_us)

    def _starved(self) -> None:
        for sink in self.engine.starved:
            source = self.engine.sinks[sink].source
            if source is not None:
                self._keyframe(source, Routed())
        self.engine.starved.clear()

    def _tell(self, now: float) -> None:
        """Hand the allocator what is new."""
        bounds = self._server_shares()
        for number, site in self.sites.items():
            self._say(number, self._state(site, bounds.get(number)))
            for member in site.members:
                if member.is_browser:
                    voice = Sound(OPUS_BYTES + BROWSER_BYTES, 50.0)
                    voices = min(len(self.loudest) - 1, VOICES)
                    self._say(member.name, Hearing(member.name, number, voices, voice))
        for name, sender in self.senders.items():
            sender.measure()
            picture = sender.picture(now)
            if picture is not None:
                self._say((name,), picture)

    def _say(self, key: object, event: Demand | LineState | Hearing | object) -> None:
        if self._told.get((type(event), key)) != event:
            self._told[type(event), key] = event
            self.allocator.handle(event, self.clock.now)  # type: ignore[arg-type]

    def _state(self, site: Site, bound_bps: int | None) -> LineState:
        browsers = sum(one.is_browser for one in site.members)
        estimate = site.down.estimate
        bps = min(estimate.capacity_bps, bound_bps or estimate.capacity_bps)
        voices = [one for one in site.members if not one.silent]
        up = Capacity(site.up_bps or BOUNDLESS_BPS)
        if site.up is not None:
            above = site.up.estimate
            up = Capacity(
                above.capacity_bps, above.queue_s, above.congested, most_bps=site.up_bps or 0
            )
        return LineState(
            site.line.line,
            site.line.encapsulation,
            up,
            Capacity(
                bps, estimate.queue_s, estimate.congested, estimate.probed, estimate.proven_bps
            ),
            sounds_down=tuple(_sound(one) for one in voices if not one.is_browser),
            sounds_up=tuple(_sound(one) for one in voices),
            browsers_down=browsers,
            browsers_up=browsers,
        )

    def _server_shares(self) -> dict[LineId, int]:
        """Share the server's own line, where it has one, among all that is sent over it."""
        server = self.sites.get(SERVER)
        if server is None:
            return {}
        spending = [(n, one) for n, one in self.sites.items() if one.members]
        wanted = []
        for number, site in spending:
            most = site.down.estimate.capacity_bps
            wanted.append((number, min(site.wants_bps or most, most)))
        return share(server.down.estimate.capacity_bps, wanted)

    # ---- what the allocator orders

    def _obey(self, order: AllocationOrder) -> None:
        self.orders.append((self.clock.now_us, order))
        match order:
            case Give():
                self._give(order)
            case SetCaps():
                self.senders[order.member].cap(order.caps, self.clock.now)
            case StopPicture():
                self.senders[order.member].stop(order, self.clock.now)
            case Pace():
                self.engine.pace(order.line, order.rate_bps)
            case Wants():
                self.sites[order.line].wants_bps = order.bps
            case SoundStep():
                self.sound_steps[order.viewer] = order
            case _:
                assert_never(order)

    def _give(self, order: Give) -> None:
        sink = self.engine.sinks[order.sink]
        before = sink.wanted or sink.source
        self.engine.route(order.sink, order.layer, order.temporal)
        if order.layer is not None and order.layer != before:
            self._keyframe(order.layer, Routed())


def _sound(member: Member) -> Sound:
    return Sound(member.sound_bytes + member.headers_bytes, 50.0)


__all__ = ["Codec", "Site", "Wiring"]
