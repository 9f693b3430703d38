"""A queue that stands, a queue that grows, and a line that only wobbles."""

import random

from sfu.media.bwe.delays import KEPT_BINS, PlainDelays


def judged(queue_of, until_ms: int, every_ms: int = 6) -> PlainDelays:
    delays = PlainDelays()
    for ms in range(0, until_ms, every_ms):
        delays.add(ms * 1000, queue_of(ms) * 1000.0)
        if ms % 96 == 0:
            delays.judge()
    delays.judge()
    return delays


def test_the_floor_is_the_least_of_the_last_packets():
    delays = judged(lambda ms: 40 if ms % 12 else 33, 1000)
    assert delays.floor_us == 33_000
    assert not delays.over


def test_a_queue_that_grows_is_seen_before_it_stands_long():
    delays = judged(lambda ms: max(ms - 1000, 0) * 0.9, 1080)
    assert delays.over
    assert delays.slope > 0.1
    assert 10_000 < delays.floor_us < 40_000


def test_a_calm_line_that_becomes_too_small_is_seen_at_once():
    delays = judged(lambda ms: max(ms - 1000, 0) * 0.7 + ms % 3, 1050)
    assert 0.6 < delays.rise < 0.8
    assert delays.floor_us < 25_000


def test_the_faster_it_becomes_too_small_the_fewer_packets_show_it():
    for slope, seen_by in ((0.95, 1030), (0.5, 1050), (0.3, 1070)):
        assert judged(lambda ms, slope=slope: max(ms - 998, 0) * slope, seen_by + 10, 3).rise
        assert not judged(lambda ms, slope=slope: max(ms - 998, 0) * slope, 1020, 3).rise


def test_a_rise_that_is_over_when_it_is_told_of_is_seen_once():
    delays = PlainDelays()
    for ms in range(0, 1000, 6):
        delays.add(ms * 1000, 0.0)
    delays.judge()
    assert not delays.rise
    for ms in range(1002, 1100, 6):
        delays.add(ms * 1000, 1000 * (0.7 * (ms - 1000) if ms < 1060 else 42 - 0.5 * (ms - 1060)))
    delays.judge()
    assert 0.6 < delays.rise < 0.8
    for ms in range(1100, 1200, 6):
        delays.add(ms * 1000, 1000 * max(22 - 0.5 * (ms - 1100), 0))
    delays.judge()
    assert not delays.rise


def test_a_queue_that_jumps_and_goes_is_no_rise():
    for ms in range(1000, 1100, 10):
        delays = judged(lambda at: max(35 - (at - 1000) * 0.5, 0) if at >= 1000 else 0, ms)
        assert not delays.rise


def test_one_that_goes_falls():
    assert judged(lambda ms: max(200 - ms * 0.3, 0), 500).slope < -0.2


def test_jitter_is_neither():
    dice = random.Random(1)
    delays = PlainDelays()
    for ms in range(0, 60_000, 6):
        delays.add(ms * 1000, dice.uniform(0, 30_000))
        if ms % 96 == 0:
            delays.judge()
            assert not (delays.over and delays.floor_us >= 15_000)
            assert delays.floor_us < 30_000
            assert not delays.rise


def test_sound_alone_needs_a_longer_look():
    delays = judged(lambda ms: 0 if ms == 880 else 50, 1000, every_ms=20)
    assert delays.floor_us == 0
    assert delays.floor_at(870_000) == 50_000


def test_what_is_old_is_forgotten():
    delays = judged(lambda ms: 5, 60_000)
    assert len(delays._bins) <= KEPT_BINS
