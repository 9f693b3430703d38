"""Browsers' way in and out: joining, refusals, coming back, being replaced, leaving."""

import time
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from sfu.config import Line, Settings
from sfu.config.media import Media
from sfu.config.rooms import Policy, Room, Rooms
from sfu.errors import PeerError
from sfu.media.connect import stun
from sfu.media.connect.stun import Attribute, StunType
from sfu.media.connect.turn import TurnServer
from sfu.media.engine.event import DatagramReceived
from sfu.model import Address, RoomId
from sfu.shell.browsers import Browsers
from sfu.signalling.call import Accept
from sfu.signalling.webrtc.message import (
    Answer,
    Ended,
    Join,
    Joined,
    Layout,
    Leave,
    Members,
    Offer,
    Refused,
    Slots,
    Sound,
    Speaker,
    State,
)
from tests.shell.stage import Stage, page_offer, stage

PIN = Settings(room=(Room(number="4201", pin="2468"),))
TOWN = ip_network("192.0.2.0/24")
PAIR = Settings(room=(Room(number="4201", policy=Policy.POINT_TO_POINT),))


class Page:
    """What a browser said and heard."""

    def __init__(self, house: Stage, remote: str = "192.0.2.50"):
        self.house = house
        self.heard: list[object] = []
        self.session: Any = house.browsers.open(self.heard.append, remote, "Chromium")

    def join(self, name: str = "Anne", room: str = "4201", **more):
        self.session.receive(Join(room=room, name=name, **more))
        return self.last(Joined)

    def offer(self, sdp: str | None = None, *, restart: bool = False):
        self.session.receive(Offer(sdp=sdp or page_offer(), restart=restart))
        return self.last(Answer).sdp

    def last(self, kind):
        return next((one for one in reversed(self.heard) if isinstance(one, kind)), None)

    @property
    def refused(self):
        return str(self.last(Refused).code)

    def check(self):
        """Let a connectivity check come, as a browser does each few seconds."""
        path = self.session.leg._path
        attributes = [
            (Attribute.USERNAME, f"{path.ufrag}:theirs".encode()),
            (Attribute.USE_CANDIDATE, b""),
        ]
        payload = stun.compose(StunType.REQUEST, b"transaction!", attributes, path.password)
        house = self.house
        socket, at_us = house.door.sockets[0], round(house.now * 1e6)
        house.engine.tell(DatagramReceived(socket, Address("192.0.2.50", 4), payload, at_us))


@pytest.fixture
def house():
    with stage() as made:
        yield made


@pytest.fixture
def guarded():
    with stage(PIN) as made:
        yield made


def test_who_joins_is_told_where_it_is_and_what_to_offer(house):
    page = Page(house)
    joined = page.join()
    assert (joined.room, len(joined.resume)) == ("4201", 32)
    assert page.last(Layout).pictures >= 3
    assert [row.name for row in page.last(Members).members] == ["Anne"]
    assert page.last(Members).you == joined.member


def test_an_offer_is_answered_and_the_places_are_told_by_mid(house):
    page = Page(house)
    page.join()
    assert "a=ice-lite" in page.offer()
    slots = page.last(Slots)
    assert set(slots.pictures) == {"9", "10"}
    assert set(slots.sounds) == {"2", "3", "4", "5", "6", "7"}


def test_the_first_offer_may_come_with_the_wish_to_be_let_in(house):
    page = Page(house)
    joined = page.join(offer=page_offer())
    assert joined.offered
    assert "a=ice-lite" in page.last(Answer).sdp
    assert set(page.last(Slots).pictures) == {"9", "10"}
    assert [row.picture for row in page.last(Members).members] != ["none"]
    assert "a=ice-lite" in page.offer()  # and the next as ever


def test_without_an_offer_the_page_is_told_to_say_it(house):
    page = Page(house)
    assert not page.join().offered
    assert page.last(Answer) is None


def test_who_is_refused_gets_no_answer_to_its_offer(guarded):
    page = Page(guarded)
    page.join(offer=page_offer(), pin="1111")
    assert page.refused == "wrong_pin"
    assert page.last(Answer) is None
    assert page.join(offer=page_offer(), pin="2468").offered
    assert page.last(Answer) is not None


def test_where_there_is_a_relay_the_page_gathers_from_it_before_it_offers(house):
    turn = TurnServer(("turn:relay.example.fr",), "secret", 3600)
    around = replace(house.page_around, turn=turn)
    house.browsers = Browsers(house.house, around, lambda size: bytes(size))
    page = Page(house)
    joined = page.join(offer=page_offer())
    assert joined.ice_servers
    assert not joined.offered
    assert page.last(Answer) is None


