import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import UseError
from sfu.model import RoomId
from sfu.room.directory import (
    Directory,
    Found,
    RoomSetting,
    Target,
    UnknownRoom,
    WrongPin,
    read_target,
)

COUNCIL = RoomSetting(RoomId("7000"), "Conseil", pin="1234", aliases=("conseil", "council"))
OPEN = RoomSetting(RoomId("4100"), "Mairie")
directory = Directory([COUNCIL, OPEN])


@pytest.mark.parametrize(
    ("dialled", "number", "pin"),
    [
        ("4201", "4201", ""),
        ("4201##1234", "4201", "1234"),
        ("203.0.113.5##4201", "4201", ""),
        ("203.0.113.5##4201##1234", "4201", "1234"),
        ("2001:db8::5##4201", "4201", ""),
        ("visio.example.org##4201", "4201", ""),
        (" 4201 ", "4201", ""),
        ("4201##", "4201", ""),
        ("", "", ""),
        ("1##2##3", "", ""),
        ("1##2##3##4", "", ""),
        ("4" * 65, "", ""),
    ],
)
def test_units_write_room_and_pin_in_many_ways(dialled, number, pin):
    assert read_target(dialled) == Target(number, pin)


def test_a_number_in_the_open_range_is_a_room_by_being_called():
    assert directory.find("4201") == Found(RoomId("4201"), "", pin="")
    assert directory.find("4999##99") == Found(RoomId("4999"), "", pin="")


@pytest.mark.parametrize("number", ["3999", "5000", "04201", "٤٢٠١", "42o1", "+4201", "", "-1"])
def test_any_other_number_is_unknown(number):
    assert isinstance(directory.find(number), UnknownRoom)


def test_a_configured_room_answers_to_its_number_and_aliases_in_any_case():
    for name in ("7000", "conseil", "Council"):
        assert directory.find(name) == Found(RoomId("7000"), "Conseil", pin="1234")


def test_a_configured_room_without_pin_lets_in():
    assert directory.find("4100") == Found(RoomId("4100"), "Mairie", pin="")


def test_the_right_pin_opens_whether_dialled_or_typed():
    assert directory.find("7000##1234") == directory.find("7000", "1234")
    assert directory.find("conseil", "1234") == Found(RoomId("7000"), "Conseil", pin="")


@given(st.text(max_size=8).filter(lambda pin: pin not in ("", "1234")))
def test_any_other_pin_is_wrong(pin):
    assert directory.find("7000", pin) == WrongPin(RoomId("7000"))


def test_half_a_surrogate_pair_is_a_wrong_pin_like_any_other():
    assert directory.find("7000", "\ud800") == WrongPin(RoomId("7000"))


def test_two_rooms_may_not_share_a_name():
    with pytest.raises(UseError, match="Conseil"):
        Directory([COUNCIL, RoomSetting(RoomId("7001"), aliases=("Conseil",))])


@given(st.text(max_size=80))
def test_no_target_breaks_the_directory_or_opens_a_closed_room(target):
    match directory.find(target):
        case Found(room, _, pin):
            assert room in directory.rooms or int(room) in range(4000, 5000)
            assert pin or room != "7000" or target.endswith("##1234")
        case UnknownRoom() | WrongPin():
            pass
