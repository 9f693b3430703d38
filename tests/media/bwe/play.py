"""A line, an encoder, a pacer, receivers and an estimator in virtual time, a millisecond a step.

What the server sends goes through the pacer of `media.engine` and a seeded `AccessLine`; receivers
answer with transport-cc feedback in ticks of 250 us, or with receiver reports.  The encoder is told
what the estimate bears and obeys some time later, never quite.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from sfu.media.allocation.budget import Sound, budget
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.bwe import (
    Acked,
    Closed,
    Estimate,
    Limited,
    LineEstimator,
    Reported,
    Sent,
    StartProbe,
    StopProbe,
    Used,
)
from sfu.media.engine.pacer import Pacer, PictureClass
from sfu.model import Framing, SinkId, TransportId
from tests.scenarios.line import AccessLine

PLAIN = Encapsulation(Framing.PLAIN, 0)
EFM = Encapsulation(Framing.EFM, 30)
PPPOA = Encapsulation(Framing.ATM, 10)
PPPOE = Encapsulation(Framing.ATM, 40)
FRAMINGS = (PLAIN, EFM, PPPOA, PPPOE)
PICTURE, SOUND, REPORT = 1200, 94, 96
"""UDP payloads."""
TICK_US = 250


@dataclass
class Member:
    """One leg behind the line."""

    transport: TransportId
    feedback_ms: int = 100
    """0: receiver reports only."""
    report_ms: int = 2500
    sensed: bool = False
    """Its round trip is sampled four times a second."""
    offset_us: int = 0
    skew: float = 0.0
    joins_ms: int = 0
    leaves_ms: int = 1 << 60
    deaf_ms: tuple[int, int] = (0, 0)
    """Its feedback is lost in between."""
    sounds: int = 2
    sequence: int = 0xFFF0
    arrived: list[tuple[int, int, int]] = field(default_factory=list)
    got: dict[int, int] = field(default_factory=dict)
    told: int | None = None
    expected: int = 0
    received: int = 0
    last_delay_us: int = 0
    sr_arrived: tuple[int, int] | None = None
    sound_lost: int = 0


@dataclass
class Play:
    """One meeting on one line; rates in bit/s, times in ms of virtual time."""

    encapsulation: Encapsulation = PPPOA
    rate: int = 2_000_000
    ceiling: int | None = 2_000_000
    members: list[Member] = field(default_factory=lambda: [Member(TransportId(1))])
    offer_bps: int = 1_400_000
    """Payload of all pictures at their best."""
    quiet_ms: tuple[int, int] = (0, 0)
    """No pictures in between."""
    events: dict[int, Callable[["Play"], None]] = field(default_factory=dict)
    queue_ms: int = 200
    jitter_ms: int = 0
    loss: float = 0.0
    reorder: float = 0.0
    react_ms: int = 60
    tick_ms: int = 50
    key_ms: int = 0
    key_bytes: int = 60_000
    padding: bool = True
    greedy: bool = False
    """Pictures always fill what the pacer takes."""
    seed: int = 1

    def __post_init__(self) -> None:
        self.line = AccessLine(
            self.rate,
            self.encapsulation,
            queue_ms=self.queue_ms,
            jitter_ms=self.jitter_ms,
            loss=self.loss,
            seed=self.seed,
        )
        self.dice = random.Random(self.seed)
        self.estimator = LineEstimator(self.ceiling, self.encapsulation)
        self.pacer = Pacer[tuple[Member | None, int]](self.rate)
        self.now_us = 0
        self.cross_bps = 0
        self.trace: list[tuple[float, int, float, Estimate]] = []
        """(s, capacity, queue in ms, estimate) each tick."""
        self.queues: list[tuple[float, float]] = []
        self.probes: list[tuple[float, int]] = []
        self.cut_at: list[float] = []
        self.sent_video = self.cross_owed = 0.0
        self._departures: list[Sent] = []
        self._used = 0
        self._orders: list[tuple[int, int]] = []
        self._target = 0
        self._probe: tuple[int, int] | None = None
        self._flight: list[tuple[int, int, Member, int, int]] = []
        self._answers: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    # ---- time

    def run(self, until_s: float) -> "Play":
        while self.now_us < until_s * 1e6:
            self._step(self.now_us // 1000)
            self.now_us += 1000
        return self

    def _step(self, ms: int) -> None:
        if ms in self.events:
            self.events[ms](self)
        if ms % self.tick_ms == 0:
            self._tick(ms)
        if ms % 20 == 0:
            self._sounds(ms)
        if ms % 40 == 0:
            self._frame(ms)
        self._cross()
        self._pace()
        while self._flight and self._flight[0][0] <= self.now_us:
            at_us, _, member, sequence, sent_us = heapq.heappop(self._flight)
            self._arrive(member, sequence, at_us, sent_us)
        for member in self.members:
            self._report(member, ms)
        while self._answers and self._answers[0][0] <= self.now_us:
            heapq.heappop(self._answers)[2]()

    @property
    def now(self) -> float:
        return self.now_us / 1e6

    def _present(self, ms: int) -> list[Member]:
        return [one for one in self.members if one.joins_ms <= ms < one.leaves_ms]

    # ---- what the server does

    def _tick(self, ms: int) -> None:
        estimator, now = self.estimator, self.now
        for departure in self._departures:
            estimator.handle(departure, now)
        self._departures.clear()
        estimator.handle(Used(self._used), now)
        self._used = 0
        wanted = self.offer_bps * 1.15 + 300_000
        quiet = self.quiet_ms[0] <= ms < self.quiet_ms[1]
        estimator.handle(Limited(0 if quiet else int(wanted)), now)
        for member in self.members:
            if member.leaves_ms == ms:
                estimator.handle(Closed(member.transport), now)
        self._look()
        estimator.tick(now)
        self._look()
        estimate = estimator.estimate
        self.trace.append(
            (now, estimate.capacity_bps, self.line.queue_us(self.now_us) / 1e3, estimate)
        )
        self._obey()
        members = self._present(ms)
        sounds = [Sound(SOUND + 28, 50) for one in members for _ in range(one.sounds)]
        share = budget(
            estimate.capacity_bps,
            self.encapsulation,
            sounds,
            sum(bool(m.feedback_ms) for m in members),
        )
        cost = self.encapsulation.line_bytes(PICTURE + 28) / PICTURE
        self._orders.append((ms + self.react_ms, min(int(share.ask_bps / cost), self.offer_bps)))
        self.pacer.rate_bps = max(share.usable_bps, 30_000)
        while self._orders and self._orders[0][0] <= ms:
            self._target = self._orders.pop(0)[1]

    def _obey(self) -> None:
        for output in self.estimator.poll():
            match output:
                case StartProbe(rate_bps, duration_us):
                    assert self._probe is None or self._probe[1] <= self.now_us
                    self._probe = rate_bps, self.now_us + duration_us
                    self.probes.append((self.now, rate_bps))
                case StopProbe():
                    self._probe = None

    def _look(self) -> None:
        while len(self.cut_at) < self.estimator.cuts:
            self.cut_at.append(self.now)

    def _sounds(self, ms: int) -> None:
        for member in self._present(ms):
            for _ in range(member.sounds):
                self.pacer.charge(self.encapsulation.line_bytes(SOUND + 28), self.now_us)
                if not self._send(member, SOUND):
                    member.sound_lost += 1

    def _frame(self, ms: int) -> None:
        if self.quiet_ms[0] <= ms < self.quiet_ms[1]:
            return
        size = self._target / 8 / 25 * self.dice.uniform(0.7, 1.3)
        if self.key_ms and ms % self.key_ms == 0:
            size = self.key_bytes
        if self.greedy:
            size = max(0, 40 - len(self.pacer)) * PICTURE
        members = self._present(ms)
        for n in range(round(size / PICTURE)):
            member = members[n % len(members)]
            self._put(PictureClass.MAIN, member, PICTURE)

    def _put(self, picture_class: PictureClass, member: Member, size: int) -> None:
        line_bytes = self.encapsulation.line_bytes(size + 28)
        self.pacer.put(picture_class, SinkId(1), line_bytes, (member, size), self.now_us)

    def _pace(self) -> None:
        probe = self._probe
        usable = self.pacer.rate_bps
        if probe and probe[1] > self.now_us:
            self.pacer.rate_bps = probe[0]
            capable = [one for one in self._present(self.now_us // 1000) if one.feedback_ms]
            if self.padding and capable and not len(self.pacer):
                self._put(PictureClass.REPAIR, capable[0], PICTURE)
        for one in self.pacer.take(self.now_us):
            member, size = one.packet
            assert member
            self._send(member, size)
        list(self.pacer.poll())
        self.pacer.rate_bps = usable

    def _send(self, member: Member, size: int) -> bool:
        self._used += self.encapsulation.line_bytes(size + 28)
        if member.feedback_ms:
            member.sequence += 1
            wire = member.sequence & 0xFFFF
            self._departures.append(Sent(member.transport, wire, size, self.now_us))
        else:
            member.sequence += 1
        member.expected += 1
        self.queues.append((self.now, self.line.queue_us(self.now_us) / 1000))
        at_us = self.line.send(size + 28, self.now_us)
        if at_us is None:
            return False
        if self.dice.random() < self.reorder:
            at_us += self.dice.randrange(20_000)
        self._count += 1
        heapq.heappush(self._flight, (at_us, self._count, member, member.sequence, self.now_us))
        return True

    def _cross(self) -> None:
        self.cross_owed += self.cross_bps / 8000
        cost = self.encapsulation.line_bytes(1228)
        while self.cross_owed >= cost:
            self.cross_owed -= cost
            self.line.send(1228, self.now_us)

    # ---- what receivers do

    def _arrive(self, member: Member, sequence: int, at_us: int, sent_us: int) -> None:
        member.received += 1
        member.last_delay_us = at_us - sent_us
        if member.feedback_ms:
            clock_us = int(at_us * (1 + member.skew)) + member.offset_us
            member.got[sequence] = clock_us // TICK_US * TICK_US
            if member.told is None or sequence < member.told:
                member.told = sequence

    def _report(self, member: Member, ms: int) -> None:
        if not member.joins_ms <= ms < member.leaves_ms or ms == member.joins_ms:
            return
        if member.feedback_ms:
            if ms % member.feedback_ms == 7 % member.feedback_ms:
                self._feedback(member, ms)
            return
        if member.sensed and ms % 250 == 0:
            self._answer(member, None)
        if ms % member.report_ms == 13:
            lost = (
                member.expected
                - member.received
                - len([one for one in self._flight if one[2] is member])
            )
            share = max(lost, 0) / max(member.expected, 1)
            member.expected = member.received = 0
            self._answer(member, share)

    def _answer(self, member: Member, loss: float | None) -> None:
        """A round trip: what went down lately, 15 ms and some jitter up."""
        up_us = 15_000 + self.dice.randrange(3000)
        event = Reported(member.transport, loss, 0.0, (member.last_delay_us + up_us) / 1e6)
        self._hand(up_us, lambda: self.estimator.handle(event, self.now))

    def _feedback(self, member: Member, ms: int) -> None:
        if member.told is None:
            return
        last = max(member.got)
        arrivals = tuple(
            (n & 0xFFFF, None if (at := member.got.get(n)) is None else at % (250 << 32))
            for n in range(member.told, last + 1)
        )
        member.told = None
        member.got = {n: at for n, at in member.got.items() if n > last - 500}
        if member.deaf_ms[0] <= ms < member.deaf_ms[1]:
            return
        event = Acked(member.transport, arrivals)
        self._hand(15_000 + self.dice.randrange(3000), lambda: self._acked(event))

    def _acked(self, event: Acked) -> None:
        self.estimator.handle(event, self.now)
        self._look()
        self._obey()

    def _hand(self, after_us: int, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._answers, (self.now_us + after_us, self._count, what))

    # ---- what is measured

    def worst_queue(self, since: float, until: float = 1e9) -> float:
        return max((q for t, q in self.queues if since <= t < until), default=0.0)

    def settle(self, after: float, until: float, limit: float = 60.0) -> float:
        """Seconds after which the queue stays below the limit."""
        return max(
            (t - after for t, q in self.queues if after <= t < until and q >= limit), default=0.0
        )

    def recover(self, after: float, bps: float) -> float:
        """Seconds after which the estimate has this, for good."""
        below = [t - after for t, capacity, _, _ in self.trace if t >= after and capacity < bps]
        return max(below, default=0.0)

    def cuts(self, since: float = 0.0, until: float = 1e9) -> int:
        return len([at for at in self.cut_at if since <= at < until])

    def capacity(self, at: float) -> int:
        return next(c for t, c, _, _ in self.trace if t >= at)

    def use(self, since: float, until: float) -> float:
        """Mean estimate between two instants."""
        values = [c for t, c, _, _ in self.trace if since <= t < until]
        return sum(values) / len(values)

    def least_distance(self) -> float:
        return min((b - a for a, b in pairwise(self.cut_at)), default=1e9)


def step(bps: int) -> Callable[[Play], None]:
    def change(play: Play) -> None:
        play.line.set_rate(bps, play.now_us, queue_ms=play.queue_ms)

    return change


def cross(bps: int) -> Callable[[Play], None]:
    def change(play: Play) -> None:
        play.cross_bps = bps

    return change
