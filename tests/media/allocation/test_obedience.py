from sfu.media.allocation.obedience import Obedience


def play(one, bps, start, end):
    """Measured each 0.1 s; return when the verdict changed."""
    return [t / 10 for t in range(10 * start, 10 * end) if one.measured(bps, t / 10)]


def test_a_fifth_too_much_for_five_seconds_is_deaf():
    one = Obedience()
    one.told(500_000, 0.0)
    assert play(one, 650_000, 0, 10) == [5.0]
    assert one.deaf


def test_some_overshoot_is_none():
    one = Obedience()
    one.told(500_000, 0.0)
    assert play(one, 590_000, 0, 60) == []


def test_who_was_just_told_has_time_to_follow():
    one = Obedience()
    one.told(1_000_000, 0.0)
    play(one, 1_000_000, 0, 10)
    one.told(500_000, 10.0)
    assert play(one, 1_000_000, 10, 14) == []
    assert play(one, 500_000, 14, 30) == []


def test_a_deaf_one_is_flagged_within_ten_seconds_of_being_told():
    one = Obedience()
    one.told(1_800_000, 0.0)
    play(one, 1_800_000, 0, 20)
    one.told(600_000, 20.0)
    assert play(one, 1_800_000, 20, 40) == [30.0]


def test_who_comes_back_into_his_limit_obeys_again():
    one = Obedience()
    one.told(500_000, 0.0)
    play(one, 900_000, 0, 10)
    assert play(one, 500_000, 10, 20) == [15.0]
    assert not one.deaf


def test_a_limit_above_what_it_sends_proves_nothing():
    one = Obedience()
    one.told(500_000, 0.0)
    play(one, 900_000, 0, 10)
    one.told(900_000, 10.0)
    assert play(one, 900_000, 10, 60) == []
    assert one.deaf
    one.told(500_000, 60.0)
    assert play(one, 700_000, 60, 80) == []  # not for that limit
    assert play(one, 500_000, 80, 90) == [85.0]


def pressed(one, rates, start):
    """Measured each 0.1 s in a queue; return when the verdict changed."""
    times = [start + step / 10 for step in range(len(rates))]
    return [t for t, bps in zip(times, rates, strict=True) if one.measured(bps, t, pressed=True)]


def test_in_a_queue_who_does_not_begin_to_come_down_is_deaf_sooner():
    one = Obedience()
    one.told(900_000, 0.0)
    play(one, 900_000, 0, 20)
    one.told(300_000, 20.0)
    assert pressed(one, [900_000] * 50, 20.0) == [22.5]


def test_a_full_line_that_lets_less_through_is_no_coming_down_for_long():
    one = Obedience()
    one.told(900_000, 0.0)
    play(one, 900_000, 0, 20)
    one.told(300_000, 20.0)
    assert pressed(one, [900_000] * 5 + [600_000] * 60, 20.0) == [23.0]


def test_who_comes_down_slowly_has_the_time_for_it():
    one = Obedience()
    one.told(900_000, 0.0)
    play(one, 900_000, 0, 20)
    one.told(300_000, 20.0)
    slowly = [900_000 - 60_000 * (step // 10) for step in range(100)]
    assert pressed(one, [*slowly, *[350_000] * 300], 20.0) == []


def test_in_a_queue_who_rises_above_what_it_has_long_been_told_is_deaf_at_once():
    one = Obedience()
    one.told(300_000, 0.0)
    play(one, 280_000, 0, 20)
    assert pressed(one, [600_000] * 30, 20.0) == [21.0]
