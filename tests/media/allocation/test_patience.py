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
