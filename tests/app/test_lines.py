"""Access lines as operators see them, over a house of real cores."""

from ipaddress import ip_network

import pytest

from sfu.app import lines
from sfu.config import Line, Settings
from sfu.media.allocation.output import Give, Reason
from sfu.media.allocation.rung import Rung, Why
from sfu.metrics import LineFigures
from sfu.model import Protocol
from tests.shell.stage import Stage, stage

TOWN = Line(
    site="town", up_bps=1_000_000, down_bps=2_000_000, networks=(ip_network("192.0.2.0/24"),)
)


@pytest.fixture
def house():
    with stage(Settings(line=(TOWN, Line(site="hall", up_bps=128_000, down_bps=128_000)))) as made:
        for call in (1, 2):
            made.ring(call)
            made.send(call)
        made.tick(0.2)
        yield made


def figures(house: Stage) -> LineFigures:
    return lines.figures(house.house)[0]


def test_a_line_shows_who_stands_behind_it_and_what_speech_takes(house):
    town, hall = lines.views(house.house)
    assert (town.line, town.up_bps, town.down_bps) == ("town", 1_000_000, 2_000_000)
    assert town.members == (house.leg(1).member, house.leg(2).member)
    assert (town.sound_down_bps, town.sound_up_bps) == (212_000, 212_000)
    assert (hall.members, hall.sound_down_bps) == ((), 0)


def test_what_a_line_would_bear_is_seen_before_it_happens(house):
    town, hall = lines.views(house.house)
    assert (town.next_codec.outcome, town.next_browser.outcome) == ("full", "full")
    assert (hall.next_codec.outcome, hall.next_codec.why) == ("refused", "line_down")
    assert hall.next_codec.required_bps == 106_000
    more = lines.what_if(house.house, "town", 5, 3)
    assert more is not None
    assert more.outcome == "refused"
    assert lines.what_if(house.house, "town", 0, 0).outcome == "full"  # type: ignore[union-attr]
    assert lines.what_if(house.house, "elsewhere", 1, 0) is None


def test_a_scrape_counts_members_and_places_by_what_they_are_given(house):
    assert figures(house).members == {Protocol.SIP: 2}
    reason = Reason(700_000, 500_000, Why.LINE_DOWN)
    sink = house.leg(1).streams.pictures[0]
    give = Give(sink, house.leg(2).streams.picture, 0, Rung.HALF_RATE, reason)
    house.house.sharing._give(give, set())
    assert figures(house).pictures == {("half_rate", "line_down"): 1, ("full", "room"): 1}
    assert figures(house).steps == {"down": 1, "up": 0}
    (one,) = [view for view in lines.views(house.house)[0].pictures if view.rung == "half_rate"]
    assert (one.member, one.about) == (house.leg(1).member, house.leg(2).member)


def test_admissions_are_counted_by_outcome(house):
    assert figures(house).admissions == {"full": 2, "sound_only": 0, "refused": 0}
