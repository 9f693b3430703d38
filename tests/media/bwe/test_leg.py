"""Departures matched with feedback that wraps, repeats itself and comes out of order."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.bwe.leg import RING, WRAP_US, Leg, carried_bps


def sent(leg: Leg, count: int, first: int = 0, every_us: int = 5_000, since_us: int = 0) -> None:
    for n in range(count):
        leg.sent(first + n & 0xFFFF, since_us + n * every_us, 1000)


def told(leg: Leg, *pairs):
    return list(leg.acked(pairs, 0.0, 0.0))


def test_each_packet_is_told_once_with_the_queue_it_met():
    leg = Leg()
    sent(leg, 3)
    samples = told(leg, (0, 20_000), (1, 25_000), (2, 40_000))
    assert [(one.departed_us, one.queue_us) for one in samples] == [
        (0, 0.0),
        (5_000, 0.0),
        (10_000, 10_000.0),
    ]
    assert told(leg, (2, 40_000)) == []


def test_a_loss_counts_once_and_not_when_it_came_late():
    leg = Leg()
    sent(leg, 4)
    told(leg, (0, 20_000), (1, None), (2, None), (3, 35_000))
    told(leg, (1, None), (2, 36_000))
    assert leg.take_losses() == (1, 3)
    assert leg.take_losses() == (0, 0)


def test_numbers_and_the_feedback_clock_may_wrap():
    leg = Leg()
    sent(leg, 4, first=0xFFFE)
    arrivals = [(WRAP_US - 8_000 + n * 5_000) % WRAP_US for n in range(4)]
    samples = told(leg, *zip([0xFFFE, 0xFFFF, 0, 1], arrivals, strict=True))
    assert [one.queue_us for one in samples] == [0.0] * 4


def test_feedback_that_outruns_the_departures_is_known_as_such():
    leg = Leg()
    assert not leg.knows(0)
    sent(leg, 3, first=0xFFFE)
    assert [leg.knows(n) for n in (0xFFFD, 0xFFFF, 0, 1)] == [True, True, True, False]


def test_the_rate_is_what_all_legs_carried_up_to_what_all_have_told():
    legs = [Leg(), Leg()]
    for leg in legs:
        sent(leg, 100)
    told(legs[0], *((n, n * 5_000 + 77) for n in range(100)))
    told(legs[1], *((n, n * 5_000 + 10**9) for n in range(80)))
    bps = carried_bps(legs, 200_000)
    assert bps is not None
    assert abs(bps - 2 * 1000 * 8 * 200) < 0.02 * bps


def test_while_packets_wait_the_rate_is_the_lines():
    leg = Leg()
    sent(leg, 100)
    told(leg, *((n, max(n * 5_000, n * 10_000 - 250_000)) for n in range(100)))
    bps = carried_bps([leg], 250_000, busy=True)
    assert bps is not None
    assert abs(bps - 800_000) < 8_000
    assert carried_bps([], 250_000) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 2 * RING), st.none() | st.integers(0, WRAP_US - 1)), max_size=80
    )
)
def test_whatever_is_told_no_packet_is_counted_twice(pairs):
    leg = Leg()
    sent(leg, 100)
    samples = told(leg, *pairs)
    assert len(samples) <= len({n for n, at in pairs if at is not None and n < 100})
    lost, received = leg.take_losses()
    assert 0 <= lost <= 100
    assert received == len(samples)
