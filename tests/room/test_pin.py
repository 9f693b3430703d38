from hypothesis import given
from hypothesis import strategies as st

from sfu.room.pin import (
    DIGIT_GAP_S,
    PATIENCE_S,
    REPEAT_S,
    TRIES,
    Granted,
    PinGate,
    PinOutput,
    PlayTone,
    Pressed,
    Refusal,
    Refused,
    Tone,
)


def press(keys: str, *, pin: str = "1234", start: float = 10.0) -> list[PinOutput]:
    gate = PinGate(pin, start)
    for count, key in enumerate(keys, 1):
        gate.handle(Pressed(key), start + count / 2)
    return list(gate.poll())


ASK, WRONG = PlayTone(Tone.ASK), PlayTone(Tone.WRONG)


def test_the_caller_is_asked_at_once():
    assert press("") == [ASK]


def test_the_right_digits_open_with_or_without_the_hash():
    assert press("1234#") == press("1234") == [ASK, Granted()]


def test_three_wrong_tries_end_it():
    assert press("1#22#333#") == [ASK, WRONG, WRONG, Refused(Refusal.TRIES)]


def test_nothing_is_heard_after_the_end():
    assert press("1#2#3#1234#") == [ASK, WRONG, WRONG, Refused(Refusal.TRIES)]
    assert press("1234#99#") == [ASK, Granted()]


def test_the_second_try_may_be_right():
    assert press("99#1234#") == [ASK, WRONG, Granted()]


def test_a_star_begins_anew_and_costs_no_try():
    assert press("99*1234#") == [ASK, Granted()]


def test_a_star_hides_no_guess():
    assert press("1111*2222*33333*1234") == [ASK, WRONG, WRONG, Refused(Refusal.TRIES)]


def test_a_hash_alone_asks_again_and_costs_no_try():
    assert press("###1234") == [ASK, ASK, ASK, ASK, Granted()]


def test_letters_are_no_digits():
    assert press("1A2B34#") == [ASK, Granted()]


def test_digits_without_a_hash_are_judged_after_the_gap():
    gate = PinGate("1234", 0)
    gate.handle(Pressed("9"), 1)
    assert gate.deadline == 1 + DIGIT_GAP_S
    gate.tick(1 + DIGIT_GAP_S)
    assert list(gate.poll()) == [ASK, WRONG]


def test_a_caller_who_presses_nothing_is_asked_again_and_then_let_go():
    gate, heard = PinGate("1234", 0), []
    assert list(gate.poll()) == [ASK]
    while gate.deadline is not None:
        now = gate.deadline
        gate.tick(now)
        heard += [(now, output) for output in gate.poll()]
    assert heard == [(REPEAT_S, ASK), (2 * REPEAT_S, ASK), (PATIENCE_S, Refused(Refusal.TIME))]
    assert gate.is_over


keys = st.sampled_from("0123456789*#A")


@given(st.lists(st.tuples(keys, st.sampled_from([0.2, 3.0, 5.0, 40.0])), max_size=40))
def test_nobody_gets_in_without_the_pin_nor_more_than_three_guesses(script):
    gate, now, pressed = PinGate("12", 0.0), 0.0, ""
    outputs: list[PinOutput] = []
    for key, pause in script:
        now += pause
        gate.handle(Pressed(key), now)
        pressed += key
        outputs += gate.poll()
        assert gate.is_over or (gate.deadline is not None and gate.deadline > now)
    if Granted() in outputs:
        assert "12" in pressed.replace("A", "")
    assert outputs.count(WRONG) < TRIES
    assert sum(isinstance(output, Granted | Refused) for output in outputs) <= 1
