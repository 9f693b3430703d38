"""What of a delay is queue, and what only a clock."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.bwe.clock import LegClock

S = 1_000_000


def worst(skew: float, seconds: int, offset_us: int = 0) -> float:
    clock = LegClock()
    return max(
        clock.queue_us(round(offset_us + 15_000 + skew * at_us), at_us, 0.0)
        for at_us in range(0, seconds * S, 20_000)
    )


def test_what_is_above_the_least_delay_is_queue():
    clock = LegClock()
    delays = (15_000, 15_000, 45_000, 16_000)
    assert [clock.queue_us(one, n * 20_000, 0.0) for n, one in enumerate(delays)] == [
        0.0,
        0.0,
        30_000.0,
        1_000.0,
    ]


def test_a_clock_that_runs_fast_is_no_queue():
    assert worst(100e-6, 600) < 7_000
    assert worst(-100e-6, 600, -(10**12)) < 7_000


def test_after_a_minute_even_a_clock_that_is_slewed_is_known():
    assert worst(500e-6, 600) < 22_000


def test_who_joins_a_full_line_is_told_of_its_queue_and_then_sees_it_go():
    clock = LegClock()
    assert clock.queue_us(115_000, 0, 100_000.0) == 100_000.0
    assert clock.queue_us(15_000, 2 * S, 0.0) == 0.0
    assert clock.queue_us(45_000, 20 * S, 0.0) == 30_000.0


def test_a_clock_set_anew_is_not_an_hour_of_queue():
    clock = LegClock()
    clock.queue_us(15_000, 0, 0.0)
    assert clock.queue_us(3600 * S, S, 0.0) == 0.0


@given(st.lists(st.tuples(st.integers(0, S), st.integers(-(10**10), 10**10)), max_size=60))
def test_a_queue_is_never_negative(steps):
    clock, at_us = LegClock(), 0
    for after_us, delay_us in steps:
        at_us += after_us
        assert clock.queue_us(delay_us, at_us, 0.0) >= 0.0
