from hypothesis import given
from hypothesis import strategies as st

from sfu.model import Codec, MemberId
from sfu.room.event import CapabilityChanged, MemberLeft, PictureStarted, PictureStopped
from sfu.room.policy import MOST_PLACES, Places
from tests.room.people import Meeting, browser, codec

ANNA, BEN, CLEO = MemberId("anna"), MemberId("ben"), MemberId("cleo")


def rooms(*names: str) -> Meeting:
    meeting = Meeting()
    for name in names:
        meeting.join(name, codec())
    return meeting


def browsers(*names: str, tiles: int = 4) -> Meeting:
    meeting = Meeting()
    for name in names:
        meeting.join(name, browser(tiles=tiles))
    return meeting


def test_in_a_call_of_two_each_sees_the_other_whoever_speaks():
    meeting = rooms("morez", "oyonnax")
    for speaker in ("morez", "oyonnax", "morez"):
        meeting.talk(3, **{speaker: 20})
        assert (meeting.sees("morez"), meeting.sees("oyonnax")) == (["oyonnax"], ["morez"])


def test_the_speaker_sees_who_spoke_before():
    meeting = rooms("morez", "oyonnax", "dole")
    meeting.talk(3, dole=20)
    meeting.talk(3, oyonnax=20)
    assert meeting.sees("morez") == meeting.sees("dole") == ["oyonnax"]
    assert meeting.sees("oyonnax") == ["dole"]


def test_before_anybody_spoke_a_room_sees_the_first_who_is_there():
    meeting = rooms("morez", "oyonnax", "dole")
    assert [meeting.sees(name) for name in ("morez", "oyonnax", "dole")] == [
        ["oyonnax"],
        ["morez"],
        ["morez"],
    ]


def test_a_speaker_without_picture_leads_and_the_picture_stays():
    meeting = rooms("morez", "oyonnax", "dole")
    meeting.join("phone", codec(pictures=[]), picture=None)
    meeting.talk(3, oyonnax=20)
    meeting.talk(3, phone=20)
    assert meeting.room.leader == "phone"
    assert meeting.sees("morez") == meeting.sees("dole") == ["oyonnax"]


def test_a_picture_that_stops_gives_way_to_one_that_comes():
    meeting = rooms("morez", "oyonnax", "dole")
    meeting.talk(3, oyonnax=20)
    meeting.tell(PictureStopped(MemberId("oyonnax")))
    assert meeting.sees("morez") == ["dole"]


def test_a_browser_has_a_tile_for_everybody_else():
    meeting = browsers("anna", "ben", "cleo")
    assert meeting.sees("anna") == ["ben", "cleo", None, None]
    assert meeting.sees("cleo") == ["anna", "ben", None, None]


def test_tiles_do_not_jump_when_somebody_leaves_speaks_or_comes():
    meeting = browsers("anna", "ben", "cleo", "dora")
    meeting.tell(MemberLeft(BEN))
    meeting.talk(3, dora=20)
    assert meeting.sees("anna") == [None, "cleo", "dora", None]
    meeting.join("emil", browser())
    assert meeting.sees("anna") == ["emil", "cleo", "dora", None]


def test_a_camera_that_comes_back_comes_back_to_its_tile():
    meeting = browsers("anna", "ben", "cleo")
    meeting.tell(PictureStopped(BEN))
    meeting.join("dora", browser())
    meeting.tell(PictureStarted(BEN, Codec.H264))
    assert meeting.sees("anna") == ["ben", "cleo", "dora", None]


def test_two_cameras_that_come_back_the_other_way_round_find_their_own_tiles():
    meeting = browsers("anna", "ben", "cleo")
    meeting.tell(PictureStopped(BEN), PictureStopped(CLEO))
    assert meeting.sees("anna") == [None] * 4
    meeting.tell(PictureStarted(CLEO, Codec.H264))
    meeting.tell(PictureStarted(BEN, Codec.H264))
    assert meeting.sees("anna") == ["ben", "cleo", None, None]


def test_a_camera_that_comes_back_does_not_take_a_better_tile_that_is_free():
    meeting = browsers("anna", "ben", "cleo", "dora")
    meeting.tell(MemberLeft(BEN), PictureStopped(CLEO))
    assert meeting.sees("anna") == [None, None, "dora", None]
    meeting.tell(PictureStarted(CLEO, Codec.H264))
    assert meeting.sees("anna") == [None, "cleo", "dora", None]


def test_a_picture_nobody_led_for_is_not_changed_for_one_that_comes_back():
    meeting = rooms("morez", "oyonnax", "dole")
    meeting.tell(PictureStopped(MemberId("morez")))
    assert meeting.sees("dole") == ["oyonnax"]
    meeting.tell(PictureStarted(MemberId("morez"), Codec.H264))
    assert meeting.sees("dole") == ["oyonnax"]


def test_where_tiles_are_fewer_than_members_the_latest_speakers_have_them():
    meeting = browsers("anna", "ben", "cleo", "dora", tiles=2)
    assert meeting.sees("anna") == ["ben", "cleo"]
    meeting.talk(3, dora=20)
    assert set(meeting.sees("anna")) == {"ben", "dora"}
    meeting.talk(3, cleo=20)
    assert set(meeting.sees("anna")) == {"cleo", "dora"}


def test_a_browser_that_asks_for_fewer_tiles_keeps_those_that_are_left():
    meeting = browsers("anna", "ben", "cleo")
    meeting.tell(CapabilityChanged(ANNA, browser(tiles=1)))
    assert meeting.sees("anna") == ["ben"]


def test_no_page_gets_more_places_than_any_shows():
    meeting = browsers("anna", tiles=2**31)
    assert len(meeting.sees("anna")) == MOST_PLACES


chosen = st.lists(st.sampled_from([ANNA, BEN, CLEO, MemberId("dora")]), max_size=3, unique=True)


@given(st.lists(chosen, max_size=20))
def test_who_stays_on_a_screen_never_moves_and_all_chosen_are_on_it(script):
    places = Places()
    for members in script:
        before = places.shown
        places.show(members, 3)
        assert {m for m in places.shown if m is not None} == set(members)
        for member in set(members) & set(before):
            assert places.shown.index(member) == before.index(member)
