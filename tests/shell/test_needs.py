"""What rooms want of lines: who goes first among pictures, what is measured of a source."""

from dataclasses import replace

import pytest

from sfu.media.engine.pacer import PictureClass
from sfu.media.engine.snapshot import EngineRow, Snapshot
from sfu.model import Codec, MemberId, SinkId
from sfu.shell.needs import Gauge, demands_of, foreseen, picture_of
from sfu.shell.picture_terms import NO_TERMS
from tests.shell.stage import stage

ANNE, BRUNO, CLAIRE = MemberId("a"), MemberId("b"), MemberId("c")
MAIN, THUMBNAIL = PictureClass.MAIN, PictureClass.THUMBNAIL


@pytest.fixture
def house():
    with stage() as made:
        made.ring(1)
        made.send(1)
        made.tick(0.1)
        yield made


def classes(house, *members, leader=None):
    places = [(SinkId(90 + place), member) for place, member in enumerate(members)]
    demands = demands_of(house.leg(1), places, leader, NO_TERMS)
    return {one.member: one.picture_class for one in demands}


def test_two_pictures_side_by_side_are_equal(house):
    assert classes(house, ANNE, BRUNO, leader=BRUNO) == {ANNE: MAIN, BRUNO: MAIN}


def test_of_many_the_leaders_goes_first(house):
    assert classes(house, ANNE, None, BRUNO, CLAIRE, leader=CLAIRE) == {
        ANNE: THUMBNAIL,
        BRUNO: THUMBNAIL,
        CLAIRE: MAIN,
    }


def test_where_the_leader_is_not_shown_all_are_equal(house):
    shown = classes(house, ANNE, BRUNO, CLAIRE, leader=MemberId("x"))
    assert set(shown.values()) == {MAIN}


def test_free_places_are_reckoned_with_for_those_who_are_about_to_come():
    shown = [(SinkId(1), ANNE), (SinkId(2), None), (SinkId(3), None)]
    assert foreseen(shown, [ANNE, BRUNO]) == [(1, ANNE), (2, BRUNO), (3, None)]
    assert foreseen(shown[:1], [BRUNO]) == shown[:1]  # no place: the room will choose


def snapshot(house, seconds: float, octets: int, packets: int) -> Snapshot:
    source = house.leg(1).streams.picture
    row = house.engine.snapshot().sources[source]
    at_us = round((1000 + seconds) * 1e6)
    row = replace(row, bytes=octets, packets=packets, last_arrival_us=at_us)
    return Snapshot(EngineRow(at_us, False, 0, (), 0), sources={source: row})


def test_rates_are_those_of_the_last_second(house):
    gauge = Gauge()
    gauge.tick(snapshot(house, 0, 0, 0))
    gauge.tick(snapshot(house, 1, 100_000, 100))
    picture = picture_of(house.leg(1), gauge, snapshot(house, 1, 100_000, 100), 1_350_000, 720)
    assert picture is not None
    (layer,) = picture.layers
    assert (layer.payload_bps, layer.packets_per_s) == (800_000, 100.0)
    assert (layer.height, layer.max_bps, picture.codec) == (720, 1_350_000, Codec.H264)


def test_a_layer_that_rests_sends_nothing_however_much_it_sent(house):
    gauge = Gauge()
    gauge.tick(snapshot(house, 0, 0, 0))
    last = snapshot(house, 1, 100_000, 100)
    gauge.tick(last)
    later = replace(last, engine=replace(last.engine, at_us=last.engine.at_us + 3_000_000))
    picture = picture_of(house.leg(1), gauge, later, 1_350_000, 720)
    assert picture is not None
    assert picture.layers[0].payload_bps == 0


def test_a_source_that_is_closed_is_forgotten(house):
    gauge = Gauge()
    gauge.tick(snapshot(house, 0, 0, 0))
    gauge.tick(Snapshot(EngineRow(1, False, 0, (), 0)))
    source = house.leg(1).streams.picture
    assert gauge.of(source) == (0, 0.0)


@pytest.mark.parametrize(("codec", "temporals"), [(Codec.VP8, 3), (Codec.H264, 1)])
def test_temporal_layers_count_where_the_stream_shows_them(house, codec, temporals):
    source = house.leg(1).streams.picture
    house.leg(1).streams.picture_size = (360, 25, 3)
    shot = snapshot(house, 1, 100_000, 100)
    shot = replace(shot, sources={source: replace(shot.sources[source], codec=codec)})
    picture = picture_of(house.leg(1), Gauge(), shot, 1_350_000, 720)
    assert picture is not None
    assert [one.temporals for one in picture.layers] == [temporals]
