"""Down at once, up by proof."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.bwe import Why
from sfu.media.bwe.control import LEAST_BPS, Control
from sfu.media.bwe.losses import Losses
from sfu.media.bwe.usage import Counter, Usage

M = 1_000_000


def test_the_first_cut_empties_the_queue_and_the_next_are_smaller():
    control = Control(2 * M, 2 * M)
    control.over(1 * M, 1.6 * M, Why.DELAY, 10.0)
    assert (control.capacity, control.congested) == (0.7 * M, True)
    control.over(0.6 * M, 0.7 * M, Why.DELAY, 10.1)
    assert control.capacity == 0.7 * M
    control.over(0.6 * M, 0.7 * M, Why.DELAY, 10.4, settled=False)
    assert control.capacity == 0.7 * M
    control.over(0.6 * M, 0.7 * M, Why.DELAY, 10.4)
    assert control.capacity == 0.85 * 0.6 * M


def test_when_the_queue_has_gone_what_got_through_it_is_believed_once():
    control = Control(2 * M, 2 * M)
    control.over(1.2 * M, 1.6 * M, Why.DELAY, 10.0)
    for _ in range(5):
        control.passing(1 * M)
    control.drained(11.0)
    assert 0.97 * M < control.capacity < 0.98 * M
    assert control.why is Why.DRAINED
    control.over(0.8 * M, 0.9 * M, Why.DELAY, 12.0)
    control.drained(13.0)
    assert control.capacity == 0.85 * 0.8 * M


def test_with_the_first_packets_that_find_none_most_of_it_is_believed():
    control = Control(2 * M, 2 * M)
    control.over(1 * M, 1.6 * M, Why.DELAY, 10.0)
    control.emptied(10.4)
    assert control.capacity == 0.85 * M
    assert control.congested


def test_while_the_queue_goes_more_is_sent_than_emptied_it():
    control = Control(2 * M, 2 * M)
    control.over(1 * M, 1.6 * M, Why.DELAY, 10.0)
    control.over(1 * M, 0.7 * M, Why.DELAY, 10.1, settled=False)
    assert control.capacity == 0.7 * M
    control.over(1 * M, 0.7 * M, Why.DELAY, 10.2, settled=False, falls=True)
    assert (control.capacity, control.congested) == (0.85 * M, True)
    control.drained(10.4)
    assert control.capacity == 0.97 * M


def test_what_brought_the_queue_back_once_does_not_do_so_again():
    control = Control(2 * M, 2 * M)
    control.over(1 * M, 1.6 * M, Why.DELAY, 10.0)
    control.drained(10.5)
    control.over(0.9 * M, 1 * M, Why.DELAY, 11.0)
    after = control.capacity
    control.over(1 * M, after, Why.DELAY, 11.2, settled=False, falls=True)
    assert control.capacity == after


def test_who_sends_little_does_not_lose_all_for_a_queue_of_others():
    control = Control(2 * M, 2 * M)
    control.over(80_000, 80_000, Why.DELAY, 10.0)
    assert control.capacity == 1 * M


def test_growth_waits_after_a_cut_and_stays_near_what_is_carried():
    control = Control(2 * M, 2 * M)
    control.over(1 * M, 2 * M, Why.DELAY, 0.0)
    control.drained(1.0)
    after = control.capacity
    control.grow(2 * M, 4.9)
    assert control.capacity == after
    for n in range(40):
        control.grow(0.5 * M, 5.0 + n / 10)
    assert control.capacity == after  # 1.5 times half of it is less
    for n in range(40):
        control.grow(2 * M, 9.0 + n / 20)
    assert 1.0 * M < control.capacity < 1.04 * M  # and the end is remembered


def test_a_probe_that_went_through_moves_the_end():
    control = Control(2 * M, 2 * M)
    control.over(1 * M, 2 * M, Why.DELAY, 0.0)
    control.drained(1.0)
    control.proven(1.3 * M)
    assert (control.capacity, control.why) == (1.3 * M, Why.PROBE)
    assert control.proven_bps == 1.3 * M
    control.ended_at(1.1 * M, 8.0)
    assert control.capacity == 1.1 * M
    control.proven(3 * M)
    assert (control.capacity, control.why) == (2 * M, Why.CONFIGURED)


moves = st.lists(
    st.tuples(
        st.sampled_from(["over", "passing", "drained", "lossy", "grow", "step", "proven", "ended"]),
        st.integers(0, 10 * M),
        st.floats(0, 1),
    ),
    max_size=80,
)


@given(moves, st.sampled_from([None, 300_000, 2 * M]))
def test_it_is_never_above_the_ceiling_nor_below_the_floor_and_cuts_keep_their_distance(
    script, ceiling
):
    control, now, cuts = Control(ceiling or 600_000, ceiling), 0.0, []
    for move, bps, after in script:
        now += after
        before = control.cuts
        match move:
            case "over":
                control.over(bps, bps, Why.DELAY, now)
                if control.cuts > before:
                    cuts.append(now)
            case "passing":
                control.passing(bps)
            case "drained":
                control.drained(now)
            case "lossy":
                control.lossy(bps, after, now)
            case "grow":
                control.grow(bps, now)
            case "step":
                control.step(1.02, bps, now)
            case "proven":
                control.proven(bps)
            case "ended":
                control.ended_at(bps or None, now)
        assert control.capacity >= LEAST_BPS
        assert ceiling is None or control.capacity <= ceiling
        assert (ceiling is not None and control.capacity == ceiling) == (
            control.why is Why.CONFIGURED
        ) or ceiling is None
    assert all(later - earlier > 0.2999 for earlier, later in pairwise(cuts))


def test_heavy_loss_is_told_after_two_spans_of_enough_packets():
    losses = Losses(0.15)
    spans = [losses.add(1, 3, n / 10) for n in range(30)]
    assert sum(spans) == 5
    assert losses.heavy_spans == 5
    assert 0.15 < losses.share < 0.25


def test_what_nobody_tells_of_is_counted_by_the_engine():
    usage, counter = Usage(), Counter()
    assert counter.bps() == 0.0
    for n in range(21):
        for _ in range(5):
            usage.sent(1000)
        usage.used(7000, n * 0.05)
    assert round(usage.all.bps()) == 7000 * 8 * 20
    assert round(usage.silent_bps) == 2000 * 8 * 20
