"""A name that stands for several places is called at the next one where one fails."""

import pytest

from sfu.model import Address, CallId
from sfu.signalling.call import CallAnswered, CallEnded, CallRinging, Dial, End, HangUp
from sfu.signalling.sip.flow import Carrier, Flow, Place
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.places import PATIENCE_S
from tests.playbook import ANSWER, OFFER, US, Peer, Playbook

CALL = CallId(77)
PLACES = [Place(Carrier.UDP, Address(f"192.0.2.{n}", 5060)) for n in (71, 72)]


def called(places=PLACES):
    """We call a name; who stands at its places may answer."""
    book = Playbook()
    book.names = {"site.example": list(places)}
    book.order(Dial(CALL, "sip:salle@site.example", OFFER, "Salle", "4201"))
    return book, [Peer(book, Flow(0, place.carrier, US, place.address)) for place in places]


def invites(book):
    """Take the INVITEs sent: where each went, repeated ones once."""
    pairs = zip(book.flows(), book.sent(), strict=True)
    return {
        flow.place: one
        for flow, one in pairs
        if isinstance(one, Request) and one.method == "INVITE"
    }


def ended(book):
    return [(one.cause, one.status) for one in book.told() if isinstance(one, CallEnded)]


def test_a_503_moves_the_call_on_at_once():
    book, (first, second) = called()
    invite = invites(book)[PLACES[0]]
    first.reply(invite, 100)
    first.reply(invite, 503)
    again = invites(book)[PLACES[1]]
    assert again.via.branch != invite.via.branch
    assert (again.call_id, again.target, again.body) == (invite.call_id, invite.target, OFFER)
    second.reply(again, 200, ANSWER)
    book.heard(CallAnswered)


def test_where_every_place_says_503_the_call_ends_with_it():
    book, peers = called()
    for place, peer in zip(PLACES, peers, strict=True):
        peer.reply(invites(book)[place], 503)
    assert ended(book) == [(End.UNREACHABLE, 503)]


def test_silence_moves_the_call_on_after_a_while():
    book, (_, second) = called()
    book.wait(PATIENCE_S - 0.1)
    assert set(invites(book)) == {PLACES[0]}
    book.wait(0.2)
    second.reply(invites(book)[PLACES[1]], 200, ANSWER)
    book.heard(CallAnswered)
    book.wait(60)  # the first one's transaction ends in silence, which is nothing to us
    assert ended(book) == []


def test_a_single_place_has_the_whole_time():
    book, (only,) = called(PLACES[:1])
    invite = invites(book)[PLACES[0]]
    book.wait(PATIENCE_S + 10)
    only.reply(invite, 200, ANSWER)
    assert book.heard(CallAnswered).call == CALL


def test_what_was_heard_of_is_waited_for():
    book, (first, _) = called()
    invite = invites(book)[PLACES[0]]
    first.reply(invite, 100)
    book.wait(60)
    assert book.sent() == []
    first.reply(invite, 408)  # it rang in vain over there
    assert ended(book) == [(End.NO_ANSWER, 408)]


def test_a_503_after_ringing_is_the_end():
    book, (first, _) = called()
    invite = invites(book)[PLACES[0]]
    first.reply(invite, 180)
    book.heard(CallRinging)
    first.reply(invite, 503)
    assert ended(book) == [(End.UNREACHABLE, 503)]


def test_a_place_we_gave_up_that_takes_the_call_late_has_it():
    book, (first, second) = called()
    invite = invites(book)[PLACES[0]]
    book.wait(PATIENCE_S + 0.1)
    other = invites(book)[PLACES[1]]
    first.reply(invite, 200, ANSWER)
    book.heard(CallAnswered)
    second.reply(other, 200, ANSWER, tag="late")
    methods = [one.method for one in book.sent() if isinstance(one, Request)]
    assert methods == ["ACK", "ACK", "BYE"]


@pytest.mark.parametrize("status", [503, 486])
def test_hanging_up_meanwhile_ends_it_once(status):
    book, (first, second) = called()
    invite = invites(book)[PLACES[0]]
    first.reply(invite, 100)
    first.reply(invite, 503)
    again = invites(book)[PLACES[1]]
    book.order(HangUp(CALL))
    assert ended(book) == [(End.ENDED_BY_SERVER, 0)]
    second.reply(again, 100)
    cancel = book.request("CANCEL")
    assert cancel.via.branch == again.via.branch
    second.reply(again, status)
    book.wait(100)
    assert ended(book) == []
