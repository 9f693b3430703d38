import itertools
import random

from sfu.media.allocation.event import Capacity
from sfu.media.allocation.share import ASK_MOST, Share


def play(share, rates, queue=0.0, start=0.0):
    """One rate each 0.1 s; return what was taken in."""
    taken = []
    for step, bps in enumerate(rates):
        share.update(Capacity(int(bps), queue), start + 0.1 * step)
        taken.append(share.capacity_bps)
    return taken


def test_a_fall_counts_at_once_and_a_rise_when_it_has_lasted_a_second():
    taken = play(Share(grows=True), [2e6] * 5 + [1e6] * 30 + [2e6] * 20)
    assert taken[5] == 1e6
    assert taken[35] == taken[43] == 1e6
    assert taken[46] == 2e6


def test_a_rise_that_a_probe_has_proven_counts_at_once():
    share = Share(grows=True)
    play(share, [1e6] * 20)
    share.update(Capacity(1_250_000, proven_bps=1_250_000), 2.0)
    assert share.capacity_bps == 1_250_000
    share.update(Capacity(1_550_000, proven_bps=1_550_000), 2.2)
    assert share.capacity_bps == 1_250_000  # encoders have to follow
    share.update(Capacity(1_600_000, proven_bps=1_550_000), 2.5)
    assert share.capacity_bps == 1_550_000  # what is more than proven waits


def test_where_a_proven_rise_did_not_hold_the_next_waits():
    share = Share(grows=True)
    play(share, [1e6] * 20)
    share.update(Capacity(1_250_000, proven_bps=1_250_000), 2.0)
    share.update(Capacity(900_000), 3.0)
    share.update(Capacity(1_250_000, proven_bps=1_250_000), 4.0)
    assert share.capacity_bps == 900_000
    assert play(share, [1.25e6] * 30, start=4.1)[-1] == 1.25e6


def test_a_rise_step_by_step_is_followed_twice_a_second():
    taken = play(Share(grows=True), [1e6] * 15 + [1e6 * 1.008**step for step in range(80)])
    changes = sum(a != b for a, b in itertools.pairwise(taken))
    assert 8 <= changes <= 16
    assert taken[-1] > 0.9 * 1e6 * 1.008**79


def test_noise_of_a_tenth_settles_below_it():
    dice = random.Random(7)
    share = Share(grows=True)
    taken = play(share, [1e6 * dice.uniform(0.9, 1.1) for _ in range(6000)])
    later = taken[600:]
    changes = sum(a != b for a, b in itertools.pairwise(later))
    assert changes <= 9 * 10  # nine minutes, ten a minute
    assert min(later) >= 0.9e6


def test_a_line_at_rest_is_asked_for_more_up_to_92_per_cent():
    share = Share(grows=True)
    play(share, [2e6] * 100)
    assert share.ask == ASK_MOST


def test_a_queue_sets_it_back_and_it_stops_short_of_that_next_time():
    share = Share(grows=True)
    play(share, [2e6] * 100)
    play(share, [2e6], queue=0.04, start=10.0)
    assert share.ask == 0.85
    play(share, [2e6] * 300, start=10.1)
    assert share.ask == 0.90
    play(share, [2e6] * 700, start=41.0)
    assert share.ask == ASK_MOST


def test_the_queue_a_probe_left_takes_nothing_back():
    share = Share(grows=True)
    for step in range(200):
        probed = step % 20 < 5  # half a second of every two
        share.update(Capacity(1_000_000, 0.040 if probed else 0.0, probed=probed), 0.1 * step)
    assert share.ask == ASK_MOST
    share.update(Capacity(1_000_000, 0.040), 20.0)
    assert share.ask < ASK_MOST


def test_what_a_site_sends_stays_at_85_per_cent():
    share = Share(grows=False)
    play(share, [2e6] * 200)
    assert share.ask == 0.85
