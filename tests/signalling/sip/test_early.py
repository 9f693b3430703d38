"""What comes before the 200 to our INVITE: forks, reliable provisional responses, UPDATE."""

import pytest

from sfu.signalling.call import (
    AnswerMedia,
    CallAnswered,
    CallEnded,
    CallProgressed,
    CallRinging,
    End,
    HangUp,
    MediaOffered,
)
from tests.playbook import ANSWER, OFFER, OTHER
from tests.signalling.sip.test_dialled import CALL, dialled

RELIABLE = "Require: 100rel\nRSeq: "


def from_ringing(peer, invite, method, body=b"", tag="a", **options):
    """Have who rings send a request in its early dialog."""
    peer.call_id, peer.tag = invite.call_id, tag
    peer.us, peer.our_tag = f"<{invite.sender.uri}>", invite.sender.tag
    peer.them = invite.get("To")
    return peer.ask(method, body, **options)


def progressed():
    """Return a call whose answer came early and for good."""
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 183, ANSWER, extra=RELIABLE + "1", tag="a")
    prack = book.request("PRACK")
    peer.reply(prack, 200)
    assert book.told() == [CallProgressed(CALL, ANSWER)]
    return book, peer, invite, prack


def test_we_say_that_we_know_reliable_answers():
    book, _ = dialled()
    invite = book.request("INVITE")
    assert "100rel" in invite.options("Supported")
    assert "prack" in invite.options("Allow")
    assert not invite.options("Require")


def test_a_reliable_183_is_acknowledged_and_its_answer_counts():
    book, peer, invite, prack = progressed()
    assert prack.get("RAck") == "1 1 INVITE"
    assert (prack.target, prack.to.tag) == ("sip:hdx@192.0.2.21:5060", "a")
    assert prack.cseq.number == 2
    peer.reply(invite, 200, tag="a", extra="Server: HDX/3")  # RFC 3262: no answer twice
    assert book.told() == [CallAnswered(CALL, None, "HDX/3")]
    assert book.request("ACK").cseq.number == 1
    book.order(HangUp(CALL))
    assert book.request("BYE").cseq.number == 3  # after the PRACK


def test_a_200_that_repeats_the_reliable_answer_says_nothing_new():
    book, peer, invite, _ = progressed()
    peer.reply(invite, 200, ANSWER, tag="a")
    assert book.told() == [CallAnswered(CALL, None, "")]


def test_each_reliable_answer_is_acknowledged_once_and_in_order():
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 180, extra=RELIABLE + "7", tag="a")
    assert book.request("PRACK").get("RAck") == "7 1 INVITE"
    peer.reply(invite, 180, extra=RELIABLE + "7", tag="a")  # repeated: our PRACK is on its way
    peer.reply(invite, 183, ANSWER, extra=RELIABLE + "9", tag="a")  # 8 is missing
    assert book.sent() == []
    peer.reply(invite, 183, extra=RELIABLE + "8", tag="a")
    peer.reply(invite, 183, ANSWER, extra=RELIABLE + "9", tag="a")
    first, second = book.sent()
    assert (first.get("RAck"), second.get("RAck")) == ("8 1 INVITE", "9 1 INVITE")
    assert second.cseq.number == first.cseq.number + 1
    assert book.told() == [CallRinging(CALL), CallProgressed(CALL, ANSWER)]


def test_a_183_that_is_not_reliable_is_a_preview_until_the_200_says_nothing_else():
    for in_200, answer in ((b"", ANSWER), (OTHER, OTHER)):
        book, peer = dialled()
        invite = book.request("INVITE")
        peer.reply(invite, 183, ANSWER, tag="a")
        assert book.sent() == book.told() == []
        peer.reply(invite, 200, in_200, tag="a")
        assert book.told() == [CallAnswered(CALL, answer, "")]


@pytest.mark.parametrize("extra", ["Require: 100rel", RELIABLE + "x", RELIABLE + "-1"])
def test_a_provisional_answer_nobody_can_read_spoils_nothing(extra):
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 183, ANSWER, extra=extra, tag="a")
    assert book.sent() == book.told() == []
    peer.reply(invite, 200, ANSWER, tag="a")
    assert book.heard(CallAnswered).description == ANSWER


