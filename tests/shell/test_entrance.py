"""From an answered call into its room: the door, the PIN, and who may be forged."""

import pytest

from sfu.config import Settings
from sfu.config.rooms import Room, Rooms
from sfu.media.engine.event import TelephoneEventReceived
from sfu.model import CallId, Codec
from sfu.shell.calls import Calls
from sfu.signalling.call import (
    Accept,
    CallConfirmed,
    CallEnded,
    DigitPressed,
    End,
    HangUp,
    MediaOffered,
)
from tests.shell.stage import Stage, codec_offer, stage

PIN = Settings(room=(Room(number="4201", pin="2468"),))
HDX = codec_offer("polycom_hdx")


@pytest.fixture
def guarded():
    with stage(PIN) as made:
        yield made


def members(house: Stage) -> int:
    return len(house.house.guests)


def press(house: Stage, call: int, keys: str) -> None:
    for key in keys:
        house.calls.handle(DigitPressed(CallId(call), key))


def end(house: Stage, call: int, cause: End = End.HUNG_UP) -> None:
    house.calls.handle(CallEnded(CallId(call), cause, 0, ""))


def test_who_must_give_a_pin_hears_a_tone_and_nobody_else(guarded):
    guarded.ring(1)
    assert members(guarded) == 0
    assert [name for _, name in guarded.mixer.tones] == ["pin"]
    assert any(guarded.engine.carries.values())


def test_the_right_pin_opens_whether_it_comes_by_signalling_or_by_sound(guarded):
    guarded.ring(1)
    press(guarded, 1, "2468")
    guarded.ring(2, offer="polycom_group")
    sound = next(
        source
        for source, command in guarded.engine.sources.items()
        if any(number == 101 for number, _ in command.payloads)
    )
    for at, digit in enumerate((2, 4, 6, 8)):
        for is_end in (False, True, True):
            guarded.engine.tell(TelephoneEventReceived(sound, digit, is_end, 800, at))
    assert members(guarded) == 2


def test_a_pin_in_the_number_opens_at_once(guarded):
    guarded.ring(1, "4201##2468")
    assert members(guarded) == 1


def test_the_third_wrong_pin_ends_the_call(guarded):
    guarded.ring(1)
    press(guarded, 1, "1#2#3#")
    assert guarded.orders[-1] == HangUp(CallId(1), End.REFUSED)
    press(guarded, 1, "2468")
    guarded.calls.handle(CallConfirmed(CallId(1), HDX))
    assert members(guarded) == 0


def test_the_number_of_tries_is_a_setting():
    with stage(Settings(room=PIN.room, rooms=Rooms(pin_tries=1))) as house:
        house.ring(1)
        press(house, 1, "1#")
        assert house.orders[-1] == HangUp(CallId(1), End.REFUSED)


def test_who_types_nothing_is_asked_again_and_then_let_go(guarded):
    guarded.ring(1)
    guarded.tick(31)
    assert len(guarded.mixer.tones) == 3
    assert guarded.orders[-1] == HangUp(CallId(1), End.REFUSED)


def test_who_hangs_up_before_the_door_leaves_nothing_behind(guarded):
    guarded.ring(1)
    end(guarded, 1)
    guarded.tick(60)
    assert (guarded.mixer.legs, guarded.store.ends, len(guarded.calls)) == ({}, {}, 0)
    assert len(guarded.engine.sockets) == 2


def test_who_holds_and_resumes_before_the_door_hears_its_tones_again(guarded):
    guarded.ring(1)
    held = HDX.replace(b"t=0 0\r\n", b"t=0 0\r\na=inactive\r\n")
    guarded.calls.handle(MediaOffered(CallId(1), held))
    assert not any(guarded.engine.carries.values())
    guarded.calls.handle(MediaOffered(CallId(1), HDX))
    assert any(guarded.engine.carries.values())


def test_a_mixer_that_was_started_anew_reaches_who_waits_before_the_door(guarded):
    guarded.ring(1)
    guarded.desk.connect(guarded.spare_fd())
    assert any(guarded.engine.carries.values())


def test_too_many_wrong_pins_of_one_address_shut_the_right_one_out_for_a_minute(guarded):
    for call, wrong in enumerate(("1111", "2222", "3333"), 1):
        assert guarded.ring(call, f"4201##{wrong}").status == 403
    assert guarded.ring(4, "4201##2468").status == 403
    assert guarded.ring(5, "4201").status == 403
    assert isinstance(guarded.ring(6, "4201##2468", host="192.0.2.99"), Accept)
    guarded.tick(61)
    assert isinstance(guarded.ring(7, "4201##2468"), Accept)


def test_many_calls_at_once_do_not_make_many_tries(guarded):
    for call in range(1, 5):
        guarded.ring(call)
    for call in range(1, 4):
        press(guarded, call, "1#2#3#")
    press(guarded, 4, "2468")
    assert members(guarded) == 0
    assert guarded.orders[-1] == HangUp(CallId(4), End.REFUSED)


def test_each_wrong_pin_counts_for_the_address_in_whatever_call(guarded):
    guarded.ring(1)
    press(guarded, 1, "1#2#")
    end(guarded, 1)
    guarded.ring(2)
    press(guarded, 2, "3#2468#")
    assert members(guarded) == 0
    assert guarded.orders[-1] == HangUp(CallId(2), End.REFUSED)
    guarded.tick(61)
    guarded.ring(3)
    press(guarded, 3, "1#2#2468#")  # two are forgiven
    assert members(guarded) == 1


# ---- who may be forged


@pytest.fixture
def strangers():
    """Nobody who calls is known."""
    with stage() as made:
        made.calls = Calls(made.house, made.around, lambda host: "198.51.100.5", lambda host: False)
        yield made


def test_a_stranger_gets_its_place_at_its_ack(strangers):
    assert isinstance(strangers.ring(1), Accept)
    strangers.tick(1)
    assert members(strangers) == 0
    strangers.calls.handle(CallConfirmed(CallId(1), None))
    assert members(strangers) == 1


def test_a_stranger_without_an_ack_has_its_place_once_it_sends(strangers):
    """Its ports were told by our 200 alone: who sends there has read it."""
    strangers.ring(1)
    (visit,) = strangers.calls.visits.values()
    strangers.flow(visit.leg.streams.sound, Codec.G722)
    strangers.tick(0.1)
    assert members(strangers) == 1


def test_forged_calls_leave_nothing_behind(strangers):
    for call in range(1, 4):
        strangers.ring(call, host=f"203.0.113.{call}")
        end(strangers, call, End.VANISHED)
    strangers.calls.handle(CallConfirmed(CallId(1), None))
    assert (members(strangers), len(strangers.calls), strangers.store.joins) == (0, 0, [])