def test_an_offer_that_shares_nothing_is_refused_behind_the_door(house):
    page = Page(house)
    with pytest.raises(PeerError) as refused:
        page.join(offer="v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n")
    assert refused.value.status == 488
    assert page.last(Joined).offered
    assert "a=ice-lite" in page.offer()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"room": "9999"}, "unknown_room"),
        ({"name": ""}, "name_missing"),
        ({}, "pin_required"),
        ({"pin": "1111"}, "wrong_pin"),
        ({"room": "4201##1111"}, "wrong_pin"),
    ],
)
def test_who_cannot_come_in_is_told_why_and_may_try_again(guarded, fields, code):
    page = Page(guarded)
    assert page.join(**fields) is None
    assert page.refused == code
    assert page.join(pin="2468") is not None


def test_a_full_room_is_told():
    with stage(PAIR) as house:
        for name in ("Anne", "Bruno"):
            Page(house).join(name)
        page = Page(house)
        assert page.join("Claire") is None
        assert page.refused == "room_full"


def test_after_three_wrong_pins_the_right_one_does_not_help_for_a_minute(guarded):
    for _ in range(3):
        page = Page(guarded)
        page.join(pin="1111")
    assert page.refused == "too_many_tries"
    late = Page(guarded)
    assert late.join(pin="2468") is None
    assert late.refused == "too_many_tries"
    assert Page(guarded).join(room="4202") is not None
    assert Page(guarded, "192.0.2.51").join(pin="2468") is not None
    guarded.tick(61)
    assert Page(guarded).join(pin="2468") is not None


def test_room_codecs_tries_count_too(guarded):
    for call in range(1, 4):
        guarded.ring(call, f"4201##{call * 1111}", host="192.0.2.50")
    page = Page(guarded)
    page.join(pin="2468")
    assert page.refused == "too_many_tries"


@pytest.mark.parametrize(
    "message", [Offer(sdp="x"), State(microphone=True, camera=True), Sound(forwarded=1), Leave()]
)
def test_nothing_is_taken_before_joining(house, message):
    with pytest.raises(PeerError) as caught:
        Page(house).session.receive(message)
    assert caught.value.status == 403


def test_nobody_joins_twice_on_one_connection(house):
    page = Page(house)
    page.join()
    with pytest.raises(PeerError, match="joined already"):
        page.join()


def test_who_leaves_is_told_so_and_takes_nothing_more(house):
    page, other = Page(house), Page(house)
    page.join()
    other.join("Bruno")
    page.offer()
    page.session.receive(Leave())
    assert page.last(Ended).code == "left"
    assert [row.name for row in other.last(Members).members] == ["Bruno"]
    with pytest.raises(PeerError):
        page.join()
    page.session.closed()
    house.tick(1)
    assert len(house.house.guests) == 1


def test_who_loses_its_connection_keeps_its_place_for_a_while(house):
    page = Page(house)
    page.join()
    page.offer()
    page.session.closed()
    house.tick(19)
    assert len(house.house.guests) == 1
    house.tick(2)
    assert house.house.guests == {}
    assert house.store.ends == {1: "vanished"}


def test_who_comes_back_is_the_same_member_and_is_told_everything_anew(house):
    page, other = Page(house), Page(house)
    joined = page.join()
    other.join("Bruno")
    page.offer()
    page.session.closed()
    house.tick(5)
    back = Page(house)
    assert back.join(resume=joined.resume).member == joined.member
    assert len(back.last(Members).members) == 2
    for kind in (Layout, Slots, Speaker):
        assert back.last(kind) is not None
    back.check()
    house.tick(15)
    assert len(house.house.guests) == 2


def test_a_place_taken_up_from_elsewhere_is_lost_to_who_had_it(house):
    page, back = Page(house), Page(house)
    joined = page.join()
    page.offer()
    back.join(resume=joined.resume)
    assert page.last(Ended).code == "replaced"
    page.session.closed()
    back.check()
    house.tick(21)
    assert len(house.house.guests) == 1
    assert back.offer() is not None


@pytest.mark.parametrize("token", ["", "0" * 32, "né", "x" * 128])
def test_a_wrong_token_is_an_ordinary_join(house, token):
    Page(house).join()
    page = Page(house)
    assert page.join("Bruno", resume=token).member == "m2"


