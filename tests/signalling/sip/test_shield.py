"""Who is dropped too often is dropped by the kernel, for a while that grows."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.signalling.sip.shield import (
    BLOCK_MAX_S,
    BLOCK_S,
    FORGET_S,
    MAX_BLOCKED,
    MAX_WATCHED,
    TOO_OFTEN,
    Shield,
)

SITE = "203.0.113.9"


def flood(shield: Shield, now: float, site: str = SITE) -> None:
    for _ in range(TOO_OFTEN):
        shield.dropped(site, now)


def test_a_little_too_much_is_dropped_by_ourselves():
    shield = Shield()
    for second in range(100):
        for _ in range(TOO_OFTEN - 1):
            shield.dropped(SITE, 2.0 * second)
    assert not shield.blocked
    assert shield.deadline is None


def test_a_flood_is_blocked_and_longer_each_time_it_goes_on():
    shield, now, lasted = Shield(), 100.0, []
    for _ in range(6):
        flood(shield, now)
        assert shield.blocked == {SITE}
        end = shield.deadline
        assert end is not None
        lasted.append(end - now)
        shield.tick(end - 0.01)
        assert shield.blocked
        shield.tick(end)
        assert not shield.blocked
        now = end + 1
    assert lasted == [1, 2, 4, 8, 8, 8]
    flood(shield, now + FORGET_S)
    assert shield.deadline == now + FORGET_S + BLOCK_S


def test_who_is_needed_is_let_through_at_once():
    shield = Shield()
    flood(shield, 1.0)
    shield.spare(SITE)
    assert not shield.blocked


def test_so_many_are_blocked_at_most():
    shield = Shield()
    for number in range(MAX_WATCHED + 100):
        flood(shield, 1.0, f"10.0.{number >> 8}.{number & 255}")
    assert len(shield.blocked) <= MAX_BLOCKED
    shield.tick(1.0 + BLOCK_MAX_S)
    assert not shield.blocked


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 0.5), st.booleans()), max_size=400))
def test_no_block_outlasts_its_deadline(script):
    shield, now = Shield(), 0.0
    for number, pause, spared in script:
        now += pause
        shield.tick(now)
        site = f"10.0.0.{number}"
        shield.spare(site) if spared and number == 3 else flood(shield, now, site)
        assert shield.deadline is None or now < shield.deadline <= now + BLOCK_MAX_S
        assert (shield.deadline is None) == (not shield.blocked)
