import pytest

from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    CallEnded,
    CallOffered,
    End,
    HangUp,
    MediaAnswered,
    MediaOffered,
    MediaRefused,
    OfferMedia,
    RefuseMedia,
)
from tests.playbook import ANSWER, OFFER, OTHER, Peer, Playbook
from tests.signalling.sip.test_invited import in_call

NEW = ANSWER.replace(b"1 1 IN", b"1 2 IN")


def test_an_mxp_invites_anew_right_after_its_ack_with_a_jump_in_cseq():
    """Same bytes, so a refresh: answered by ourselves, media untouched."""
    book, peer, _ = in_call()
    peer.invite(cseq=501, extra="Session-Expires: 1800;refresher=uac\nMin-SE: 90\nSupported: timer")
    trying, ok = book.sent()
    assert (trying.status, ok.status, ok.body) == (100, 200, ANSWER)
    assert ok.get("Session-Expires") == "1800;refresher=uac"
    peer.ack()
    assert book.told() == []
    peer.ask("BYE")
    assert book.statuses() == [200]


@pytest.mark.parametrize("hold", [b"a=sendonly", b"a=inactive", b"c=IN IP4 0.0.0.0"])
def test_hold_in_each_spelling_passes_to_the_server_untouched(hold):
    book, peer, call = in_call()
    held = OFFER + hold + b"\r\n"
    peer.invite(held)
    assert book.told() == [MediaOffered(call, held)]
    book.order(AnswerMedia(call, NEW))
    assert book.response().body == NEW
    peer.ack()
    peer.invite()  # resume
    assert book.told() == [MediaOffered(call, OFFER)]


def test_an_empty_reinvite_gets_our_offer_and_answers_in_the_ack():
    book, peer, call = in_call()
    peer.invite(b"")
    assert book.told() == [MediaOffered(call, None)]
    book.order(AnswerMedia(call, NEW))
    assert book.response().body == NEW
    peer.ack(OTHER)
    assert book.told() == [MediaAnswered(call, OTHER)]


def test_a_refused_change_leaves_the_call_as_it_was():
    book, peer, call = in_call()
    peer.invite(OTHER)
    book.sent()
    book.order(RefuseMedia(call))
    assert book.statuses() == [488]
    book.told()
    peer.ask("ACK", cseq=2, branch="z9hG4bKINVITE2")
    peer.invite(OFFER)  # the description that holds
    assert book.statuses() == [100, 200]
    assert book.told() == []


def test_update_changes_media_without_ack():
    book, peer, call = in_call()
    peer.ask("UPDATE", OTHER)
    assert book.told() == [MediaOffered(call, OTHER)]
    book.order(AnswerMedia(call, NEW))
    assert book.response().body == NEW
    peer.ask("UPDATE")
    ok = book.response()
    assert (ok.status, ok.body) == (200, b"")


def test_a_reinvite_before_the_ack_is_put_off():
    book = Playbook()
    peer = Peer(book)
    peer.invite()
    book.order(Accept(book.heard(CallOffered).call, ANSWER))
    peer.learn(book.response())
    peer.invite(OTHER)
    answer = book.response()
    assert answer.status == 500
    assert answer.get("Retry-After")


def test_two_changes_at_once_are_put_off_or_pending():
    book, peer, call = in_call()
    peer.invite(OTHER)
    peer.invite(OTHER + b"a=x\r\n")
    assert book.response().status == 500
    book.order(AnswerMedia(call, NEW))
    peer.ack(cseq=2)
    book.sent()
    book.order(OfferMedia(call, NEW))
    book.sent()
    peer.invite(OTHER)
    assert book.statuses() == [491]


def test_our_change_is_answered():
    book, peer, call = in_call()
    book.order(OfferMedia(call, NEW))
    invite = book.request("INVITE")
    assert (invite.body, invite.target) == (NEW, "sip:hdx@192.0.2.21:5060")
    peer.reply(invite, 200, OTHER)
    assert book.told() == [MediaAnswered(call, OTHER)]
    assert book.request("ACK").cseq.number == invite.cseq.number


def test_our_change_waits_for_its_turn_and_only_the_last_wish_counts():
    book, peer, call = in_call()
    peer.invite(OTHER)
    book.told(), book.sent()
    book.order(OfferMedia(call, b"v=0 first"))
    book.order(OfferMedia(call, b"v=0 second"))
    book.order(AnswerMedia(call, NEW))
    assert book.statuses() == [200]
    peer.ack(cseq=2)
    assert book.request("INVITE").body == b"v=0 second"


def test_our_change_may_be_refused():
    book, peer, call = in_call()
    book.order(OfferMedia(call, NEW))
    peer.reply(book.request("INVITE"), 488)
    assert book.told() == [MediaRefused(call, 488)]


def test_a_call_the_peer_has_lost_ends():
    for status in (408, 481):
        book, peer, call = in_call()
        book.order(OfferMedia(call, NEW))
        peer.reply(book.request("INVITE"), status)
        assert book.heard(CallEnded).cause is End.VANISHED


def test_after_glare_theirs_goes_first_and_ours_again():
    book, peer, call = in_call()
    book.order(OfferMedia(call, NEW))
    ours = book.request("INVITE")
    peer.invite(OTHER)
    assert book.statuses() == [491]
    peer.ask("ACK", cseq=2, branch="z9hG4bKINVITE2")
    peer.reply(ours, 491)
    book.sent()
    peer.invite(OTHER)
    book.order(AnswerMedia(call, ANSWER))
    assert book.statuses() == [100, 200]
    peer.ack()
    book.told()
    book.wait(2.1)
    again = book.sent()[0]
    assert (again.method, again.body) == ("INVITE", NEW)
    assert again.cseq.number == ours.cseq.number + 1


def test_a_repeated_200_is_acknowledged_again_and_answers_nothing_new():
    book, peer, call = in_call()
    book.order(OfferMedia(call, NEW))
    first = book.request("INVITE")
    peer.reply(first, 200, OTHER)
    book.told(), book.sent()
    book.order(OfferMedia(call, ANSWER))
    book.sent()
    peer.reply(first, 200, OTHER)
    assert book.request("ACK").cseq.number == first.cseq.number
    assert book.told() == []


def test_hanging_up_while_they_wait_for_our_answer():
    book, peer, call = in_call()
    peer.invite(OTHER)
    book.sent()
    book.order(HangUp(call))
    refusal, bye = book.sent()
    assert (refusal.status, bye.method) == (487, "BYE")


def test_a_change_taken_back():
    book, peer, call = in_call()
    peer.invite(OTHER)
    book.sent()
    peer.ask("CANCEL", cseq=2, branch="z9hG4bKINVITE2")
    assert book.statuses() == [200, 487]
    book.order(AnswerMedia(call, NEW))
    assert book.statuses() == []


def test_a_server_that_forgets_to_answer_is_covered():
    book, peer, _ = in_call()
    peer.invite(OTHER)
    book.sent()
    book.wait(21)
    assert book.statuses()[0] == 500