def test_of_several_phones_that_ring_the_first_that_answers_has_the_call():
    book, peer = dialled()
    invite = book.request("INVITE")
    for tag in "abc":
        peer.reply(invite, 180, tag=tag)
    peer.reply(invite, 183, OTHER, extra=RELIABLE + "1", tag="a")
    assert book.request("PRACK").to.tag == "a"
    assert book.told() == [CallRinging(CALL), CallProgressed(CALL, OTHER)]
    peer.reply(invite, 200, ANSWER, tag="b")
    assert book.told() == [CallAnswered(CALL, ANSWER, "")]
    assert book.request("ACK").to.tag == "b"
    for tag in "ca":
        peer.reply(invite, 200, OTHER, tag=tag)
        ack, bye = book.sent()
        assert (ack.method, ack.to.tag, bye.method, bye.to.tag) == ("ACK", tag, "BYE", tag)
    peer.reply(invite, 200, OTHER, tag="c")  # its ACK was lost
    assert [message.method for message in book.sent()] == ["ACK"]
    peer.reply(invite, 180, tag="d")
    assert book.sent() == book.told() == []


def test_a_phone_that_answers_when_all_is_over_is_hung_up_too():
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 200, ANSWER, tag="a")
    book.order(HangUp(CALL))
    peer.reply(book.sent()[-1], 200)
    peer.reply(invite, 200, ANSWER, tag="b")
    ack, bye = book.sent()
    assert (ack.method, ack.to.tag, bye.method, bye.to.tag) == ("ACK", "b", "BYE", "b")


def test_a_hostile_proxy_rings_no_more_than_sixteen_phones():
    book, peer = dialled()
    invite = book.request("INVITE")
    for number in range(40):
        peer.reply(invite, 183, extra=RELIABLE + "1", tag=f"t{number}")
    assert len(book.sent()) == 16
    for number in range(40):
        peer.reply(invite, 200, ANSWER, tag=f"t{number}")
    assert len(book.sent()) == 1 + 2 * 16


def test_who_rings_changes_media_by_update():
    book, peer, invite, _ = progressed()
    from_ringing(peer, invite, "UPDATE", OTHER)
    assert book.told() == [MediaOffered(CALL, OTHER)]
    book.order(AnswerMedia(CALL, OFFER))
    ok = book.response()
    assert (ok.status, ok.body) == (200, OFFER)
    peer.reply(invite, 200, tag="a")
    assert book.told() == [CallAnswered(CALL, None, "")]


def test_an_update_without_offer_moves_the_target():
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 180, tag="a")
    data = from_ringing(peer, invite, "UPDATE")
    assert book.statuses() == [200]
    assert b"Contact: <sip:hdx@192.0.2.21:5060>" in data
    assert book.told() == [CallRinging(CALL)]


def test_an_update_meets_our_open_offer():
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 180, tag="a")
    from_ringing(peer, invite, "UPDATE", OTHER)
    assert book.statuses() == [491]


def test_two_updates_at_once_are_put_off():
    book, peer, invite, _ = progressed()
    from_ringing(peer, invite, "UPDATE", OTHER)
    from_ringing(peer, invite, "UPDATE", OTHER + b"a=x\r\n")
    assert book.statuses() == [500]


def test_a_call_given_up_while_it_waits_for_our_answer():
    book, peer, invite, _ = progressed()
    from_ringing(peer, invite, "UPDATE", OTHER)
    book.sent(), book.told()
    book.order(HangUp(CALL))
    refusal, cancel = book.sent()
    assert (refusal.status, cancel.method) == (487, "CANCEL")
    assert book.heard(CallEnded).cause is End.ENDED_BY_SERVER


@pytest.mark.parametrize(
    ("method", "status"),
    [("OPTIONS", 200), ("INFO", 200), ("BYE", 481), ("NOTIFY", 405), ("REFER", 405)],
)
def test_no_request_of_who_rings_meets_silence(method, status):
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 180, tag="a")
    from_ringing(peer, invite, method)
    assert book.statuses() == [status]
    from_ringing(peer, invite, method, cseq=1, branch="z9hG4bKlate")
    assert book.statuses() == [500]
    from_ringing(peer, invite, method, tag="unknown")
    assert book.statuses() == [481]
