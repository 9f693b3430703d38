"""Speech is sent twice where a line loses and has room, and makes way where it has none."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.redundancy import (
    SLOW,
    SWIFT,
    Losses,
    Redundancy,
    WhyTwice,
    speech_room_bps,
)
from sfu.media.allocation.voice import voice
from sfu.model import Codec, Framing

ATM = Encapsulation(Framing.ATM, 16)
TICK_S = 0.1
PACKETS = 11
"""A tick of speech and a picture."""


class Line:
    """A line in virtual time: packets of each tick lost by chance."""

    def __init__(self, *, required: int = 254_000, available: int = 631_000) -> None:
        self.way = Redundancy()
        self.now = 100.0
        self.required, self.available = required, available
        self.dice = random.Random(3)

    def run(self, seconds: float, loss: float, *, queued: bool = False) -> list[float]:
        """Return when it changed, from now."""
        began, changes = self.now, []
        while self.now < began + seconds:
            self.now += TICK_S
            lost = sum(self.dice.random() < loss for _ in range(PACKETS))
            self.way.heard(lost, PACKETS - lost, self.now, queued=queued)
            if self.way.update(self.required, self.available, self.now):
                changes.append(self.now - began)
        return changes


def test_a_voice_of_opus_costs_half_as_much_again_on_a_line_of_cells():
    once, twice = (voice(Codec.OPUS, headers_bytes=28, twice=it) for it in (False, True))
    assert [ATM.line_bps(one.ip_bytes, 50) for one in (once, twice)] == [84_800, 127_200]


def test_two_percent_are_seen_at_once_and_held_half_a_minute():
    line = Line()
    assert not line.run(30, 0)
    (on,) = line.run(20, 0.02)
    assert on < 2.5
    assert (line.way.choice.twice, line.way.choice.why) == (True, WhyTwice.LOSS)
    (off,) = line.run(60, 0)
    assert 25 < off < 36
    assert line.way.choice.why is WhyTwice.CLEAN


def test_half_a_percent_takes_longer():
    line = Line()
    assert not line.run(30, 0)
    on, *_ = line.run(60, 0.005)
    assert 2.5 < on < 30


def test_what_next_to_every_line_loses_is_let_be():
    assert not Line().run(600, 0.0002)


def test_one_burst_is_not_worth_it():
    line = Line()
    line.run(5, 0)
    assert not line.run(1.0, 0.3)
    assert not line.run(20, 0)


def test_what_a_queue_threw_away_does_not_count():
    line = Line()
    assert not line.run(20, 0.05, queued=True)
    assert line.run(5, 0.05)


def test_it_makes_way_at_once_and_comes_back_with_room_to_spare():
    line = Line()
    line.run(10, 0.02)
    line.available = 250_000
    (off,) = line.run(1, 0.02)
    assert off < 0.2
    assert line.way.choice.why is WhyTwice.NO_ROOM
    line.available = 280_000  # enough, not enough to spare
    assert not line.run(20, 0.02)
    line.available = 310_000
    assert len(line.run(20, 0.02)) == 1


def test_a_line_that_was_never_wide_enough_says_so():
    line = Line(required=254_000, available=200_000)
    (said,) = line.run(10, 0.02)
    assert line.way.choice.why is WhyTwice.NO_ROOM
    assert not line.way.choice.twice
    assert said < 5


def test_two_megabits_bear_two_voices_twice_and_half_a_megabit_one():
    assert speech_room_bps(2_000_000, 1) == 664_999
    assert speech_room_bps(500_000, 1) == 166_249
    assert speech_room_bps(500_000, 1) >= 1.2 * 127_200
    assert speech_room_bps(400_000, 1) < 1.2 * 127_200
    assert speech_room_bps(30_000, 1) == 0


def test_a_burst_proves_nothing_until_it_has_lasted():
    swift, slow = Losses(SWIFT), Losses(SLOW)
    for tick in range(8):
        swift.take(8, 24, tick * TICK_S)
        slow.take(8, 24, tick * TICK_S)
    assert (swift.share, swift.steady, slow.steady) == (0.25, False, False)
    for tick in range(8, 25):
        slow.take(8, 24, tick * TICK_S)
    assert slow.steady


def test_who_pauses_proves_nothing():
    losses = Losses()
    for tick in range(19):
        losses.take(1, 0, tick * TICK_S)  # too few to tell
    assert losses.share == 0.0
    assert not losses.steady
    losses.take(1, 0, 2.0)
    assert losses.share == 1.0
    assert not losses.steady  # once


@given(
    st.lists(st.tuples(st.integers(-3, 12), st.integers(0, 400_000), st.booleans()), max_size=200)
)
def test_it_never_takes_more_than_there_is_and_does_not_flap(script):
    way, now, turned_on = Redundancy(), 0.0, list[float]()
    for lost, available, queued in script:
        now += TICK_S
        before = way.choice.twice
        way.heard(lost, PACKETS, now, queued=queued)
        way.update(127_200, available, now)
        assert not way.choice.twice or available >= 127_200
        if way.choice.twice and not before:
            turned_on.append(now)
    assert all(later - sooner >= 10 for sooner, later in itertools.pairwise(turned_on))


def test_what_was_lost_before_a_silence_is_forgotten():
    losses = Losses()
    for span in range(SLOW.spans + 1):
        losses.take(2, 30, span * SLOW.span_s)
    assert losses.steady
    losses.take(0, 1, (SLOW.spans + 1) * SLOW.span_s + 4)
    assert losses.share == 0
