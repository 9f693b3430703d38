"""The attendant's stories: who is let in, who is asked again, who is let go."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sfu.model import RoomId
from sfu.room.attendant import (
    ASKED,
    GOODBYE_S,
    SPOKEN_S,
    Attendant,
    Card,
    Enter,
    Finished,
    Full,
    PlayPrompt,
    Prompt,
    Refusal,
    Refuse,
    ShowCard,
)
from sfu.room.directory import Directory, RoomSetting
from sfu.room.pin import DIGIT_GAP_S, PATIENCE_S, REPEAT_S, Pressed

DIRECTORY = Directory(
    (
        RoomSetting(RoomId("4201"), pin="2468"),
        RoomSetting(RoomId("7"), aliases=("conseil",)),
        RoomSetting(RoomId("771")),
    ),
    echo_test="9196",
)
NUMBER, PIN = ShowCard(Card.NUMBER), ShowCard(Card.PIN)
HUSH = PlayPrompt(())


class Caller:
    """An attendant and its clock; one key each half second."""

    def __init__(self, **more: Any) -> None:
        self.now = 10.0
        self.attendant = Attendant(DIRECTORY, self.now, **more)

    def said(self) -> list[Any]:
        return list(self.attendant.poll())

    def press(self, keys: str) -> list[Any]:
        for key in keys:
            self.now += 0.5
            self.attendant.handle(Pressed(key), self.now)
        return self.said()

    def hear(self) -> list[Any]:
        """Let what is being said come to its end."""
        self.now += 5
        self.attendant.handle(Finished(), self.now)
        return self.said()

    def wait(self, seconds: float) -> list[Any]:
        self.now += seconds
        self.attendant.tick(self.now)
        return self.said()


def prompts(outputs: list[Any]) -> list[tuple[Prompt, ...]]:
    return [one.prompts for one in outputs if isinstance(one, PlayPrompt) and one.prompts]


def test_the_caller_is_asked_for_the_number_at_once():
    assert Caller().said() == [NUMBER, PlayPrompt((Prompt.WELCOME, Prompt.NUMBER))]


def test_a_number_is_complete_where_no_longer_one_could_be_meant():
    assert Caller().press("4002")[-1] == Enter(RoomId("4002"))
    assert Caller().press("9196")[-1] == Enter(RoomId("9196"))
    assert Caller().press("771")[-1] == Enter(RoomId("771"))


def test_a_number_that_may_go_on_ends_with_a_hash_or_a_pause():
    caller = Caller()
    assert Enter(RoomId("7")) not in caller.press("7")
    assert caller.wait(DIGIT_GAP_S) == [Enter(RoomId("7"))]
    assert Caller().press("7#")[-1] == Enter(RoomId("7"))


def test_a_key_ends_what_is_being_said():
    caller = Caller()
    assert caller.said() != []
    assert caller.press("4") == [HUSH]
    assert caller.press("0") == []


def test_a_room_with_a_pin_asks_for_it_and_opens():
    caller = Caller()
    assert caller.press("4201")[-2:] == [PIN, PlayPrompt((Prompt.PIN,))]
    assert caller.press("2468") == [HUSH, Enter(RoomId("4201"))]
    assert caller.attendant.is_over


def test_a_hash_behind_a_number_complete_by_itself_is_no_empty_pin():
    caller = Caller()
    assert prompts(caller.press("4201#")) == [(Prompt.WELCOME, Prompt.NUMBER), (Prompt.PIN,)]
    assert caller.press("2468#")[-1] == Enter(RoomId("4201"))


def test_number_and_pin_may_be_pressed_in_one_go():
    assert Caller().press("4201##2468")[-1] == Enter(RoomId("4201"))


def test_a_wrong_pin_is_asked_again_and_the_third_is_the_end():
    caller = Caller()
    said = prompts(caller.press("4201#1#22#"))
    assert said[-2:] == [(Prompt.WRONG, Prompt.PIN)] * 2
    assert prompts(caller.press("333#")) == [(Prompt.WRONG, Prompt.GOODBYE)]
    assert caller.press("2468") == []
    assert caller.hear() == [Refuse(Refusal.TRIES)]


def test_a_room_that_does_not_exist_is_said_and_asked_again_three_times():
    caller = Caller()
    assert prompts(caller.press("5000#"))[-1] == (Prompt.UNKNOWN, Prompt.NUMBER)
    assert prompts(caller.press("1#")) == [(Prompt.UNKNOWN, Prompt.NUMBER)]
    assert prompts(caller.press("2#")) == [(Prompt.UNKNOWN, Prompt.GOODBYE)]
    assert caller.hear() == [Refuse(Refusal.NO_ROOM)]


def test_a_star_begins_anew_and_a_hash_alone_asks_again_and_costs_nothing():
    caller = Caller()
    assert caller.press("50*4002")[-1] == Enter(RoomId("4002"))
    caller = Caller()
    assert prompts(caller.press("####")) == [
        (Prompt.WELCOME, Prompt.NUMBER), *[(Prompt.NUMBER,)] * 4
    ]  # fmt: skip
    assert caller.press("4002")[-1] == Enter(RoomId("4002"))


def test_who_presses_nothing_is_asked_three_times_and_let_go():
    caller = Caller()
    asked = len(prompts(caller.said()))
    caller.hear()
    for _ in range(ASKED - 1):
        asked += len(prompts(caller.wait(REPEAT_S)))
        caller.hear()
    assert asked == ASKED
    assert prompts(caller.wait(REPEAT_S)) == [(Prompt.GOODBYE,)]
    assert caller.hear() == [Refuse(Refusal.TIME)]


def test_who_presses_no_pin_is_let_go():
    caller = Caller()
    caller.press("4201")
    said: list[Any] = []
    for _ in range(int(PATIENCE_S)):
        said += caller.wait(1)
    assert prompts(said) == [(Prompt.PIN,), (Prompt.PIN,), (Prompt.GOODBYE,)]
    assert caller.hear() == [Refuse(Refusal.TIME)]


def test_nothing_waits_for_an_end_that_is_never_told():
    caller = Caller(tries=1)
    caller.said()
    assert prompts(caller.wait(SPOKEN_S + REPEAT_S)) == [(Prompt.NUMBER,)]
    caller.press("5#")
    assert caller.wait(GOODBYE_S) == [Refuse(Refusal.NO_ROOM)]


def test_a_full_room_is_said_and_another_may_be_named():
    caller = Caller()
    caller.press("4002")
    caller.attendant.handle(Full(), caller.now)
    assert caller.said() == [NUMBER, PlayPrompt((Prompt.FULL, Prompt.NUMBER))]
    assert caller.press("4003")[-1] == Enter(RoomId("4003"))


@given(
    st.lists(
        st.sampled_from([*"0123456789*#A", "hear", "wait", "long"]) | st.just("2468"), max_size=40
    )
)
def test_whatever_is_pressed_it_ends_once_and_only_a_pin_opens_its_room(script):
    caller, said = Caller(), []
    for word in script:
        match word:
            case "hear":
                said += caller.hear()
            case "wait":
                said += caller.wait(1)
            case "long":
                said += caller.wait(40)
            case keys:
                said += caller.press(keys)
    ends = [one for one in said if isinstance(one, Enter | Refuse)]
    assert len(ends) <= 1
    if ends:
        assert caller.attendant.is_over
        assert caller.attendant.deadline is None
        if ends[0] == Enter(RoomId("4201")):
            assert PIN in said
            assert "2468" in "".join(script)
    else:
        assert caller.attendant.deadline is not None
