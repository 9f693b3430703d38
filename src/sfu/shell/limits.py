r"""A codec's limits, both ways: what its picture is limited to, and what it takes of others'.

::

    SendPicture (room) ------> wish ----\                    /--> TMMBR, REMB (patchbay)
    descriptions --> described, refused --> SourceLimit, ---<
    TMMBN, packets that arrive ---------/    each tick       \--> reoffer (the leg)
    TMMBR, REMB of the codec -----------------> ReceiverBound --> takes_bps (room)
"""

from collections import deque
from collections.abc import Callable

import structlog

from sfu.media.allocation.output import StopPicture
from sfu.media.engine.snapshot import Snapshot
from sfu.media.limit.bound import Estimated, Limited, ReceiverBound
from sfu.media.limit.source import SourceLimit
from sfu.media.limit.word import (
    Described,
    Dialect,
    LimitEvent,
    LimitOrder,
    Measured,
    Noted,
    Refused,
    Reoffer,
    SendRemb,
    SendTmmbr,
    Shape,
    Stopped,
    Wanted,
    Why,
)
from sfu.media.report import EstimateHeard, LimitNoted, RateLimited
from sfu.media.rtp.rtcp.bounding import payload_bps, wire_bps
from sfu.model import Codec, MemberId, SinkId, SourceId, TransportId
from sfu.room.output import SendPicture
from sfu.shell.patchbay import Patchbay
from sfu.shell.path import RateFact
from sfu.signalling.capability import Feedback, H264Limits
from sfu.signalling.sdp.agreement import AgreedLine
from sfu.signalling.sdp.local import Policy

log = structlog.get_logger()

USUAL_FPS = 30
"""A limit in macroblocks a second above this many pictures limits nobody."""
MEASURE_US = 1_000_000
SILENT_US = 2_000_000
HEADERS = 40
DIALECTS = {Feedback.TMMBR: Dialect.TMMBR, Feedback.REMB: Dialect.REMB}


class Meter:
    """The rate of a counter of bytes, over a second and more."""

    def __init__(self) -> None:
        """Begin without a sample."""
        self.bps = 0
        self._at_us = self._bytes = 0

    def read(self, count: int, at_us: int) -> bool:
        """Take the counter; tell whether `bps` is new."""
        passed, grown = at_us - self._at_us, count - self._bytes
        if self._at_us and passed < MEASURE_US:
            return False
        self.bps = max(0, grown) * 8_000_000 // passed if self._at_us else 0
        self._at_us, self._bytes = at_us, count
        return True


