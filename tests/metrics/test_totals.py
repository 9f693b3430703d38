from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.engine.snapshot import SourceRow
from sfu.metrics import Totals
from sfu.model import Codec, Kind, SinkId, SourceId
from tests.metrics.test_collector import sink, snapshot, source


def packets(*instants: tuple[SourceRow, ...], field: str = "packets") -> list[int]:
    """Return the sum of all video sources after each instant."""
    totals, sums = Totals(), []
    for rows in instants:
        totals.observe(snapshot(*rows), {})
        sums.append(totals.sources.sum_of(field, "video"))
    return sums


def video(number: int, count: int) -> SourceRow:
    return source(number, Codec.H264, packets=count)


def test_what_has_grown_is_added():
    assert packets((video(1, 5),), (video(1, 5),), (video(1, 9),)) == [5, 5, 9]


def test_a_closed_source_takes_nothing_back():
    assert packets((video(1, 5), video(2, 3)), (video(2, 4),), ()) == [8, 9, 9]


def test_losses_found_again_are_not_counted_twice():
    rows = [(replace(video(1, 50), lost=lost),) for lost in (4, 2, 3, 4, 6)]
    assert packets(*rows, field="lost") == [4, 4, 4, 4, 6]


def test_a_sink_of_a_kind_not_told_yet_is_counted_in_full_once_it_is():
    totals = Totals()
    totals.observe(snapshot(sinks=(sink(9, packets=4),)), {})
    assert totals.sinks.sum_of("packets", "video") == 0
    totals.observe(snapshot(sinks=(sink(9, packets=6),)), {SinkId(9): Kind.VIDEO})
    assert totals.sinks.sum_of("packets", "video") == 6


counts = st.dictionaries(st.integers(1, 4), st.integers(0, 1000), max_size=4)


@given(st.lists(counts, max_size=12))
def test_a_sum_never_falls(script):
    instants = [tuple(video(SourceId(n), count) for n, count in rows.items()) for rows in script]
    assert all(later >= earlier for earlier, later in pairwise(packets(*instants)))
