"""Who leads: both sides come to opposite answers, whatever numbers they drew."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.signalling.h323.determination import MODULUS, TRIES, Lead, MasterSlave
from sfu.signalling.h323.h245 import H245, Determination, DeterminationAck, DeterminationReject

NUMBERS = st.integers(0, MODULUS - 1)


@given(NUMBERS, NUMBERS, st.integers(1, MODULUS // 2 - 1))
def test_one_leads_and_one_follows(one, other, fresh):
    ours, theirs = MasterSlave(one), MasterSlave(other)
    said: list[tuple[MasterSlave, MasterSlave, H245]] = [
        (ours, theirs, ours.begin()),
        (theirs, ours, theirs.begin()),
    ]
    for turn in range(40):
        if not said:
            break
        speaker, hearer, message = said.pop(0)
        number = fresh if hearer is ours else fresh * 3 + turn
        said += [(hearer, speaker, answer) for answer in hearer.receive(message, number)]
    assert {ours.lead, theirs.lead} == {Lead.MASTER, Lead.SLAVE}
    assert ours.acknowledged
    assert theirs.acknowledged


def test_a_terminal_follows():
    ours = MasterSlave(5)
    (ack,) = ours.receive(Determination(50, 1_000), 0)
    assert ack == DeterminationAck(master=False)
    assert ours.lead is Lead.MASTER


def test_who_only_answers_our_request_is_answered_too():
    ours = MasterSlave(5)
    ours.begin()
    assert ours.receive(DeterminationAck(master=True), 0) == [DeterminationAck(master=False)]
    assert ours.receive(DeterminationAck(master=True), 0) == [], "once"


def test_who_asked_itself_is_answered_once():
    ours = MasterSlave(5)
    ours.begin()
    assert ours.receive(Determination(50, 1_000), 0) == [DeterminationAck(master=False)]
    assert ours.receive(DeterminationAck(master=True), 0) == []


def test_what_was_agreed_stands_until_it_is_agreed_anew():
    ours = MasterSlave(5)
    ours.begin()
    ours.receive(DeterminationAck(master=True), 0)
    again = ours.renewed(6)
    assert (again.lead, again.acknowledged, again.tries) == (Lead.MASTER, True, 0)
    assert again.begin().number == 6


def test_who_rejects_for_ever_is_given_up():
    ours = MasterSlave(5)
    ours.begin()
    for _ in range(TRIES):
        ours.receive(DeterminationReject(), 7)
    assert ours.lead is Lead.FAILED
