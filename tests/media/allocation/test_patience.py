from itertools import pairwise

from sfu.media.allocation.patience import ANYTHING, Patience
from sfu.model import MemberId


def viewer():
    return Patience(MemberId("m1"))


def risen(one, level, start, end):
    """Room for a level each 0.1 s; return when it went up."""
    return [t / 10 for t in range(10 * start, 10 * end) if one.rises(level, t / 10)]


def test_down_at_once_up_after_ten_seconds():
    one = viewer()
    one.given(0, top=1, now=20.0)
    assert one.has == 0
    assert risen(one, 1, 20, 40)[0] == 30.0


def test_room_must_last_five_seconds():
    one = viewer()
    one.given(0, top=1, now=20.0)
    risen(one, 1, 20, 34 - 5)
    assert risen(one, 0, 29, 31) == []
    assert risen(one, 1, 31, 50)[0] == 36.0


def test_who_begins_low_did_not_fall():
    one = viewer()
    one.given(0, top=1, now=0.0)
    assert risen(one, 1, 1, 20)[0] == 6.0


def test_who_makes_way_for_a_new_speaker_has_learnt_nothing_of_the_line():
    one = viewer()
    for now in (20.0, 25.0, 30.0):
        one.shared_anew(now)
        one.given(0, top=1, now=now + 0.1)
        assert one.wait_s == 10
    one.shared_anew(35.0)
    assert one.has == ANYTHING


def test_who_fell_just_now_waits_whoever_speaks():
    one = viewer()
    one.given(0, top=1, now=20.0)
    one.shared_anew(25.0)
    assert one.has == 0
    assert risen(one, 1, 25, 40)[0] == 30.0


def test_each_failed_step_doubles_the_wait():
    one = viewer()
    now, waits = 20.0, []
    for _ in range(5):
        one.given(0, top=2, now=now)
        up = risen(one, 1, int(now), int(now) + 130)[0]
        waits.append(up - now)
        now = up + 1
    assert waits == [10, 20, 40, 80, 120]


def test_who_has_what_he_asked_for_is_limited_by_nothing():
    one = viewer()
    one.given(1, top=1, now=9.0)
    assert one.has == ANYTHING


def test_a_step_up_that_brings_nothing_is_taken_back_and_tried_less_and_less():
    patience = Patience(MemberId("m1"), begun_at=-100.0)
    patience.given(0, 2, 0.0)
    now = 0.0
    tried: list[float] = []
    while len(tried) < 5:
        now += 0.5
        if patience.rises(1, now):
            tried.append(now)
            assert not patience.brought(0, now)
            assert patience.has == 0
    waits = [later - sooner for sooner, later in pairwise(tried)]
    assert waits == [20.0, 40.0, 80.0, 120.0]


def test_a_step_up_that_brings_less_than_hoped_is_no_failure():
    patience = Patience(MemberId("m1"), begun_at=-100.0)
    patience.given(0, 3, 0.0)
    patience.rises(2, 5.0)
    assert patience.rises(2, 15.0)
    assert patience.brought(1, 15.0)
    assert (patience.has, patience.wait_s) == (1, 10.0)
