"""A caller before the door: what it is asked, how it answers, and what is left of it."""

from typing import Any

import pytest

from sfu.config import Settings
from sfu.config.media import Limits
from sfu.config.rooms import Language, Policy, Room, Rooms
from sfu.media.engine.event import TelephoneEventReceived
from sfu.model import CallId, Codec
from sfu.shell.door import LINGER_S
from sfu.signalling.call import (
    Accept,
    CallConfirmed,
    CallEnded,
    DigitPressed,
    End,
    HangUp,
    MediaOffered,
    Reject,
)
from sfu.worker.protocol import KeyHeard, Spoken
from tests.shell.stage import Stage, codec_offer, stage

SETTINGS = Settings(
    room=(
        Room(number="4201", pin="2468"),
        Room(number="4202", policy=Policy.POINT_TO_POINT),
    )
)
ENGLISH = Settings(rooms=Rooms(languages=(Language.ENGLISH,)))
HDX = codec_offer("polycom_hdx")


@pytest.fixture
def house():
    with stage(SETTINGS) as made:
        yield made


def press(house: Stage, call: int, keys: str) -> None:
    for key in keys:
        house.calls.handle(DigitPressed(CallId(call), key))


def hum(house: Any, keys: str) -> None:
    """Have the worker hear keys in the one sound that is searched."""
    (ssrc,) = house.mixer.searched
    for key in keys:
        house.desk.take_report(KeyHeard(ssrc, key))


def spoken(house: Any) -> None:
    house.desk.take_report(Spoken(max(house.mixer.legs)))


def words(house: Any) -> tuple[str, ...]:
    """Return what was said last."""
    said: tuple[str, ...] = house.mixer.said[-1][1]
    return said


def cards(house: Stage) -> list[Any]:
    return [
        source for source, one in house.engine.sources.items()
        if one.payloads == ((96, Codec.H264),)
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["accueil", "Accueil", "0", "", "198.51.100.5"])
def test_who_calls_no_room_is_asked_for_one(house, target):
    assert isinstance(house.ring(1, target), Accept)
    house.tick()
    assert words(house) == ("fr/welcome", "fr/number", "en/welcome", "en/number")
    assert [source for source in cards(house) if source in house.engine.carries.values()]
    assert len(house.house.guests) == 0


def test_a_room_nobody_knows_is_still_refused(house):
    assert house.ring(1, "5000").status == 404


def test_without_an_attendant_nobody_is_asked():
    with stage(Settings(rooms=Rooms(attendant=()))) as house:
        for call, target in enumerate(("", "accueil", "0"), 1):
            assert house.ring(call, target).status == 404


def test_without_a_mixer_the_attendant_says_why_it_takes_no_call():
    with stage(mixing=False) as house:
        refusal = house.ring(1, "accueil")
        assert isinstance(refusal, Reject)
        assert refusal.status == 480
        assert "mixer" in refusal.warning


def test_a_full_house_has_no_place_before_the_door_either():
    with stage(Settings(limits=Limits(max_calls=2))) as house:
        for call in (1, 2):
            assert isinstance(house.ring(call, "accueil"), Accept)
        assert house.ring(3, "accueil").status == 486


@pytest.mark.parametrize("way", ["info", "sound", "event"])
def test_the_attendant_lets_in_by_every_way_of_keys(house, way):
    house.ring(1, "accueil", "polycom_group")
    if way == "info":
        press(house, 1, "4201#2468#")
    elif way == "sound":
        hum(house, "4201#2468#")
    else:
        sound = next(
            source for source, one in house.engine.sources.items()
            if any(number == 101 for number, _ in one.payloads)
        )  # fmt: skip
        for at, digit in enumerate((4, 2, 0, 1, 11, 2, 4, 6, 8)):
            house.engine.tell(TelephoneEventReceived(sound, digit, False, 160, at))
    assert house.leg(1).capability.video_receive
    assert house.store.joins[0].room == "4201"
    assert cards(house) == []


def test_a_tone_beside_its_event_is_one_key(house):
    house.ring(1, "accueil", "polycom_group")
    sound = next(
        source for source, one in house.engine.sources.items()
        if any(number == 101 for number, _ in one.payloads)
    )  # fmt: skip
    for at, digit in enumerate("4001"):
        house.engine.tell(TelephoneEventReceived(sound, int(digit), False, 160, at))
        if house.mixer.searched:
            hum(house, digit)
    assert house.store.joins[0].room == "4001"


