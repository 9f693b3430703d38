from hypothesis import given
from hypothesis import strategies as st

from sfu.room.held import Held
from sfu.room.pin import TRIES, Granted, Pressed


def press(held: Held, keys: str) -> list[Granted]:
    for key in keys:
        held.handle(Pressed(key), 1.0)
    return list(held.poll())


def test_a_moderators_pin_opens_with_or_without_the_hash():
    assert press(Held("97531"), "97531") == press(Held("97531"), "97531#") == [Granted()]


def test_a_wrong_one_opens_nothing_and_a_star_begins_anew():
    held = Held("97531")
    assert press(held, "11#975*97531") == [Granted()]
    assert held.wrong == 1


def test_after_so_many_wrong_ones_it_is_deaf():
    held = Held("97531")
    assert press(held, "1#" * TRIES + "97531#") == []
    assert held.wrong == TRIES


def test_a_star_hides_no_guess():
    held = Held("97531")
    assert press(held, "".join(f"{guess:05}*" for guess in range(TRIES)) + "97531") == []
    assert held.wrong == TRIES


@given(st.text("0123456789*#ABC"))
def test_a_room_without_such_a_pin_opens_to_no_key(keys):
    assert press(Held(""), keys) == []


@given(st.text("0123456789*#", max_size=64))
def test_it_opens_once_at_most(keys):
    assert len(press(Held("1212"), keys)) <= 1