class CodecLimits:
    """The limits of one call's picture; what it is told waits for the next tick."""

    def __init__(
        self,
        member: MemberId,
        patchbay: Patchbay,
        transport: TransportId,
        source: SourceId,
        sink: SinkId,
        reoffer: Callable[[Shape, bool], None],
    ) -> None:
        """Begin undescribed; `reoffer` makes a new offer with these limits, or to take nothing."""
        self._member = member
        self._bay = patchbay
        self._transport, self._source, self._sink = transport, source, sink
        self._reoffer = reoffer
        self._limit = SourceLimit()
        self._bound = ReceiverBound()
        self._events: deque[LimitEvent] = deque()
        self._words: deque[RateLimited | EstimateHeard] = deque()
        self._bound_by: MemberId | None = None
        self._arriving, self._leaving = Meter(), Meter()
        patchbay.hear_limits(transport, self._heard)

    @property
    def takes_bps(self) -> int:
        """Most it takes by its own word in mid call, bit/s of payload; 0 for no such word."""
        return self._bound.takes_bps

    @property
    def told_bps(self) -> int:
        """Most its own picture may have, as it was told last; 0 before it has one."""
        return self._limit.told_bps

    @property
    def stoppable(self) -> bool:
        """Whether it may be asked to send nothing, as far as it has shown."""
        return self._limit.stoppable

    def stopped(self, now: float) -> bool:
        """Tell whether nothing comes of it because we want nothing, or not yet again."""
        return self._limit.stopped(now)

    def stop(self, order: StopPicture) -> None:
        """Have it send nothing, or again."""
        reason = order.reason
        self._events.append(Stopped(order.stopped, reason.required_bps, reason.available_bps))

    def wish(self, order: SendPicture) -> None:
        """Take what the room wants; what nobody watches is left as it is."""
        if order.wanted:
            self._bound_by = order.bound_by
            self._events.append(Wanted(natural(order.max_bps, order.max_fs, order.max_mbps)))

    def described(
        self, agreed: AgreedLine, promise: H264Limits | None, now: Policy, most: Policy,
        *, maimed: bool = False,
    ) -> None:  # fmt: skip
        """Take what was agreed: under this policy of ours, and what the most would be.

        `maimed`: asked to send no picture it gave up more than that.
        """
        h264 = promise if any(codec is Codec.H264 for _, codec in agreed.receive) else None
        dialects = frozenset(DIALECTS[one] for one in DIALECTS if one in agreed.feedback)
        self._bay.agree_remb(self._transport, Dialect.REMB in dialects)
        stopped = now.pictures_stopped
        self._events.append(
            Described(_allowed(now, h264), _allowed(most, h264), dialects, stopped, maimed)
        )

    def refused(self) -> None:
        """Take that our offer was refused."""
        self._events.append(Refused())

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Let time pass; carry out what is due."""
        self._measure(snapshot)
        while self._events:
            self._limit.handle(self._events.popleft(), now)
            self._carry_out()
        self._limit.tick(now)
        self._carry_out()
        while self._words:
            self._take(self._words.popleft(), now)
        self._bound.tick(now)

    def _measure(self, snapshot: Snapshot) -> None:
        at_us = snapshot.engine.at_us
        row, sent = snapshot.sources.get(self._source), snapshot.sinks.get(self._sink)
        if sent is not None:
            self._leaving.read(sent.octets, at_us)
        if row is not None and self._arriving.read(row.bytes, at_us):
            alive = at_us - row.last_arrival_us <= SILENT_US
            self._events.append(Measured(self._arriving.bps, row.ssrc) if alive else Measured(0, 0))

    def _heard(self, fact: RateFact) -> None:
        match fact:
            case LimitNoted():
                limit = fact.limit
                bps = payload_bps(limit.bps, limit.overhead) if limit else None
                self._events.append(Noted(bps))
            case RateLimited() | EstimateHeard():
                self._words.append(fact)

    def _take(self, word: RateLimited | EstimateHeard, now: float) -> None:
        match word:
            case RateLimited():
                self._bound.handle(Limited(payload_bps(word.bps, word.overhead)), now)
            case EstimateHeard():
                bps = payload_bps(word.bps, HEADERS)
                self._bound.handle(Estimated(bps, self._leaving.bps), now)

    def _carry_out(self) -> None:
        for order in self._limit.poll():
            self._say(order)
            match order:
                case SendTmmbr():
                    self._bay.ask_rate(self._source, wire_bps(order.bps))
                case SendRemb():
                    self._bay.tell_estimate(self._transport, wire_bps(order.bps))
                case Reoffer():
                    self._reoffer(order.shape, order.stopped)

    def _say(self, order: LimitOrder) -> None:
        dialect = {SendTmmbr: Dialect.TMMBR, SendRemb: Dialect.REMB, Reoffer: Dialect.REOFFER}
        self._bay.wishes_said[dialect[type(order)]] += 1
        tell = log.debug if order.reason.why is Why.REPEATED else log.info
        tell(
            "limit_ordered", member=self._member, dialect=dialect[type(order)].value,
            required_bps=order.reason.required_bps, available_bps=order.reason.available_bps,
            why=order.reason.why.value, bound_by=self._bound_by,
        )  # fmt: skip


def natural(bps: int, fs: int, mbps: int) -> Shape:
    """Return limits whose macroblocks a second are those of so many pictures at most."""
    usual = fs * USUAL_FPS
    return Shape(bps, fs, min(filter(None, (usual, mbps)), default=0))


def _allowed(policy: Policy, h264: H264Limits | None) -> Shape:
    """Return what a description under this policy allows who made this promise."""
    bps = policy.video_br_kbps * 1_000
    if h264 is None:
        return Shape(bps)
    ours = natural(bps, policy.max_fs, policy.max_mbps)
    both = ours.within(Shape(h264.br_kbps * 1_000, h264.fs, h264.mbps))
    return natural(both.bps, both.fs, both.mbps)
