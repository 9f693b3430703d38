import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfu.errors import UseError
from sfu.model import RoomId
from sfu.room.directory import (
    Directory,
    Found,
    Reception,
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


WITH_ATTENDANT = Directory([COUNCIL], attendant=("accueil", "0"), echo_test="9196")


@pytest.mark.parametrize(
    "target", ["accueil", "ACCUEIL", "0", "", " ", "203.0.113.5", "2001:db8::5"]
)
def test_who_names_no_room_reaches_the_attendant_where_there_is_one(target):
    assert WITH_ATTENDANT.reach(target) == Reception()
    assert isinstance(directory.reach(target), UnknownRoom)
    assert isinstance(WITH_ATTENDANT.find(target), UnknownRoom)  # a page has a field for it


@given(st.text(max_size=12).filter(lambda text: text.strip()))
def test_whoever_names_a_room_reaches_what_it_means(target):
    reached = WITH_ATTENDANT.reach(target)
    assert isinstance(reached, Reception) or reached == WITH_ATTENDANT.find(target)


def test_room_and_pin_behind_an_address_are_no_call_to_the_attendant():
    assert WITH_ATTENDANT.reach("203.0.113.5##4201") == Found(RoomId("4201"), "", pin="")


def test_the_echo_test_is_found_by_its_number():
    assert isinstance(WITH_ATTENDANT.find("9196"), Found)
    assert isinstance(directory.find("9196"), UnknownRoom)


def test_a_configured_room_goes_before_attendant_and_echo_test():
    rooms = [RoomSetting(RoomId("9196"), aliases=("accueil",))]
    taken = Directory(rooms, attendant=("accueil",), echo_test="9196")
    assert taken.reach("accueil") == taken.find("9196") == Found(RoomId("9196"), "", pin="")
    assert taken.echo_test == ""
    assert taken.reach("") == Reception()


@given(st.integers(1, 9_999), st.integers(1, 9_999), st.text("0123456789", min_size=1, max_size=5))
@example(301, 300, "3")
def test_a_number_may_go_on_where_a_longer_one_is_open(first, last, number):
    numbers = range(first, last + 1)
    longer = any(str(one) != number and str(one).startswith(number) for one in numbers)
    assert Directory(numbers=(numbers,)).may_go_on(number) == longer
