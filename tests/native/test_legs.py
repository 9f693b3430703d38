"""C against Python: what feedback tells of each packet is the same, whatever it says."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.bwe import Acked, Fed, Legs, LineEstimator, PlainLegs, Sent
from sfu.media.bwe.delays import BIN_US, KEPT_BINS, Delays, PlainDelays
from sfu.media.bwe.leg import FARTHEST_US, MOST_ARRIVED, RING, WRAP_US
from sfu.media.bwe.legs import Told
from sfu.media.engine import layout
from sfu.media.rtp.rtcp.transport_cc import TICK_US
from sfu.model import Framing, TransportId
from sfu.shell.legs import LegBank
from tests.media.bwe.play import PPPOA, Member, Play, step

LINES = (
    Encapsulation(Framing.ATM, 10),
    Encapsulation(Framing.EFM, 30),
    Encapsulation(Framing.PLAIN, 0),
)
LEGS = TransportId(1), TransportId(2), TransportId(3)
MANY_US = 10**9
"""Our clock does not begin at nought."""
S = 1_000_000
REFERENCE_TICKS = 256


def message(base: int, reference: int, deltas: Sequence[int | None]) -> bytes:
    """A message as a peer may say it: any reference of 24 bits, any deltas, None for missing."""
    statuses = [0 if one is None else 1 if 0 <= one < 256 else 2 for one in deltas]
    chunks = b""
    for at in range(0, len(statuses), 7):
        chunk = 0xC000
        for place, status in enumerate(statuses[at : at + 7]):
            chunk |= status << 12 - 2 * place
        chunks += chunk.to_bytes(2)
    written = b"".join(
        one.to_bytes(status, signed=status == 2)
        for one, status in zip(deltas, statuses, strict=True)
        if one is not None
    )
    head = struct.pack("!IIHH", 1, 2, base & 0xFFFF, len(deltas))
    return head + (reference & 0xFFFFFF).to_bytes(3) + b"\0" + chunks + written


def read(delays: Delays) -> tuple[float, float, float, bool, int]:
    return delays.floor_us, delays.slope, delays.rise, delays.over, delays.newest_us


class Both:
    """The same words for the engine's legs and for the reference."""

    def __init__(self, encapsulation: Encapsulation = PPPOA) -> None:
        self.bank = LegBank()
        self.c = self.bank.line(encapsulation)
        self.python = PlainLegs(encapsulation)
        self.now_us = MANY_US
        self.next = dict.fromkeys(LEGS, 0xFFF0)
        self.heard_us: dict[TransportId, int] = dict.fromkeys(LEGS, 0)
        """A tick of each peer's clock, where its messages begin."""

    def send(self, leg: TransportId, count: int, every_us: int, size: int, *, v6: bool) -> None:
        for _ in range(count):
            packet = Sent(leg, self.next[leg] & 0xFFFF, size, self.now_us, v6)
            self.python.sent(packet)
            self.c.sent(packet)
            self.next[leg] += 1
            self.now_us += every_us
        self.same(lambda legs: legs.take_sent())

    def tell(self, leg: TransportId, raw: bytes, standing_us: float = 0.0) -> Told | None:
        fed = Fed(leg, raw)
        self.same(lambda legs: legs.knows(fed) if len(raw) >= 16 else None)
        ours, theirs = self.c.told(fed, standing_us), self.python.told(fed, standing_us)
        if ours is None or theirs is None:
            assert ours is theirs
            return None
        assert ours == theirs
        self.judge()
        for busy in (False, True):
            for window_us in (250_000, 500_000):
                self.carried(window_us, busy)
        self.same(len)
        return ours

    def judge(self) -> None:
        ours, theirs = self.c.delays, self.python.delays
        ours.judge()
        theirs.judge()
        assert read(ours) == read(theirs)
        for back in range(KEPT_BINS):
            at_us = theirs.newest_us - back * BIN_US
            assert ours.floor_at(at_us) == theirs.floor_at(at_us)

    def carried(self, window_us: int, busy: bool) -> None:
        ours = self.c.carried_bps(window_us, busy=busy)
        theirs = self.python.carried_bps(window_us, busy=busy)
        assert (ours is None) == (theirs is None)
        assert ours is None or ours == pytest.approx(theirs, rel=1e-9)

    def arrive(
        self, leg: TransportId, back: int, queues_us: list[int | None], since_us: int
    ) -> None:
        """Tell of the last so many packets: each met a queue, or nobody saw it."""
        base = self.next[leg] - back
        ticks, before, deltas = [], None, []
        at_us = since_us
        for queue_us in queues_us[:back]:
            at_us += 5_000
            ticks.append(None if queue_us is None else (at_us + queue_us) // TICK_US)
        reference = next((one for one in ticks if one is not None), 0) // REFERENCE_TICKS
        before = reference * REFERENCE_TICKS
        for one in ticks:
            deltas.append(None if one is None else one - before)
            before = before if one is None else one
        self.tell(leg, message(base, reference, deltas))

    def queues_us(self) -> list[float]:
        """The least of each 10 ms, as the reference keeps them."""
        assert isinstance(self.python.delays, PlainDelays)
        return [least for least, _ in self.python.delays._bins.values()]

    def same(self, ask: Callable[[Legs], object]) -> None:
        assert ask(self.c) == ask(self.python)


QUEUES = st.lists(st.none() | st.integers(0, 300_000), max_size=60)
HONEST = st.tuples(
    st.sampled_from(LEGS),
    st.integers(1, 60),
    st.integers(500, 40_000),
    st.integers(20, 1400),
    QUEUES,
    st.integers(0, 20),
    st.integers(-5 * S, 30 * S),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LINES), st.booleans(), st.lists(HONEST, max_size=30))