def test_a_member_that_never_offers_is_given_up(house):
    page = Page(house)
    page.join()
    house.tick(41)
    assert page.last(Ended).code == "media_failed"
    assert house.house.guests == {}


def test_a_member_whose_keys_fail_is_told_at_once(house):
    page = Page(house)
    page.join()
    page.offer()
    page.session.leg._path.failed = True
    house.tick()
    assert page.last(Ended).code == "media_failed"
    assert house.store.ends == {1: "protocol_error"}


def test_the_operator_removes_a_member(house):
    page = Page(house)
    member = page.join().member
    assert house.browsers.remove(member)
    assert not house.browsers.remove(member)
    assert page.last(Ended).code == "removed"


def test_a_server_that_stops_says_so_to_all(house):
    page, late = Page(house), Page(house)
    page.join()
    house.browsers.stop()
    assert page.last(Ended).code == "server_stopping"
    late.join()
    assert late.refused == "server_stopping"


def test_a_second_that_goes_wrong_for_one_is_the_others_all_the_same(house, monkeypatch):
    house.faults = 1
    one, two = Page(house), Page(house)
    one.join()
    two.join("Bruno")
    monkeypatch.setattr(one.session.leg, "tick", lambda *now: 1 / 0)
    monkeypatch.setattr(two.session.leg, "vanished", lambda now: True)
    house.tick()
    assert two.last(Ended).code == "media_failed"


def test_no_more_voices_are_forwarded_than_configured():
    with stage(Settings(media=Media(forwarded_sounds=1))) as house:
        page = Page(house)
        member = page.join().member
        room = house.house.meetings[RoomId("4201")]._room
        assert room.members[member].forwarded == 1
        page.session.receive(Sound(forwarded=3))
        assert room.members[member].forwarded == 1
        page.session.receive(Sound(forwarded=0))
        assert room.members[member].forwarded == 0


def test_who_switches_its_camera_off_is_shown_so(house):
    page = Page(house)
    page.join()
    page.session.receive(State(microphone=False, camera=False))
    leg = page.session.leg
    assert (leg.wants_sound(), leg.wants_picture()) == (False, False)


def test_a_guests_link_opens_its_room_without_the_pin_and_no_other(guarded):
    link = guarded.house.invitations.make(RoomId("4201"), time.time() + 60)
    over = guarded.house.invitations.make(RoomId("4201"), time.time() - 1)
    other = guarded.house.invitations.make(RoomId("4202"), time.time() + 60)
    assert Page(guarded).join(invitation=link).room == "4201"
    for word in (over, other, link[:-1], "", "x"):
        page = Page(guarded)
        assert page.join(invitation=word) is None
        assert page.refused == "pin_required"
    assert Page(guarded).join(invitation="x", pin="2468").room == "4201"


def test_a_guest_is_let_in_where_others_tried_wrong_pins(guarded):
    for _ in range(3):
        Page(guarded).join(pin="1111")
    link = guarded.house.invitations.make(RoomId("4201"), time.time() + 60)
    assert Page(guarded).join(invitation=link) is not None


def test_where_pages_come_by_invitation_a_number_alone_opens_nothing():
    rooms = (Room(number="4201"), Room(number="4202", pin="2468"))
    with stage(Settings(room=rooms, rooms=Rooms(invited_only=True))) as house:
        page = Page(house)
        assert page.join() is None
        assert page.refused == "invitation_required"
        link = house.house.invitations.make(RoomId("4201"), time.time() + 60)
        assert page.join(invitation=link).room == "4201"
        assert Page(house).join(room="4202", pin="2468") is not None
        assert isinstance(house.ring(1), Accept)  # room codecs dial the number still


def test_a_house_that_drains_lets_nobody_in_but_who_comes_back(house):
    anne = Page(house)
    token = anne.join().resume
    house.house.drain.begin(house.now, 60.0)
    bruno = Page(house)
    assert bruno.join("Bruno") is None
    assert bruno.refused == "server_stopping"
    anne.session.closed()
    again = Page(house)
    assert again.join(resume=token) is not None
    assert len(house.browsers) == 1


@pytest.mark.parametrize(("down_bps", "wanted"), [(2_000_000, 150), (20_000_000, 0)])
def test_a_page_on_a_thin_line_keeps_back_what_it_plays(down_bps, wanted):
    town = Line(site="town", up_bps=down_bps, down_bps=down_bps, networks=(TOWN,))
    with stage(Settings(line=(town,))) as house:
        assert Page(house).join().playout_ms == wanted
        assert Page(house, "203.0.113.9").join().playout_ms == 0
