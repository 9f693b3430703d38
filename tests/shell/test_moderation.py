"""What moderators do from their pages, and that nobody else can."""

import time

import pytest

from sfu.errors import PeerError
from sfu.model import Codec, MemberId, RoomId
from sfu.signalling.webrtc.message import (
    Admit,
    Door,
    Ended,
    Hold,
    Joined,
    Members,
    Mute,
    Remove,
    Slots,
    TurnAway,
)
from tests.shell.stage import stage
from tests.shell.test_browsers import Page
from tests.shell.test_waitingrooms import HELD, ROOM, inside, moderator, waiting


@pytest.fixture
def house():
    with stage(HELD) as made:
        yield made


def test_a_moderator_lets_in_and_turns_away(house):
    first, anne, ben = moderator(house), Page(house), Page(house)
    anne.join("Anne")
    ben.join("Ben")
    members = waiting(first)
    first.session.receive(Admit(member=members["Anne"]))
    first.session.receive(TurnAway(member=members["Ben"]))
    assert inside(house) == ["Maire", "Anne"]
    assert ben.refused == "not_admitted"


def test_a_voice_taken_away_is_no_sound_for_anybody_and_all_pages_are_told(house):
    first, anne = moderator(house), Page(house)
    anne.join("Anne")
    first.session.receive(Admit(member=waiting(first)["Anne"]))
    first.offer()
    anne.offer()
    leg = anne.session.leg
    house.flow(leg.streams.sound, Codec.OPUS)
    house.tick(0.5)
    assert leg.member in first.last(Slots).sounds.values()
    first.session.receive(Mute(member=leg.member, muted=True))
    house.tick(0.1)
    assert leg.member not in first.last(Slots).sounds.values()
    row = next(one for one in anne.last(Members).members if one.member == leg.member)
    assert (row.sound, row.muted) == (False, True)
    first.session.receive(Mute(member=leg.member, muted=False))
    house.tick(0.1)
    assert leg.member in first.last(Slots).sounds.values()


def test_a_member_is_removed_whatever_it_speaks(house):
    first, anne = moderator(house), Page(house)
    anne.join("Anne")
    first.session.receive(Admit(member=waiting(first)["Anne"]))
    first.session.receive(Remove(member=anne.session.leg.member))
    assert anne.last(Ended).code == "removed"
    first.session.receive(Remove(member="m99"))
    assert inside(house) == ["Maire"]


def test_the_lock_and_the_waiting_room_are_switched_and_told(house):
    first = moderator(house)
    first.session.receive(Hold(waiting_room=False))
    assert not first.last(Door).waiting_room
    assert Page(house).join("Anne") is not None
    first.session.receive(Hold(locked=True))
    assert first.last(Door).locked
    assert Page(house).join("Ben") is None


@pytest.mark.parametrize(
    "message",
    [Admit(member="m1"), TurnAway(member="m1"), Mute(member="m1", muted=True),
     Remove(member="m1"), Hold(locked=True)],
)  # fmt: skip
def test_nobody_else_can(house, message):
    first, anne = moderator(house), Page(house)
    anne.join("Anne")
    with pytest.raises(PeerError, match="join first"):
        anne.session.receive(message)
    first.session.receive(Admit(member=waiting(first)["Anne"]))
    with pytest.raises(PeerError, match="moderators alone"):
        anne.session.receive(message)
    assert inside(house) == ["Maire", "Anne"]


def test_a_moderator_of_one_room_reaches_into_no_other(house):
    first, far = moderator(house), Page(house)
    far.join("Far", room="4300")
    member = far.session.leg.member
    first.session.receive(Mute(member=member, muted=True))
    first.session.receive(Remove(member=member))
    assert "Far" in inside(house)
    assert not house.house.meetings[RoomId("4300")].is_muted(member)


def test_a_link_for_moderators_opens_and_moderates_and_one_for_guests_waits(house):
    links = house.house.invitations
    until = time.time() + 60
    guest, chief = Page(house), Page(house)
    assert guest.join("Gast", invitation=links.make(ROOM, until)) is None
    joined = chief.join("Chef", invitation=links.make(ROOM, until, moderates=True))
    assert joined.moderator
    assert list(waiting(chief)) == ["Gast"]


def test_a_link_for_guests_cannot_be_made_one_for_moderators(house):
    word = house.house.invitations.make(ROOM, time.time() + 60)
    told, _, signature = word.rpartition(".")
    page = Page(house)
    page.join("Gast", invitation=f"{told}m.{signature}")
    assert page.last(Joined) is None


def test_who_organises_meetings_moderates_them(house):
    page = Page(house)
    page.session.organiser = True
    assert page.join("Chef").moderator


def test_who_comes_back_is_still_a_moderator(house):
    first = moderator(house)
    token = first.last(Joined).resume
    first.session.closed()
    again = Page(house)
    assert again.join("", resume=token).moderator
    assert again.last(Door) is not None


def test_the_moderators_pin_opens_a_room_with_another_pin():
    room = HELD.room[0].__class__(number="4201", pin="2468", moderator_pin="97531")
    with stage(HELD.__class__(room=(room,))) as house:
        assert Page(house).join("Maire", pin="97531").moderator
        assert not Page(house).join("Anne", pin="2468").moderator


def test_a_member_is_muted_once_and_forgotten_when_it_leaves(house):
    first = moderator(house)
    member = MemberId(first.session.leg.member)
    assert house.house.mute(member, True)
    assert house.house.mute(member, True)
    assert [one["event"] for one in house.said].count("member_muted") == 1
    assert not house.house.mute(MemberId("m99"), True)


def test_who_guesses_the_moderators_pin_is_counted(house):
    page = Page(house)
    for guess in ("11111", "22222"):
        page.join("Mallory", pin=guess)
        assert page.refused == "wrong_pin"
    page.join("Mallory", pin="33333")
    assert page.refused == "too_many_tries"
    late = Page(house)
    late.join("Maire", pin="97531")
    assert late.refused == "too_many_tries"
    assert inside(house) == []


def test_a_guests_link_with_a_guess_is_a_guests_link(house):
    word = house.house.invitations.make(ROOM, time.time() + 60)
    page = Page(house)
    page.join("Gast", invitation=word, pin="97531")
    assert page.last(Joined) is None
    assert list(house.house.waiting_rooms.waiting(ROOM).values()) == ["Gast"]
