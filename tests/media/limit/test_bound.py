"""What a receiver says it takes, and what of it is told."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.limit.bound import (
    CHANGE_S,
    ESTIMATE_S,
    LEAST_BPS,
    Estimated,
    Limited,
    ReceiverBound,
)


def play(*script: tuple[float, Limited | Estimated | None]) -> list[tuple[float, int]]:
    """Feed (now, word) pairs, None being a tick; return each change."""
    core = ReceiverBound()
    told = [(0.0, 0)]
    for now, word in script:
        if word is None:
            core.tick(now)
        else:
            core.handle(word, now)
        if core.takes_bps != told[-1][1]:
            told.append((now, core.takes_bps))
    return told[1:]


def test_an_order_holds_until_another_comes():
    assert play((1, Limited(512_000)), (999, None), (1000, Limited(900_000))) == [
        (1, 512_000), (1000, 900_000),
    ]  # fmt: skip


def test_an_estimate_above_what_is_sent_is_no_limit():
    assert play((1, Estimated(700_000, 600_000)), (2, None)) == []


def test_an_estimate_below_what_is_sent_binds_and_is_followed_up():
    assert play(
        (1, Estimated(500_000, 900_000)),
        (2, Estimated(510_000, 480_000)),
        (3, Estimated(700_000, 480_000)),
    ) == [(1, 500_000), (3, 700_000)]


def test_an_estimate_nobody_repeats_is_forgotten():
    script = ((1, Estimated(500_000, 900_000)), (1 + ESTIMATE_S, None), (2 + ESTIMATE_S, None))
    assert play(*script) == [(1, 500_000), (2 + ESTIMATE_S, 0)]


def test_the_least_of_order_and_estimate_counts():
    words = ((1, Limited(600_000)), (2, Estimated(800_000, 900_000)), (3, Limited(900_000)))
    assert play(*words) == [(1, 600_000), (3, 800_000)]


def test_who_takes_nothing_takes_a_little_all_the_same():
    assert play((1, Limited(0))) == [(1, LEAST_BPS)]


words = st.one_of(
    st.builds(Limited, st.integers(0, 10**10)),
    st.builds(Estimated, st.integers(0, 10**10), st.integers(0, 10**7)),
    st.none(),
)
scripts = st.lists(st.tuples(st.floats(0, 30), words), max_size=60).map(
    lambda pairs: sorted(pairs, key=lambda pair: pair[0])
)


@given(scripts)
def test_changes_keep_their_distance_and_never_starve_a_source(script):
    told = play(*script)
    assert all(later - earlier >= CHANGE_S for (earlier, _), (later, _) in pairwise(told))
    assert all(bps == 0 or bps >= LEAST_BPS for _, bps in told)


@given(scripts, st.integers(LEAST_BPS, 10**7))
def test_its_last_order_is_never_exceeded(script, bps):
    told = play(*script, (31, Limited(bps)), (32, None))
    assert (told[-1][1] if told else 0) <= bps
