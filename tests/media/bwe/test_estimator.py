"""What takes a line's capacity away is found, and given back when it goes: in virtual time."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.bwe import (
    Acked,
    Closed,
    Estimate,
    Heard,
    Limited,
    LineEstimator,
    Opposite,
    ProbeEnded,
    Received,
    Reported,
    Sent,
    StartProbe,
    StopProbe,
    Used,
    Why,
)
from sfu.model import SourceId, TransportId
from tests.media.bwe.play import EFM, PLAIN, PPPOA, PPPOE, Member, Play, cross, step

LEG, OTHER, THIRD = TransportId(1), TransportId(2), TransportId(3)
M = 1_000_000
DOWN, UP = 12, 32
"""When the line halves, and when it is whole again."""
HALVED = {DOWN * 1000: step(1 * M), UP * 1000: step(2 * M)}


def test_a_line_starts_at_its_configured_rate():
    assert LineEstimator(2 * M, PPPOA).estimate == Estimate(2 * M, 0.0, 0.0, False, Why.CONFIGURED)


def test_a_line_nobody_described_starts_low():
    assert LineEstimator(None, PPPOA).estimate.capacity_bps == 600_000


# ---- a line that halves


@pytest.mark.scenario
@pytest.mark.parametrize("framing", [PLAIN, EFM, PPPOA, PPPOE], ids=["plain", "efm", "oa", "oe"])
def test_a_line_that_halves_is_found_at_once_and_given_back_when_it_returns(framing):
    play = Play(encapsulation=framing, events=dict(HALVED)).run(UP + 9)
    assert play.cuts(until=DOWN) == 0
    assert play.worst_queue(DOWN) < 250
    assert play.settle(DOWN, UP) <= 1.5
    assert play.members[0].sound_lost == 0
    assert 0.9 * M < play.use(DOWN + 8, UP) < 1.06 * M
    assert play.recover(UP, 1.8 * M) <= 8
    assert play.cuts() <= 4
    assert play.cuts(since=UP) == 0


@pytest.mark.scenario
def test_a_pacer_that_is_always_full_loses_a_handful_of_packets_and_settles_as_well():
    play = Play(events=dict(HALVED), greedy=True).run(UP + 9)
    assert play.settle(DOWN, UP) <= 1.5
    assert play.members[0].sound_lost <= 8
    assert play.recover(UP, 1.8 * M) <= 8
    assert play.cuts(since=DOWN + 5) <= 2


@pytest.mark.scenario
@pytest.mark.parametrize("feedback_ms", [50, 250])
def test_feedback_may_come_each_50_or_each_250_ms(feedback_ms):
    members = [Member(LEG, feedback_ms=feedback_ms)]
    play = Play(members=members, events=dict(HALVED)).run(UP + 9)
    assert play.worst_queue(DOWN) < 250
    assert play.settle(DOWN, UP) <= 1.5
    assert play.recover(UP, 1.8 * M) <= 8


@pytest.mark.scenario
def test_legs_behind_one_line_are_one_flow_whatever_their_clocks():
    members = [
        Member(LEG),
        Member(OTHER, offset_us=5_000_000_000, skew=100e-6, feedback_ms=60),
        Member(TransportId(4), feedback_ms=0, sounds=1),
        Member(THIRD, joins_ms=DOWN * 1000 + 250, leaves_ms=25_000, offset_us=-(10**11)),
    ]
    play = Play(members=members, events=dict(HALVED)).run(UP + 9)
    assert play.worst_queue(DOWN) < 250
    assert play.worst_queue(DOWN + 2, UP) < 90
    assert play.recover(UP, 1.8 * M) <= 8
    assert sum(one.sound_lost for one in members) == 0


def test_traffic_of_others_is_made_room_for():
    events = {DOWN * 1000: cross(800_000), UP * 1000: cross(0)}
    play = Play(events=events).run(UP + 9)
    assert play.worst_queue(DOWN) < 120
    assert play.settle(DOWN, UP) <= 1.5
    assert 0.9 * M < play.use(DOWN + 8, UP) < 1.5 * M
    assert play.recover(UP, 1.8 * M) <= 8


@pytest.mark.scenario
def test_even_a_line_for_sound_alone_is_found_and_left_again():
    events = {DOWN * 1000: step(150_000), 20_000: step(2 * M)}
    play = Play(events=events).run(55)
    assert 100_000 < play.capacity(20) < 160_000
    assert play.recover(20, 1.8 * M) <= 40


# ---- what is no congestion


@pytest.mark.scenario
def test_a_line_used_to_its_share_by_paced_pictures_and_bursts_of_sound_is_not_cut():
    members = [Member(LEG, sounds=4), Member(OTHER, sounds=4)]
    play = Play(members=members, greedy=True).run(40)
    assert play.cut_at == []
    assert play.probes == []
    assert play.capacity(39) == 2 * M


@pytest.mark.scenario
@pytest.mark.parametrize("seed", [1, 2])
def test_jitter_of_20_ms_is_no_congestion_in_two_minutes_and_30_hardly_ever(seed):
    assert Play(jitter_ms=20, seed=seed).run(120 if seed == 1 else 20).cuts() == 0
    assert Play(jitter_ms=30, seed=seed).run(20 if seed == 1 else 120).cuts() <= 3


@pytest.mark.parametrize("loss", [0.02, 0.1])
def test_loss_without_delay_is_noise(loss):
    play = Play(loss=loss).run(25)
    assert play.cuts() == 0
    assert abs(play.trace[-1][3].loss - loss) < loss / 2


@pytest.mark.scenario
@pytest.mark.parametrize("skew", [100e-6, -100e-6])
def test_a_clock_that_runs_wrong_is_no_congestion(skew):
    assert Play(members=[Member(LEG, skew=skew)]).run(50).cuts() == 0


def test_packets_out_of_order_and_a_second_without_feedback_are_no_congestion():
    members = [Member(LEG, deaf_ms=(8_000, 9_000))]
    play = Play(members=members, reorder=0.05).run(20)
    assert play.cuts() == 0
    assert play.trace[-1][3].loss < 0.02


def test_a_line_that_rests_keeps_its_estimate_and_finds_out_when_it_is_used_again():
    events = {8_000: step(1 * M)}
    play = Play(events=events, quiet_ms=(5_000, 15_000)).run(25)
    assert play.capacity(14.9) == 2 * M
    assert play.settle(15, 25) <= 1.5
    assert play.use(20, 25) > 0.9 * M


# ---- probes


def test_probes_serve_only_what_waits_for_room():
    play = Play(events={4_000: step(1 * M)}, offer_bps=100_000).run(20)
    assert play.probes == []


def test_a_probe_nobody_can_carry_says_nothing():
    play = Play(events={4_000: step(1 * M), 20_000: step(2 * M)}, padding=False).run(40)
    assert play.cuts(since=6, until=20) <= 1
    assert play.capacity(39) > 1.2 * M  # by growth alone


def test_a_probe_stops_when_slides_begin_and_is_not_held_against_the_line():
    play = Play(events=dict(HALVED))
    while not play.probes:
        play.run(play.now + 0.05)
    play.estimator.handle(Limited(3 * M, may_probe=False), play.now)
    assert list(play.estimator.poll()) == [StopProbe()]
    assert play.estimator.deadline is None


# ---- receiver reports


def test_reports_alone_find_a_halved_line_late_but_without_swinging():
    members = [Member(LEG, feedback_ms=0, sounds=1)]
    play = Play(members=members, events=dict(HALVED)).run(92)
    assert play.settle(DOWN, UP, limit=100) <= 6
    assert members[0].sound_lost <= 80
    assert play.probes == []
    assert play.recover(UP, 1.7 * M) <= 60


def test_a_round_trip_four_times_a_second_finds_it_before_much_is_lost():
    members = [Member(LEG, feedback_ms=0, sounds=1, sensed=True)]
    play = Play(members=members, events=dict(HALVED)).run(UP + 30)
    assert play.settle(DOWN, UP, limit=100) <= 1.5
    assert members[0].sound_lost <= 2  # a queue of 200 ms is full after 0.25 s
    assert play.recover(UP, 1.8 * M) <= 30


# ---- nothing is configured


def test_a_fast_path_nobody_described_is_found_within_seconds():
    play = Play(ceiling=None, rate=5 * M, offer_bps=5 * M).run(20)
    assert play.recover(0, 2 * M) <= 4
    assert play.recover(0, 4.5 * M) <= 12
    assert play.worst_queue(0) < 120


def test_a_thin_path_nobody_described_survives_the_start():
    members = [Member(LEG, sounds=1)]
    play = Play(ceiling=None, rate=300_000, members=members).run(30)
    assert play.settle(0, 30, limit=150) <= 2
    assert 200_000 < play.use(5, 30) < 330_000


# ---- what comes up the line


def come_up(estimator: LineEstimator, seconds: float, queue_of, bps_of) -> None:
    """Two rooms' sounds, looked at each 50 ms, each dated by a clock of its own."""
    for ms in range(0, int(seconds * 1000), 50):
        now = ms / 1000
        for source, offset_us in ((1, 0), (2, 10**9)):
            arrived_us = ms * 1000 + 15_000 + int(queue_of(now) * 1e6)
            estimator.handle(Heard(SourceId(source), ms * 1000 + offset_us, arrived_us), now)
        estimator.handle(Received(int(bps_of(now) / 8 / 20)), now)
        estimator.tick(now)


