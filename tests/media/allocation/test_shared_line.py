"""A rate shared among lines: the thin have what they want, the others share what is left."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.allocation.shared_line import share
from sfu.model import LineId

wishes = st.lists(st.integers(0, 5_000_000), max_size=8).map(
    lambda rates: [(LineId(n + 1), bps) for n, bps in enumerate(rates)]
)


def test_who_wants_little_has_it_and_the_others_share_the_rest():
    wanted = [(LineId(1), 1_500_000), (LineId(2), 200_000), (LineId(3), 1_500_000)]
    assert share(2_000_000, wanted) == {1: 900_000, 2: 200_000, 3: 900_000}


def test_what_nobody_wants_is_room_for_everybody():
    assert share(2_000_000, [(LineId(1), 400_000), (LineId(2), 600_000)]) == {
        1: 900_000,
        2: 1_100_000,
    }


def test_nobody_behind_it_shares_nothing():
    assert share(2_000_000, []) == {}


@given(st.integers(0, 10_000_000), wishes)
def test_no_more_is_given_than_there_is_and_none_is_starved_by_a_greedier_one(total, wanted):
    found = share(total, wanted)
    assert sum(found.values()) <= total
    assert found.keys() == {line for line, _ in wanted}
    for line, bps in wanted:
        for other, more in wanted:
            assert bps > more or found[line] <= found[other] + 1
            assert found[line] >= min(bps, total // max(1, len(wanted))) or other == line
