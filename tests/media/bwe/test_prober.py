"""Probes are small, alone, and rarer the longer they fail."""

from sfu.media.bwe.prober import Prober

M = 1_000_000


def test_a_probe_goes_no_farther_than_what_waits_nor_than_a_step():
    assert (probe := Prober(2 * M).start(1.5 * M, 3 * M, 0.0))
    assert probe.rate_bps == 1.8 * M
    assert (probe := Prober(2 * M).start(1.0 * M, 3 * M, 0.0))
    assert probe.rate_bps == 1.25 * M
    assert (probe := Prober(2 * M).start(1.0 * M, 1.1 * M, 0.0))
    assert probe.rate_bps == 1.115 * M
    assert (probe := Prober(2 * M).start(1.9 * M, 3 * M, 0.0))
    assert probe.rate_bps == 2 * M


def test_it_leaves_no_more_than_35_ms_in_a_line_without_room():
    for capacity in (0.6 * M, 1.0 * M, 1.7 * M):
        probe = Prober(2 * M).start(capacity, 3 * M, 0.0)
        assert probe
        left_s = (probe.rate_bps - capacity) / capacity * (probe.ends - probe.began)
        assert left_s < 0.046


def test_a_failure_makes_the_next_smaller_and_not_at_once():
    prober = Prober(2 * M)
    assert prober.start(1 * M, 2 * M, 0.0)
    assert prober.start(1 * M, 2 * M, 0.1) is None  # one at a time
    prober.failed(1.25 * M, 30_000.0, 0.3)
    assert prober.start(1 * M, 2 * M, 2.2) is None
    assert (probe := prober.start(1 * M, 2 * M, 3.3))
    assert probe.rate_bps == 1.15 * M
    prober.succeeded(3.7)
    assert (probe := prober.start(1.15 * M, 2 * M, 3.9))
    assert probe.rate_bps == 1.4375 * M


def test_who_fails_for_long_asks_every_two_minutes():
    prober, now, gaps = Prober(2 * M), 0.0, []
    for _ in range(40):
        began = now
        while not prober.start(1 * M, 2 * M, now):
            now += 0.5
        gaps.append(now - began)
        prober.failed(1.15 * M, 0.0, now)
    assert gaps[1:12] == [2.0] * 11
    assert gaps[-1] == 120.0


def test_what_a_probe_left_is_not_held_against_the_line_unless_it_grows():
    prober = Prober(2 * M)
    prober.start(1 * M, 2 * M, 0.0)
    assert not prober.quiet(0.1, 0.0)
    prober.failed(1.25 * M, 30_000.0, 0.3)
    assert not prober.quiet(0.8, 50_000.0)
    assert not prober.quiet(1.5, 29_000.0)
    assert prober.quiet(1.5, 31_000.0)
    assert prober.quiet(2.4, 29_000.0)


def test_where_nothing_is_configured_the_steps_are_larger_until_an_end_shows():
    prober = Prober(None)
    assert (probe := prober.start(600_000, 5 * M, 0.0))
    assert probe.rate_bps == 900_000
    prober.failed(900_000, 20_000.0, 0.3)
    assert (probe := prober.start(600_000, 5 * M, 4.0))
    assert probe.rate_bps == 750_000
