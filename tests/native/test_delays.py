"""C against Python: a line's queue is read alike, to the last bit, whatever the delays."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.bwe.delays import BIN_US, KEPT_BINS, Delays, PlainDelays
from sfu.shell.legs import LegBank
from tests.media.bwe.play import PPPOA


class Both:
    """The same packets for the engine's and for the reference."""

    def __init__(self) -> None:
        self.bank = LegBank()
        self.c: Delays = self.bank.line(PPPOA).delays
        self.python: Delays = PlainDelays()
        self.rises = self.overs = 0

    def add(self, departed_us: int, queue_us: float) -> None:
        for delays in (self.c, self.python):
            delays.add(departed_us, queue_us)

    def judge(self) -> None:
        for delays in (self.c, self.python):
            delays.judge()
        for name in ("floor_us", "slope", "rise", "over", "newest_us"):
            assert getattr(self.c, name) == getattr(self.python, name), name
        self.rises += self.python.rise > 0
        self.overs += self.python.over

    def ask(self, at_us: int) -> None:
        assert self.c.floor_at(at_us) == self.python.floor_at(at_us)


STEPS = st.one_of(
    st.integers(0, 15_000),
    st.integers(-400_000, 400_000),
    st.integers(-(KEPT_BINS + 5) * BIN_US, (KEPT_BINS + 5) * BIN_US),
)
PACKETS = st.tuples(STEPS, st.floats(0, 1e6), st.booleans())


@settings(max_examples=400, deadline=None)
@given(st.integers(-10 * BIN_US, 10**15), st.lists(PACKETS, max_size=120), st.integers())
def test_any_packets_are_read_alike(at_us, packets, seed):
    both, dice = Both(), random.Random(seed)
    both.judge()
    for step_us, queue_us, judged in packets:
        at_us += step_us
        both.add(at_us, queue_us)
        if judged:
            both.judge()
        both.ask(at_us + dice.randint(-3_000_000, 100_000))


QUEUES = st.tuples(st.floats(-1, 1), st.integers(10, 1000))
"""Seconds a second, and for how many ms."""


@settings(max_examples=300, deadline=None)
@given(st.lists(QUEUES, min_size=1, max_size=12), st.integers(1, 25), st.sampled_from([0, 3, 30]))
def test_queues_that_come_and_go_are_read_alike(slopes, every_ms, jitter_ms):
    both, dice = Both(), random.Random(every_ms)
    at_ms = queue_ms = 0.0
    for slope, lasts_ms in slopes:
        until_ms = at_ms + lasts_ms
        while at_ms < until_ms:
            both.add(int(at_ms * 1000), (queue_ms + dice.uniform(0, jitter_ms)) * 1000)
            if dice.random() < every_ms / 60:
                both.judge()
            at_ms += every_ms
            queue_ms = max(queue_ms + slope * every_ms, 0.0)


def test_a_rise_and_a_trend_are_among_them():
    both = Both()
    for ms in range(0, 1100, 6):
        both.add(ms * 1000, max(ms - 1000, 0) * 700.0)
        if ms % 48 == 0:
            both.judge()
    assert both.rises
    assert both.overs


def test_a_line_that_is_forgotten_keeps_what_was_read_last():
    bank = LegBank()
    legs = bank.line(PPPOA)
    legs.delays.add(1_000_000, 7_000.0)
    legs.delays.judge()
    bank.forget_line(legs)
    legs.delays.add(2_000_000, 9_000.0)
    legs.delays.judge()
    assert (legs.delays.floor_us, legs.delays.newest_us) == (7_000.0, 1_000_000)
    assert legs.delays.floor_at(1_000_000) == 0.0
