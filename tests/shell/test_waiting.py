"""Who is alone in a room sees its name, until somebody comes; and again when all have left."""

import pytest

from sfu.config import Settings
from sfu.config.rooms import Room
from sfu.media.still import Picture
from sfu.model import CallId, Codec
from sfu.shell.calls import Calls
from sfu.signalling.call import CallEnded, DigitPressed, End, MediaOffered
from tests.shell.stage import Stage, codec_offer, stage

SETTINGS = Settings(
    room=(Room(number="4201", name="Mairie de Morez"), Room(number="4203", pin="7"))
)


@pytest.fixture
def titles() -> list[str]:
    return []


@pytest.fixture
def house(titles):
    with stage(SETTINGS) as made:

        def draw(card: object, title: str) -> tuple[Picture, ...] | None:
            titles.append(title)
            return None

        made.calls = Calls(made.house, made.around, lambda host: "198.51.100.5", draw=draw)
        yield made


def sees_card(house: Stage, call: int) -> bool:
    return house.shown(house.leg(call)) in house.cards()


@pytest.mark.parametrize(("number", "title"), [("4201", "Mairie de Morez"), ("4202", "4202")])
def test_the_first_in_a_room_sees_its_name_or_number(house, titles, number, title):
    house.ring(1, number)
    house.tick()
    assert sees_card(house, 1)
    assert titles[0] == title


def test_the_card_makes_way_for_who_comes_and_comes_back_when_he_has_left(house):
    for call in (1, 2):
        house.ring(call)
    house.tick()
    assert house.cards() == []
    for call in (1, 2):
        house.send(call)
    house.tick(2)
    assert house.shown(house.leg(1)) == house.leg(2).streams.picture
    house.calls.handle(CallEnded(CallId(2), End.HUNG_UP, 0, ""))
    house.tick()
    assert sees_card(house, 1)


def test_the_card_of_the_door_is_followed_by_that_of_the_room(house):
    house.ring(1, "4203")
    house.tick()
    at_the_door = house.cards()
    for key in "7#":
        house.calls.handle(DigitPressed(CallId(1), key))
    house.tick()
    assert sees_card(house, 1)
    assert house.cards() != at_the_door
    assert len(house.cards()) == 1


def test_the_card_is_there_again_when_media_has_changed(house):
    house.ring(1)
    house.tick()
    held = codec_offer("polycom_hdx").replace(b"a=sendrecv", b"a=inactive")
    house.calls.handle(MediaOffered(CallId(1), held))
    house.tick()
    house.calls.handle(MediaOffered(CallId(1), codec_offer("polycom_hdx")))
    house.tick()
    assert sees_card(house, 1)


def test_the_echo_test_shows_oneself_and_no_card(house):
    house.ring(1, "9196")
    house.tick()
    assert house.cards() == []
    house.flow(house.leg(1).streams.picture, Codec.H264)
    house.tick(1)
    assert house.shown(house.leg(1)) == house.leg(1).streams.picture


def test_a_call_that_ends_leaves_no_card(house):
    before = len(house.engine.sockets)
    house.ring(1)
    house.tick()
    assert len(house.cards()) == 1
    house.calls.handle(CallEnded(CallId(1), End.HUNG_UP, 0, ""))
    assert house.cards() == []
    assert len(house.engine.sockets) == before
