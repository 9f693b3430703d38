"""Who makes way for others waits a moment."""

from dataclasses import replace

from sfu.media.allocation.courtesy import MOMENT_S, PATIENCE_S, STAYS, STAYS_AT_FIRST, Courtesy
from sfu.media.allocation.rung import Rung, Why
from sfu.media.allocation.split import Rate, Viewer, split
from sfu.media.allocation.world import Choice, Stay
from sfu.model import SinkId

HIGH = Choice(1, Rung.FULL, 0, 0, Why.ROOM)
ASIDE = Choice(0, Rung.SMALL, 0, 0, Why.OTHERS)
SINK = SinkId(7)


def seeing(choice: Choice) -> Courtesy:
    courtesy = Courtesy()
    assert courtesy.update({SINK: choice}, 0.0) == frozenset()
    courtesy.given({SINK: choice})
    return courtesy


def test_who_would_make_way_stays_for_four_seconds():
    courtesy = seeing(HIGH)
    for now in (1.0, 3.0, 4.9):
        worth = STAYS_AT_FIRST if now < 1.0 + MOMENT_S else STAYS
        assert courtesy.update({SINK: ASIDE}, now) == {Stay(SINK, 1, worth)}
        courtesy.given({SINK: HIGH})
    assert courtesy.update({SINK: ASIDE}, 1.0 + PATIENCE_S) == frozenset()
    courtesy.given({SINK: ASIDE})
    assert courtesy.update({SINK: ASIDE}, 6.0) == frozenset()  # it is so now


def test_a_moment_that_passes_is_forgotten():
    courtesy = seeing(HIGH)
    assert courtesy.update({SINK: ASIDE}, 1.0)
    assert not courtesy.update({SINK: HIGH}, 2.0)
    assert courtesy.update({SINK: ASIDE}, 5.5) == {Stay(SINK, 1, STAYS_AT_FIRST)}


def test_a_line_that_bears_less_is_obeyed_at_once():
    courtesy = seeing(HIGH)
    assert not courtesy.update({SINK: replace(ASIDE, why=Why.LINE_DOWN)}, 1.0)


def test_another_picture_in_the_same_place_is_no_fall():
    courtesy = seeing(HIGH)
    courtesy.forget(SINK)
    assert not courtesy.update({SINK: ASIDE}, 1.0)


def test_nobody_is_kept_at_the_lowest_layer_or_without_a_picture():
    courtesy = seeing(replace(HIGH, level=0))
    aside = replace(ASIDE, level=-2, rung=Rung.SOUND_ONLY)
    assert not courtesy.update({SINK: aside}, 1.0)


def shared(poor_bps: float, worth: float) -> list[int]:
    rates = [Rate(42_000, 199_000), Rate(120_000, 1_200_000)]
    viewers = [Viewer(640_000, 1, 1), Viewer(poor_bps, 1, 1, stays=1, stays_worth=worth)]
    return split(rates, viewers, 1e9)[0]


def test_who_stays_is_moved_only_where_the_others_lose_by_far():
    assert shared(330_000, 0.0) == [1, 0]
    assert shared(330_000, STAYS) == [1, 1]
    assert shared(150_000, STAYS) == [1, 0]
    assert shared(150_000, STAYS_AT_FIRST) == [1, 1]  # he may be only the first to be measured
