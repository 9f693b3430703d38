"""A held room: pages and units wait, moderators decide, and whoever goes away is forgotten."""

import pytest

from sfu.config import Settings
from sfu.config.rooms import Room
from sfu.model import CallId, MemberId, RoomId
from sfu.room.attendant import Card
from sfu.room.waitingroom import PATIENCE_S
from sfu.shell.screen import film
from sfu.signalling.call import CallEnded, DigitPressed, End, HangUp
from sfu.signalling.webrtc.message import Answer, Door, Ended, Joined, Leave, Waiting
from tests.shell.stage import Stage, page_offer, stage
from tests.shell.test_browsers import Page

HELD = Settings(
    room=(Room(number="4201", name="Conseil", waiting_room=True, moderator_pin="97531"),)
)
ROOM = RoomId("4201")


@pytest.fixture
def house():
    with stage(HELD) as made:
        yield made


def inside(house: Stage) -> list[str]:
    return [guest.leg.name for guest in house.house.guests.values()]


def moderator(house: Stage) -> Page:
    page = Page(house)
    assert page.join("Maire", pin="97531").moderator
    return page


def waiting(page: Page) -> dict[str, str]:
    return {one.name: one.member for one in page.last(Door).waiting}


def test_who_comes_to_a_held_room_waits_and_moderators_see_it(house):
    first = moderator(house)
    anne = Page(house)
    assert anne.join("Anne") is None
    assert anne.last(Waiting).room_name == "Conseil"
    assert list(waiting(first)) == ["Anne"]
    assert inside(house) == ["Maire"]


def test_who_is_let_in_joins_and_is_no_moderator(house):
    first, anne = moderator(house), Page(house)
    anne.join("Anne")
    house.house.waiting_rooms.admit(ROOM, waiting(first)["Anne"])
    joined = anne.last(Joined)
    assert not joined.moderator
    assert inside(house) == ["Maire", "Anne"]
    assert waiting(first) == {}
    assert anne.last(Door) is None


def test_who_waited_says_its_offer_when_it_is_let_in(house):
    first, anne = moderator(house), Page(house)
    anne.join("Anne", offer=page_offer())
    house.house.waiting_rooms.admit(ROOM, waiting(first)["Anne"])
    assert not anne.last(Joined).offered
    assert anne.last(Answer) is None
    assert "a=ice-lite" in anne.offer()


def test_who_is_refused_is_told_and_may_come_again(house):
    first, anne = moderator(house), Page(house)
    anne.join("Anne")
    house.house.waiting_rooms.refuse(ROOM, waiting(first)["Anne"])
    assert anne.refused == "not_admitted"
    again = Page(house)
    again.join("Anne")
    assert list(waiting(first)) == ["Anne"]


def test_nobody_is_let_in_who_has_gone_away(house):
    first, anne, ben = moderator(house), Page(house), Page(house)
    anne.join("Anne")
    ben.join("Ben")
    members = waiting(first)
    anne.session.closed()
    ben.session.receive(Leave())
    assert ben.last(Ended).code == "left"
    assert waiting(first) == {}
    for member in members.values():
        assert not house.house.waiting_rooms.admit(ROOM, member)
    assert inside(house) == ["Maire"]


def test_a_unit_that_waits_sees_a_card_and_comes_in_when_it_is_let_in(house):
    house.ring(1)
    assert inside(house) == []
    assert len(house.cards()) == 1
    member = next(iter(house.house.waiting_rooms.waiting(ROOM)))
    house.house.waiting_rooms.admit(ROOM, member)
    assert inside(house) == ["Room 1"]
    house.tick(0.2)


def test_a_unit_that_is_refused_is_hung_up(house):
    house.ring(1)
    member = next(iter(house.house.waiting_rooms.waiting(ROOM)))
    house.house.waiting_rooms.refuse(ROOM, member)
    assert house.orders[-1] == HangUp(CallId(1), End.REFUSED)


def test_a_unit_may_type_the_moderators_pin(house):
    house.ring(1)
    for key in "97531":
        house.calls.handle(DigitPressed(CallId(1), key))
    assert inside(house) == ["Room 1"]
    assert not house.house.waiting_rooms.waiting(ROOM)


def test_a_unit_that_hangs_up_waits_no_longer(house):
    first = moderator(house)
    house.ring(1)
    assert list(waiting(first)) == ["Room 1"]
    house.calls.handle(CallEnded(CallId(1), End.HUNG_UP, 0, ""))
    assert waiting(first) == {}
    assert len(house.house.waiting_rooms) == 0


def test_a_lock_holds_whoever_comes_until_the_meeting_ends():
    with stage() as house:
        anne, ben = Page(house), Page(house)
        anne.join("Anne")
        house.house.waiting_rooms.lock(ROOM, True)
        assert ben.join("Ben") is None
        assert house.house.waiting_rooms.is_locked(ROOM)
        anne.session.receive(Leave())
        assert inside(house) == ["Ben"]
        assert not house.house.waiting_rooms.is_locked(ROOM)


def test_nobody_waits_for_ever(house):
    anne = Page(house)
    anne.join("Anne")
    house.tick(PATIENCE_S + 1)
    assert anne.refused == "not_admitted"


def test_a_room_that_filled_up_meanwhile_is_full():
    room = Room(number="4201", waiting_room=True, moderator_pin="97531", max_members=2)
    with stage(Settings(room=(room,))) as house:
        first, pages = moderator(house), [Page(house) for _ in range(2)]
        for page, name in zip(pages, ("Anne", "Ben"), strict=True):
            page.join(name)
        for member in waiting(first).values():
            house.house.waiting_rooms.admit(ROOM, MemberId(member))
        assert (inside(house), pages[1].refused) == (["Maire", "Anne"], "room_full")


def test_the_card_of_who_waits_can_be_shown_whatever_its_size():
    assert all(len(film(f"{Card.HELD}-{size}")) == 20 for size in ("720p", "cif"))