def test_what_honest_peers_tell_is_reckoned_alike(line, v6, steps):
    both = Both(line)
    for leg, count, every_us, size, queues, late, pause_us in steps:
        since_us = both.now_us
        both.send(leg, count, every_us, size, v6=v6)
        both.arrive(leg, count + late, queues, since_us)
        both.now_us += max(pause_us, 0)


DELTAS = st.lists(st.none() | st.integers(-0x8000, 0x7FFF) | st.integers(0, 300), max_size=80)
HOSTILE = st.tuples(
    st.sampled_from(LEGS), st.integers(-70, 70), st.integers(0, 0xFFFFFF), DELTAS,
    st.floats(0, 1e6),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(HOSTILE, max_size=25))
def test_what_a_peer_makes_up_is_reckoned_alike(messages):
    both = Both()
    for leg, off, reference, deltas, standing_us in messages:
        both.send(leg, 20, 7_000, 1000, v6=False)
        both.tell(leg, message(both.next[leg] - 20 + off, reference, deltas), standing_us)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(min_size=8, max_size=8),
    st.integers(0, 200) | st.integers(0, 0xFFFF),
    st.binary(max_size=120),
)
def test_any_bytes_are_read_or_refused_alike(ends, count, rest):
    both = Both()
    both.send(LEGS[0], 100, 5_000, 1000, v6=False)
    both.tell(LEGS[0], ends + (0xFFF0).to_bytes(2) + count.to_bytes(2) + rest)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 0xFFFF), max_size=8), st.integers(0, 400), st.binary(max_size=300))
def test_any_chunks_are_read_alike(chunks, count, deltas):
    both = Both()
    both.send(LEGS[0], 400, 1_000, 1000, v6=False)
    head = struct.pack("!IIHH", 1, 2, 0xFFF0, count) + b"\0\0\7\0"
    both.tell(LEGS[0], head + b"".join(one.to_bytes(2) for one in chunks) + deltas)


def test_a_message_that_says_65535_packets_in_a_line_of_runs_is_read():
    both = Both()
    both.send(LEGS[0], 10, 1_000, 1000, v6=False)
    missing = struct.pack("!IIHH", 1, 2, 0xFFF0, 0xFFFF) + bytes(4) + b"\x1f\xff" * 8 + b"\0\7"
    told = both.tell(LEGS[0], missing)
    assert told is not None
    assert told == (10, 0)


def test_a_loss_that_came_late_is_taken_back():
    both = Both()
    both.send(LEGS[0], 4, 5_000, 1000, v6=False)
    assert both.tell(LEGS[0], message(0xFFF0, 100, [0, None, None, 60])) == (2, 2)
    assert both.tell(LEGS[0], message(0xFFF1, 100, [None, 45])) == (-1, 1)


def test_the_clock_of_feedback_wraps():
    both = Both()
    last = 0xFFFFFF
    for reference in (last - 1, last, 0, 1):
        both.send(LEGS[0], 10, 6_400, 1000, v6=False)
        told = both.tell(LEGS[0], message(both.next[LEGS[0]] - 10, reference, [0] + [26] * 9))
        assert told is not None
        assert max(both.queues_us()) < 10_000


