"""One member's picture as the server treats it: measured, asked for key frames, told its rate."""

from collections import deque

from sfu.media.allocation.event import Layer, Picture
from sfu.media.allocation.output import Cap, StopPicture
from sfu.media.allocation.rung import Steer
from sfu.media.keyframe import KeyframeEvent, KeyframeRequests
from sfu.media.limit.source import SourceLimit
from sfu.media.limit.word import (
    Described,
    Dialect,
    Measured,
    Noted,
    Reoffer,
    SendRemb,
    SendTmmbr,
    Shape,
    Stopped,
    Wanted,
)
from sfu.model import Codec as Algorithm
from sfu.model import LineId, SourceId
from tests.scenarios.browser import Browser
from tests.scenarios.codec import Codec
from tests.scenarios.engine import Engine
from tests.scenarios.member import Member

WINDOW = 20
"""Ticks of 50 ms: a second."""
SIGNALLING_US = 5_000
"""What a word on the page's WebSocket takes besides the way."""
USUAL_HEIGHT = 720
REPORT_BYTES = 60
OFFER_BYTES = 900
T1_US = 500_000
"""After which an offer is said again, then after twice as long (RFC 3261 section 17.1.1.2)."""


class Sender:
    """Who sends a picture; nothing to do with who sends none."""

    def __init__(self, member: Member, line: LineId, engine: Engine) -> None:
        self.member, self.line, self.engine = member, line, engine
        self.sources = _sources(member)
        self.requests = {source: KeyframeRequests() for source in self.sources}
        self.asks: dict[SourceId, list[int]] = {source: [] for source in self.sources}
        self._windows: dict[SourceId, deque[tuple[int, int]]] = {
            source: deque(maxlen=WINDOW + 1) for source in self.sources
        }
        self._limit = SourceLimit()
        if isinstance(member, Codec) and member.offer_bps:
            allowed = Shape(member.offer_bps)
            described = Described(allowed, allowed, frozenset({Dialect.TMMBR}))
            self._limit.handle(described, engine.clock.now)

    # ---- key frames

    def keyframe(self, source: SourceId, event: KeyframeEvent, now: float) -> None:
        """Pass on what concerns one source."""
        self.requests[source].handle(event, now)
        self._ask(source)

    def _ask(self, source: SourceId) -> None:
        member = self.member
        for _ in self.requests[source].poll():
            self.asks[source].append(self.engine.clock.now_us)
            if isinstance(member, Browser):
                self.engine.send_report(member, REPORT_BYTES, lambda: member.wish(source))
            elif isinstance(member, Codec) and not member.deaf:
                self.engine.send_report(member, REPORT_BYTES, member.wish)

    # ---- each tick

    def tick(self, now: float) -> None:
        """Let time pass."""
        for source, requests in self.requests.items():
            if requests.deadline is not None:
                requests.tick(now)
                self._ask(source)
        if isinstance(self.member, Codec):
            bps = self._rates(self.sources[0])[0]
            self._limit.handle(Measured(int(bps), int(self.member.active)), now)
            self._order(now)

    def measure(self) -> None:
        """Read the counters of its sources."""
        for source, window in self._windows.items():
            row = self.engine.sources[source]
            window.append((row.bytes, row.packets))

    def _rates(self, source: SourceId) -> tuple[float, float]:
        window = self._windows[source]
        if not window:
            return 0.0, 0.0
        span_s = max(len(window) - 1, 1) * 0.05
        (bytes0, packets0), (bytes1, packets1) = window[0], window[-1]
        return (bytes1 - bytes0) * 8 / span_s, (packets1 - packets0) / span_s

    def picture(self, now: float) -> Picture | None:
        """Return what it sends; None before anything came."""
        member = self.member
        if not any(self.engine.sources[source].begun for source in self.sources):
            return None
        layers = []
        for source in self.sources:
            bps, packets = self._rates(source)
            rid, height, most, fps = "", USUAL_HEIGHT, 0, 25.0
            if isinstance(member, Browser):
                one = next(each for each in member.layers if each.source == source)
                rid, height = one.rid, one.height
            elif isinstance(member, Codec):
                most, fps = member.offer_bps, member.fps
            temporals = 3 if isinstance(member, Browser) else 1
            layers.append(Layer(source, rid, height, fps, int(bps), packets, most, temporals))
        browser = isinstance(member, Browser)
        return Picture(
            member.name,
            self.line,
            tuple(layers),
            Algorithm.VP8 if browser else Algorithm.H264,
            Steer.LAYERS if browser else Steer.RATE,
            member.headers_bytes,
            stoppable=not browser and self._limit.stoppable,
        )

    # ---- its rate

    def stop(self, order: StopPicture, now: float) -> None:
        """Have it send nothing, or again, as a new offer does."""
        reason = order.reason
        stopped = Stopped(order.stopped, reason.required_bps, reason.available_bps)
        self._limit.handle(stopped, now)
        self._order(now)

    def cap(self, caps: tuple[Cap, ...], now: float) -> None:
        """Tell it what it may send, in its dialect."""
        member = self.member
        if isinstance(member, Browser):
            told = {cap.rid: (cap.max_bps, cap.active) for cap in caps}
            when_us = self.engine.clock.now_us + member.down.delay_us + SIGNALLING_US
            self.engine.clock.at(when_us, member.set_caps, told)
        elif caps[0].active:  # a codec is never told to send nothing
            self._limit.handle(Wanted(Shape(caps[0].max_bps)), now)
            self._order(now)

    def _order(self, now: float) -> None:
        if self._limit.deadline is not None and now >= self._limit.deadline:
            self._limit.tick(now)
        for order in self._limit.poll():
            match order:
                case SendTmmbr():
                    self._tell(order.bps)
                case Reoffer():
                    self._tell(order.shape.bps)
                    self._offer(order)
                case SendRemb():
                    pass  # not agreed

    def _offer(self, order: Reoffer) -> None:
        member, shape = self.member, order.shape
        described = Described(shape, shape, frozenset({Dialect.TMMBR}), order.stopped)
        if not isinstance(member, Codec) or order.stopped is not member.active:
            self._limit.handle(described, self.engine.clock.now)
            return

        done = False

        def answered() -> None:
            nonlocal done
            if not done:
                self._limit.handle(described, self.engine.clock.now)
            done = True

        def heard() -> None:
            if not member.stubborn and not done:
                member.active = not order.stopped
                member.wish()
            member.report(OFFER_BYTES, answered)

        def say(wait_us: int) -> None:
            if not done:
                self.engine.send_report(member, OFFER_BYTES, heard)
                self.engine.clock.at(self.engine.clock.now_us + wait_us, say, 2 * wait_us)

        say(T1_US)

    def _tell(self, bps: int) -> None:
        member = self.member
        assert isinstance(member, Codec)

        def heard() -> None:
            if not member.deaf:
                member.limit(bps)
                member.report(REPORT_BYTES, noted)

        def noted() -> None:
            self._limit.handle(Noted(bps), self.engine.clock.now)

        self.engine.send_report(member, REPORT_BYTES, heard)


def _sources(member: Member) -> list[SourceId]:
    if isinstance(member, Browser):
        return [layer.source for layer in member.layers]
    if isinstance(member, Codec) and member.source is not None:
        return [member.source]
    return []
