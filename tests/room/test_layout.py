"""An operator's wishes for the picture: one member before all others, or each in turn."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.model import MemberId
from sfu.room.event import LayoutSet, MemberLeft, PictureStopped
from sfu.room.layout import ROUND_S, Front, Layout
from tests.room.people import Meeting, browser, codec

MOREZ, OYONNAX, DOLE = MemberId("morez"), MemberId("oyonnax"), MemberId("dole")


def rooms(*names: str) -> Meeting:
    meeting = Meeting()
    for name in names or (MOREZ, OYONNAX, DOLE):
        meeting.join(name, codec())
    return meeting


def test_who_is_pinned_is_shown_whoever_speaks_and_sees_who_speaks():
    meeting = rooms()
    meeting.tell(LayoutSet(Layout.SPEAKER, DOLE))
    meeting.talk(3, oyonnax=20)
    assert meeting.sees(MOREZ) == meeting.sees(OYONNAX) == [DOLE]
    assert meeting.sees(DOLE) == [OYONNAX]
    meeting.tell(LayoutSet(Layout.SPEAKER, None))
    assert meeting.sees(MOREZ) == [OYONNAX]


def test_who_is_pinned_and_leaves_gives_way_to_the_speaker():
    meeting = rooms()
    meeting.talk(3, oyonnax=20)
    meeting.tell(LayoutSet(Layout.SPEAKER, DOLE))
    meeting.tell(MemberLeft(DOLE))
    assert meeting.sees(MOREZ) == [OYONNAX]


def test_who_is_pinned_without_a_picture_holds_the_place_for_when_it_comes():
    meeting = rooms()
    meeting.talk(3, oyonnax=20)
    meeting.tell(LayoutSet(Layout.SPEAKER, DOLE))
    meeting.tell(PictureStopped(DOLE))
    assert meeting.sees(MOREZ) == [OYONNAX]
    assert meeting.sends(DOLE).wanted  # it would be shown if only it came


def test_nobody_can_be_pinned_who_is_not_in():
    meeting = rooms()
    meeting.tell(LayoutSet(Layout.SPEAKER, MemberId("lyon")))
    meeting.join("lyon", codec())
    assert meeting.sees(MOREZ) == [OYONNAX]


def test_a_round_shows_each_in_turn_whoever_speaks_and_nobody_himself():
    meeting = rooms()
    meeting.talk(3, dole=20)
    meeting.tell(LayoutSet(Layout.ROUND))
    seen = []
    for _ in range(4):
        seen.append([meeting.sees(name)[0] for name in (MOREZ, OYONNAX, DOLE)])
        meeting.talk(ROUND_S)
    assert seen == [
        [DOLE, MOREZ, MOREZ],  # the turn of Morez, who sees who speaks
        [OYONNAX, DOLE, OYONNAX],
        [DOLE, DOLE, OYONNAX],  # the turn of Dole, which keeps what it saw
        [DOLE, MOREZ, MOREZ],
    ]


def test_whose_turn_it_is_and_leaves_gives_it_on_at_once():
    meeting = rooms()
    meeting.tell(LayoutSet(Layout.ROUND))
    meeting.talk(ROUND_S)
    assert meeting.sees(MOREZ) == [OYONNAX]
    meeting.tell(MemberLeft(OYONNAX))
    assert meeting.sees(MOREZ) == [DOLE]


def test_a_page_keeps_its_tiles_where_they_are():
    meeting = rooms()
    meeting.join("anna", browser(tiles=4))
    before = meeting.sees("anna")
    meeting.tell(LayoutSet(Layout.SPEAKER, DOLE))
    meeting.tell(LayoutSet(Layout.ROUND, DOLE))
    meeting.talk(ROUND_S)
    assert meeting.sees("anna") == before


def test_back_to_the_speaker_nothing_waits_any_more():
    meeting = rooms()
    meeting.tell(LayoutSet(Layout.ROUND))
    assert meeting.room.front.deadline is not None
    meeting.tell(LayoutSet(Layout.SPEAKER))
    assert meeting.room.front.deadline is None
    assert meeting.room.front.row() == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=30))
def test_a_turn_is_always_somebodys_who_is_there(script):
    front, there, now = Front(), [MemberId("a")], 0.0
    front.set(Layout.ROUND, None, now)
    for name, comes in script:
        member = MemberId(name)
        if comes and member not in there:
            there.append(member)
        elif not comes and member in there:
            there.remove(member)
            front.forget(member, now)
        now += 7.0
        front.tick(there, now)
        assert front.deadline is not None
        assert front.turn is None or front.turn in there