def test_a_clock_led_astray_begins_anew():
    both = Both()
    half = (1 << 23) - 1
    for n in range(FARTHEST_US // (WRAP_US // 2) + 20):
        both.send(LEGS[0], 1, 100, 1000, v6=False)
        told = both.tell(LEGS[0], message(both.next[LEGS[0]] - 1, n * half, [0]))
        assert told is not None


def test_a_clock_that_runs_fast_is_known_after_a_minute():
    both = Both()
    worst = 0.0
    for n in range(4000):
        both.send(LEGS[0], 1, 25_000, 1000, v6=False)
        ticks = round((both.now_us + 100e-6 * (both.now_us - MANY_US)) / TICK_US)
        raw = message(both.next[LEGS[0]] - 1, ticks // 256, [ticks % 256])
        told = both.tell(LEGS[0], raw)
        assert told is not None
        worst = max(worst, both.queues_us()[-1]) if n > 3000 else 0.0
    assert worst < 2_000


def test_more_packets_than_are_remembered_are_forgotten_alike():
    both = Both()
    both.send(LEGS[0], RING + 50, 100, 100, v6=False)
    both.tell(LEGS[0], message(0xFFF0, 100, [0] * 400))
    for _ in range(2 * MOST_ARRIVED // 400):
        both.send(LEGS[0], 400, 10, 100, v6=True)
        both.tell(LEGS[0], message(both.next[LEGS[0]] - 400, 100, [0] * 400))


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=30), st.floats(0, 2), st.floats(0, 2))
def test_what_a_probe_carries_is_summed_alike(gaps, began, lasts):
    both = Both()
    since = MANY_US / 1e6 + began - 0.5
    for legs in (both.c, both.python):
        legs.probe(since, since + lasts)
    for gap in gaps:
        both.send(LEGS[0], 1, gap, 900, v6=False)
        both.same(lambda legs: legs.probed)


def test_a_leg_belongs_to_one_line_and_goes_with_it():
    bank = LegBank()
    one, other = bank.line(PPPOA), bank.line(LINES[2])
    rows = layout.LOG_ROW.pack(1, 7, 100, MANY_US)
    bank.put(LEGS[0], one, ipv6=False)
    bank.departed(rows * 3 + layout.LOG_ROW.pack(99, 7, 100, MANY_US))
    assert (one.take_sent(), other.take_sent(), len(one)) == (3 * PPPOA.line_bytes(128), 0, 1)
    bank.put(LEGS[0], other, ipv6=True)
    one.close(LEGS[0])
    bank.departed(rows)
    assert (one.take_sent(), other.take_sent(), len(one), len(other)) == (0, 148, 0, 1)
    heard = Fed(LEGS[0], message(7, 0, [0]))
    assert one.told(heard, 0.0) is None
    assert other.told(heard, 0.0) == (0, 1)
    bank.forget_line(other)
    bank.departed(rows)
    assert (other.take_sent(), len(other), other.probed, other.carried_bps(1)) == (0, 0, None, None)
    assert other.told(heard, 0.0) is None
    bank.put(LEGS[0], one, ipv6=False)
    bank.departed(rows)
    assert one.take_sent() == PPPOA.line_bytes(128)
    one.close(LEGS[0])
    assert len(one) == 0


def test_what_was_read_already_is_told_as_well():
    both = Both()
    both.send(LEGS[0], 3, 5_000, 1000, v6=False)
    arrivals = ((0xFFF0, 20_000), (0xFFF1, None), (0xFFF2, 31_000))
    both.same(lambda legs: legs.told(Acked(LEGS[0], arrivals), 0.0))
    both.same(lambda legs: legs.knows(Acked(LEGS[0], ())))


@pytest.mark.parametrize(
    "play",
    [
        Play(events={4_000: step(1_000_000), 9_000: step(2_000_000)}),
        Play(members=[Member(LEGS[0], skew=50e-6), Member(LEGS[1], offset_us=MANY_US)],
             jitter_ms=15, loss=0.02, reorder=0.02),
        Play(ceiling=None, rate=4_000_000, offer_bps=3_000_000, members=[Member(LEGS[0])]),
    ],
    ids=["halves", "noise", "unknown"],
)  # fmt: skip
def test_a_whole_meeting_goes_the_same_way(play):
    again = replace(play)
    bank = LegBank()
    play.members = [replace(one, arrived=[], got={}) for one in play.members]
    play.estimator = LineEstimator(
        play.ceiling, play.encapsulation, legs=bank.line(play.encapsulation)
    )
    assert play.run(14).trace == again.run(14).trace
    assert play.probes == again.probes
