from hypothesis import given
from hypothesis import strategies as st

from sfu.model import MemberId
from sfu.room.waitingroom import (
    MOST_WAITING,
    PATIENCE_S,
    Admitted,
    Away,
    Changed,
    Event,
    Knocked,
    Left,
    LetIn,
    LockSet,
    MeetingEnded,
    Output,
    TurnAway,
    TurnedAway,
    Wait,
    WaitingRoom,
    WaitingSet,
)

ANNE, BEN = MemberId("anne"), MemberId("ben")


def play(room: WaitingRoom, *script: tuple[float, Event | None]) -> list[Output]:
    """Feed (now, event) pairs, None being a tick; without what moderators are told."""
    for now, event in script:
        if event is None:
            room.tick(now)
        else:
            room.handle(event, now)
    return [output for output in room.poll() if not isinstance(output, Changed)]


def test_an_open_room_lets_everybody_in():
    assert play(WaitingRoom(), (0, Knocked(ANNE, "Anne"))) == [LetIn(ANNE)]


def test_before_a_held_room_one_waits_until_a_moderator_says_yes():
    room = WaitingRoom(waiting=True)
    assert play(room, (0, Knocked(ANNE, "Anne"))) == [Wait(ANNE)]
    assert room.names == {ANNE: "Anne"}
    assert play(room, (9, Admitted(ANNE))) == [LetIn(ANNE)]
    assert not room.names
    assert room.deadline is None


def test_a_moderator_may_say_no():
    room = WaitingRoom(waiting=True)
    script = (0.0, Knocked(ANNE, "Anne")), (5.0, TurnedAway(ANNE))
    assert play(room, *script) == [Wait(ANNE), TurnAway(ANNE, Away.REFUSED)]


def test_moderators_and_those_we_called_ourselves_do_not_wait():
    room = WaitingRoom(waiting=True)
    assert play(room, (0, Knocked(ANNE, "Anne", free=True))) == [LetIn(ANNE)]


def test_a_lock_holds_as_a_waiting_room_does_and_ends_with_the_meeting():
    room = WaitingRoom()
    assert play(room, (0, LockSet(True)), (1, Knocked(ANNE, "Anne"))) == [Wait(ANNE)]
    assert play(room, (9, MeetingEnded())) == [LetIn(ANNE)]
    assert not room.locked


def test_the_rooms_own_setting_is_back_when_the_meeting_is_over():
    room = WaitingRoom(waiting=True)
    assert play(room, (0, WaitingSet(False)), (1, Knocked(ANNE, "Anne"))) == [LetIn(ANNE)]
    assert play(room, (9, MeetingEnded()), (10, Knocked(BEN, "Ben"))) == [Wait(BEN)]


def test_opening_the_lock_of_a_room_with_a_waiting_room_lets_nobody_in():
    room = WaitingRoom(waiting=True)
    script = (0.0, LockSet(True)), (1.0, Knocked(ANNE, "Anne")), (2.0, LockSet(False))
    assert play(room, *script) == [Wait(ANNE)]


def test_nobody_waits_for_ever():
    room = WaitingRoom(waiting=True)
    play(room, (0, Knocked(ANNE, "Anne")))
    assert room.deadline == PATIENCE_S
    assert play(room, (PATIENCE_S, None)) == [TurnAway(ANNE, Away.TIME)]


def test_who_leaves_the_waiting_room_cannot_be_let_in():
    room = WaitingRoom(waiting=True)
    script = (0.0, Knocked(ANNE, "Anne")), (1.0, Left(ANNE)), (2.0, Admitted(ANNE))
    assert play(room, *script) == [Wait(ANNE)]


def test_a_crowd_is_turned_away():
    room = WaitingRoom(waiting=True)
    play(room, *[(0.0, Knocked(MemberId(f"m{n}"), "x")) for n in range(MOST_WAITING)])
    assert play(room, (1, Knocked(ANNE, "Anne"))) == [TurnAway(ANNE, Away.CROWDED)]


def test_moderators_hear_of_each_change():
    room = WaitingRoom(waiting=True)
    room.handle(Knocked(ANNE, "Anne"), 0)
    room.handle(Left(ANNE), 1)
    assert list(room.poll()) == [Wait(ANNE), Changed(), Changed()]


visitors = st.sampled_from([ANNE, BEN, MemberId("cleo")])
events = st.one_of(
    st.builds(Knocked, visitors, st.just("x"), st.booleans()),
    st.builds(Left, visitors),
    st.builds(Admitted, visitors),
    st.builds(TurnedAway, visitors),
    st.builds(LockSet, st.booleans()),
    st.builds(WaitingSet, st.booleans()),
    st.just(MeetingEnded()),
)


@given(st.lists(st.tuples(st.floats(0, 3000), st.none() | events)), st.booleans())
def test_who_waits_is_told_how_it_ends_exactly_once(script, waiting):
    room, held = WaitingRoom(waiting=waiting), set()
    for now, event in sorted(script, key=lambda one: one[0]):
        said = play(room, (now, event))
        if isinstance(event, Left):
            held.discard(event.visitor)
        for output in said:
            match output:
                case Wait():
                    assert output.visitor not in held
                    held.add(output.visitor)
                case LetIn() | TurnAway():
                    held.discard(output.visitor)
        assert held == set(room.names)
        assert room.holds or not held