def test_the_end_of_the_last_tone_is_still_muted_and_nothing_searched_later(house):
    house.ring(1, "accueil")
    hum(house, "4001")
    assert len(house.mixer.searched) == 1
    house.tick(LINGER_S + 0.1)
    assert house.mixer.searched == set()
    house.tick(1)
    assert house.store.ends == {}


def test_the_third_wrong_pin_is_told_goodbye_and_counts_for_its_address(house):
    house.ring(1, "accueil")
    press(house, 1, "4201#1#2#3#")
    assert words(house) == ("fr/wrong", "fr/goodbye", "en/wrong", "en/goodbye")
    assert house.of(HangUp) == []
    spoken(house)
    assert house.orders[-1] == HangUp(CallId(1), End.REFUSED)
    assert {row["cause"] for row in house.said if row["event"] == "pin_refused"} == {"tries"}


def test_goodbye_is_the_end_even_where_the_mixer_died(house):
    house.ring(1, "accueil")
    press(house, 1, "1#2#3#")
    house.tick(7)
    assert house.orders[-1] == HangUp(CallId(1), End.REFUSED)


def test_too_many_wrong_pins_of_an_address_shut_the_attendants_way_too(house):
    for call, wrong in enumerate(("1111", "2222", "3333"), 1):
        house.ring(call, f"4201##{wrong}")
    house.ring(4, "accueil")
    press(house, 4, "4201#2468")
    assert house.orders[-1] == HangUp(CallId(4), End.REFUSED)
    assert len(house.house.guests) == 0


def test_a_full_room_is_said_and_the_caller_stays(house):
    for call in (1, 2):
        house.ring(call, "4202")
    house.ring(3, "accueil")
    press(house, 3, "4202#")
    assert words(house)[:2] == ("fr/full", "fr/number")
    assert cards(house)
    press(house, 3, "4003")
    assert house.store.joins[-1].room == "4003"


def test_a_key_silences_the_voice(house):
    house.ring(1, "accueil")
    press(house, 1, "4")
    assert words(house) == ()


def test_the_pin_of_a_room_dialled_is_asked_for_in_words_and_on_a_card(house):
    house.ring(1, "4201")
    house.tick()
    assert words(house) == ("fr/pin", "en/pin")
    assert len(cards(house)) == 1
    hum(house, "2468")
    assert house.store.joins[0].room == "4201"


def test_the_language_is_a_setting():
    with stage(ENGLISH) as house:
        house.ring(1, "accueil")
        assert words(house) == ("en/welcome", "en/number")


def test_who_holds_before_the_door_is_shown_nothing_until_it_resumes(house):
    house.ring(1, "accueil")
    held = HDX.replace(b"t=0 0\r\n", b"t=0 0\r\na=inactive\r\n")
    house.calls.handle(MediaOffered(CallId(1), held))
    assert (cards(house), house.mixer.searched) == ([], set())
    house.calls.handle(MediaOffered(CallId(1), HDX))
    assert len(cards(house)) == 1
    press(house, 1, "4001")
    assert house.store.joins[0].room == "4001"


def test_who_hangs_up_before_the_door_leaves_nothing_behind(house):
    sockets = len(house.engine.sockets)
    house.ring(1, "accueil")
    house.tick()
    house.calls.handle(CallEnded(CallId(1), End.HUNG_UP, 0, ""))
    house.tick(60)
    assert (house.mixer.legs, house.mixer.inputs, len(house.calls)) == ({}, set(), 0)
    assert len(house.engine.sockets) == sockets
    assert cards(house) == []


def test_the_echo_test_shows_and_plays_a_room_itself_with_a_word_before(house):
    house.ring(1, "9196")
    assert words(house) == ("fr/echo", "en/echo")
    leg = house.send(1)
    house.tick(0.2)
    assert house.shown(leg) == leg.streams.picture
    (_, _, inputs, _) = next(iter(house.mixer.legs.values()))
    assert len(inputs) == 1


def test_callers_of_the_echo_test_do_not_meet(house):
    for call in (1, 2):
        house.ring(call, "9196")
        house.send(call)
    house.tick(0.2)
    for call in (1, 2):
        leg = house.leg(call)
        assert house.shown(leg) == leg.streams.picture
    assert all(len(inputs) == 1 for _, _, inputs, _ in house.mixer.legs.values())


def test_who_offers_late_is_asked_once_media_flows(house):
    accepted = house.ring(1, "accueil", offer=None)
    assert house.mixer.said == []
    answer = accepted.description.replace(b"o=sfu", b"o=far")
    house.calls.handle(CallConfirmed(CallId(1), answer))
    assert words(house)[0] == "fr/welcome"
