"""A call takes the place of another (RFC 3891)."""

import pytest

from sfu.signalling.call import Accept, CallEnded, CallOffered, HangUp
from tests.playbook import ANSWER, Peer
from tests.signalling.sip.test_dialled import CALL, dialled
from tests.signalling.sip.test_invited import in_call, offered


def second(book, value, more=""):
    """Call again, from elsewhere, wishing for the place of another."""
    peer = Peer(book)
    peer.call_id, peer.tag = "call-2@192.0.2.22", "colleague"
    peer.invite(branch="z9hG4bKsecond", extra=f"Replaces: {value}{more}")
    return peer


def ids(peer, more=""):
    return f"{peer.call_id};to-tag={peer.our_tag};from-tag={peer.tag}{more}"


def test_who_knows_the_ids_takes_the_place():
    book, peer, call = in_call()
    second(book, ids(peer, ";x=y"))
    offer = book.heard(CallOffered)
    assert offer.replaces == call
    book.order(Accept(offer.call, ANSWER))
    book.order(HangUp(call))
    assert [getattr(one, "status", 0) or one.method for one in book.sent()] == [100, 200, "BYE"]


def test_a_call_that_replaces_nothing():
    _, _, offer = offered()
    assert offer.replaces is None


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda peer: "nobody;to-tag=a;from-tag=b",
        lambda peer: f"{peer.call_id};to-tag={peer.our_tag};from-tag=guess",
        lambda peer: f"{peer.call_id};to-tag=guess;from-tag={peer.tag}",
        lambda peer: f"{peer.call_id};to-tag={peer.tag};from-tag={peer.our_tag}",
    ],
)
def test_who_guesses_finds_nothing(spoilt):
    book, peer, _ = in_call()
    second(book, spoilt(peer))
    assert book.statuses() == [481]
    assert book.told() == []


def test_what_cannot_be_read_is_400():
    for value, more in (
        ("x", ""),
        ("x;to-tag=a", ""),
        ("x;to-tag=a;from-tag=b", "\nReplaces: x;to-tag=a;from-tag=b"),
        ("x;to-tag=a;from-tag=b", "\nJoin: x;to-tag=a;from-tag=b"),
    ):
        book, _, _ = in_call()
        second(book, value, more)
        assert book.statuses() == [400]


def test_a_call_that_was_taken_is_not_early():
    book, peer, _ = in_call()
    second(book, ids(peer, ";early-only"))
    assert book.statuses() == [486]


def test_a_call_that_is_over_is_declined():
    book, peer, offer = offered()
    book.order(Accept(offer.call, ANSWER))
    peer.learn(book.response())
    book.order(HangUp(offer.call))  # its BYE waits for the ACK
    book.heard(CallEnded)
    second(book, ids(peer))
    assert book.statuses() == [603]


def test_a_call_of_theirs_that_still_waits_is_not_taken():
    book, peer, _ = offered()
    [trying] = book.sent()
    assert trying.status == 100
    [tag] = [tag for _, tag in book.core._desk.dialogs]
    peer.our_tag = tag
    second(book, ids(peer))
    assert book.statuses() == [481]


def test_a_call_of_ours_that_rings_elsewhere_is_picked_up():
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 180, tag="a")
    book.told()
    value = f"{invite.call_id};to-tag={invite.sender.tag};from-tag=a;early-only"
    second(book, value)
    offer = book.heard(CallOffered)
    assert offer.replaces == CALL
    book.order(HangUp(CALL))
    book.order(Accept(offer.call, ANSWER))
    assert [getattr(one, "status", 0) or one.method for one in book.sent()] == [100, "CANCEL", 200]