def test_a_queue_on_the_way_up_is_seen_by_the_sounds_of_all_who_send():
    estimator = LineEstimator(2 * M, PPPOA)
    come_up(estimator, 10, lambda now: max(now - 9.5, 0) * 0.5, lambda now: M)
    assert estimator.estimate.congested
    assert 0.6 * M < estimator.estimate.capacity_bps < 0.75 * M
    assert estimator.estimate.queue_s > 0.1


def test_when_it_has_gone_what_came_through_is_believed():
    estimator = LineEstimator(2 * M, PPPOA)
    come_up(estimator, 12, lambda now: 0.15 if 9 < now < 9.6 else 0.0, lambda now: M)
    assert not estimator.estimate.congested
    assert estimator.estimate.why is Why.DRAINED
    assert 0.9 * M < estimator.estimate.capacity_bps < M


# ---- laws


def test_feedback_that_comes_before_the_departures_waits_for_them():
    early, late = LineEstimator(2 * M, PPPOA), LineEstimator(2 * M, PPPOA)
    for n in range(400):
        now = n * 0.05
        sent = [Sent(LEG, (n * 8 + k) & 0xFFFF, 1200, n * 50_000 + k * 6_000) for k in range(8)]
        queue_us = max(n - 300, 0) * 10_000
        told = tuple((one.sequence, one.at_us + 15_000 + queue_us) for one in sent)
        early.handle(Acked(LEG, told), now)
        for one in sent:
            early.handle(one, now)
            late.handle(one, now)
        late.handle(Acked(LEG, told), now)
        early.tick(now)
        late.tick(now)
        assert early.estimate == late.estimate
    assert early.cuts > 0


