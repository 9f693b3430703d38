"""What the console is told of meetings, out of a house with all its cores."""

from ipaddress import ip_network

import pytest

from sfu.api.live_view import LegView, TermsView
from sfu.app import live
from sfu.config import Line, Settings
from sfu.errors import UseError
from sfu.media.showing import Way
from sfu.model import MemberId, RoomId
from sfu.room.layout import Layout
from sfu.shell.watch import SAMPLE_S
from tests.shell.stage import HDX_HOST, Stage, stage
from tests.shell.test_meeting import speak

MOREZ = Line(
    site="morez", up_bps=800_000, down_bps=2_000_000, networks=(ip_network(f"{HDX_HOST}/32"),)
)


@pytest.fixture
def house():
    with stage(Settings(line=(MOREZ,))) as made:
        yield made


def inside(house: Stage, *calls: int) -> None:
    for call in calls:
        house.ring(call)
        house.send(call)
    house.house.watch.look(house.now)
    house.tick(2)


def legs(house: Stage) -> dict[str, LegView]:
    [meeting] = live.view(house.house).meetings
    return {one.name: one for one in meeting.members}


def test_a_leg_says_who_it_is_and_which_line_it_stands_behind(house):
    inside(house, 1, 2)
    one = legs(house)["Room 1"]
    assert (one.protocol, one.endpoint, one.line, one.call) == ("sip", "HDX", "morez", 1)
    assert one.picture_from is Way.OK
    assert one.sees == (house.leg(2).member,)


def test_who_leads_is_marked_and_how_loud_he_is(house):
    inside(house, 1, 2)
    speak(house, 2)
    one, two = legs(house)["Room 1"], legs(house)["Room 2"]
    assert (one.speaks, two.speaks) == (False, True)
    assert (one.level_dbov, two.level_dbov) == (127, 20)


def test_who_is_muted_is_in_nobodys_mix_until_he_is_heard_again(house):
    inside(house, 1, 2, 3)
    member = house.leg(2).member
    ssrc = house.desk._inputs[member].ssrc
    heard = [legs_[2] for legs_ in house.mixer.legs.values()]
    assert sum(ssrc in one for one in heard) == 2
    assert house.house.mute(member, True)
    house.tick(0.2)
    assert not any(ssrc in one[2] for one in house.mixer.legs.values())
    assert legs(house)["Room 2"].muted
    assert house.house.mute(member, False)
    house.tick(0.2)
    ssrc = house.desk._inputs[member].ssrc
    assert sum(ssrc in one[2] for one in house.mixer.legs.values()) == 2
    assert not house.house.mute(MemberId("nobody"), True)


def test_who_is_pinned_is_shown_to_the_others_and_leaves_as_any_other(house):
    inside(house, 1, 2, 3)
    meeting = live.meeting_in(house.house, "4201")
    assert meeting is not None
    speak(house, 2)
    meeting.set_layout(Layout.SPEAKER, house.leg(3).member, house.now)
    assert house.shown(house.leg(1)) == house.leg(3).streams.picture
    assert legs(house)["Room 3"].pinned
    house.house.leave(house.leg(3), "hung_up")
    assert meeting.pinned is None
    assert house.shown(house.leg(1)) == house.leg(2).streams.picture


def test_lines_say_how_full_they_are_and_tell_their_hour(house):
    house.tick(SAMPLE_S)
    [load] = live.view(house.house).lines
    assert (load.line, load.send_bps, load.receive_bps, load.members) == (
        "morez", 2_000_000, 800_000, 0,
    )  # fmt: skip
    hour = live.hour(house.house, "morez")
    assert hour is not None
    assert hour.samples[-1].estimate_bps > 0
    assert live.hour(house.house, "oyonnax") is None


def test_where_nobody_is_there_is_no_meeting(house):
    assert live.view(house.house).meetings == ()
    assert live.meeting_in(house.house, "4201") is None
    assert not house.house.mute(MemberId("m1"), True)


def test_a_locked_meeting_tells_who_waits(house):
    inside(house, 1)
    rooms = house.house.waiting_rooms
    [meeting] = live.view(house.house).meetings
    assert (meeting.locked, meeting.waiting) == (False, ())
    rooms.lock(RoomId(meeting.room), True)
    house.ring(2, meeting.room)
    house.tick(1)
    [meeting] = live.view(house.house).meetings
    assert meeting.locked
    [visitor] = meeting.waiting
    assert visitor.name == "Room 2"
    rooms.admit(RoomId(meeting.room), MemberId(visitor.member))
    house.tick(1)
    [meeting] = live.view(house.house).meetings
    assert meeting.waiting == ()
    assert len(meeting.members) == 2


def test_an_operator_says_what_a_members_pictures_get_and_takes_it_back(house):
    inside(house, 1, 2)
    member = house.leg(1).member
    assert legs(house)["Room 1"].terms == TermsView(5, 0, 0)
    assert live.change_member(house.house, member, {"priority": 9, "picture_max_bps": 300_000})
    house.tick(0.2)
    assert legs(house)["Room 1"].terms == TermsView(9, 0, 300_000)
    demands = house.house.sharing.demands(house.house.lines.configured[0].line)
    assert [one.max_bps for one in demands if one.viewer == member] == [300_000]
    assert live.change_member(house.house, member, {"priority": None})
    assert legs(house)["Room 1"].terms == TermsView(5, 0, 300_000)
    with pytest.raises(UseError, match="floor of 400000"):
        live.change_member(house.house, member, {"picture_floor_bps": 400_000})
    assert legs(house)["Room 1"].terms == TermsView(5, 0, 300_000)
    assert live.change_member(house.house, member, {"muted": True})
    assert legs(house)["Room 1"].muted
    assert not live.change_member(house.house, MemberId("nobody"), {})