event = st.one_of(
    st.builds(
        Acked,
        st.just(LEG) | st.just(OTHER),
        st.lists(st.tuples(st.integers(0, 80), st.none() | st.integers(0, 10**7)), max_size=20).map(
            tuple
        ),
    ),
    st.builds(Sent, st.just(LEG), st.integers(0, 80), st.integers(0, 1400), st.integers(0, 10**7)),
    st.builds(
        Reported,
        st.just(OTHER),
        st.none() | st.floats(0, 1),
        st.none() | st.floats(0, 1),
        st.none() | st.floats(0, 60),
    ),
    st.builds(Heard, st.just(SourceId(1)), st.integers(-(10**9), 10**9), st.integers(0, 10**7)),
    st.builds(Used, st.integers(0, 10**6)),
    st.builds(Received, st.integers(0, 10**6)),
    st.builds(Opposite, st.floats(0, 1)),
    st.builds(Limited, st.integers(0, 10**7), st.booleans()),
    st.just(ProbeEnded()),
    st.just(Closed(LEG)),
    st.just(None),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(event, st.floats(0, 1)), max_size=120), st.sampled_from([None, 300_000, M])
)
def test_whatever_it_is_told_it_stays_within_its_bounds_and_probes_one_at_a_time(script, ceiling):
    estimator, now, running = LineEstimator(ceiling, PPPOA), 0.0, -1.0
    for one, after in script:
        now += after
        if one is not None:
            estimator.handle(one, now)
        estimator.tick(now)
        for output in estimator.poll():
            if isinstance(output, StartProbe):
                assert now >= running
                assert output.duration_us <= 500_000
                assert ceiling is None or output.rate_bps <= ceiling
                running = now + output.duration_us / 1e6
            else:
                running = now
        told = estimator.estimate
        assert told.capacity_bps > 0
        assert ceiling is None or told.capacity_bps <= ceiling
        assert told.queue_s >= 0
        assert 0 <= told.loss <= 1


@pytest.mark.scenario
@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.sampled_from([300_000, 700_000, 1 * M, 2 * M]), min_size=3, max_size=3),
    st.integers(0, 30),
    st.integers(0, 3),
    st.integers(0, 1000),
)
def test_on_any_line_cuts_keep_their_distance_and_no_queue_lasts(rates, jitter_ms, loss, seed):
    events = {4000 * (n + 1): step(rate) for n, rate in enumerate(rates)}
    play = Play(events=events, jitter_ms=jitter_ms, loss=loss / 100, seed=seed).run(16)
    assert all(b - a >= 0.29 for a, b in pairwise(play.cut_at))
    assert play.cuts() <= 12
    for n in range(3):
        after = 4 * (n + 1)
        assert play.settle(after, after + 4, limit=150) <= 2.5
