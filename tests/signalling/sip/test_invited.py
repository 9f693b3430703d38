from sfu.model import Address
from sfu.signalling.call import (
    Accept,
    CallConfirmed,
    CallEnded,
    CallOffered,
    End,
    HangUp,
    Reject,
    Ring,
)
from sfu.signalling.sip.digest import Secret, prove
from sfu.signalling.sip.flow import Flow
from sfu.signalling.sip.settings import SipSettings
from tests.playbook import ANSWER, OFFER, TCP, UDP, Peer, Playbook


def offered(offer: bytes = OFFER, flow=UDP, **options):
    book = Playbook()
    peer = Peer(book, flow)
    peer.invite(offer, **options)
    return book, peer, book.heard(CallOffered)


def in_call(flow=UDP, **options):
    book, peer, offer = offered(flow=flow, **options)
    book.order(Accept(offer.call, ANSWER))
    peer.learn(book.response())
    peer.ack()
    assert book.heard(CallConfirmed) == CallConfirmed(offer.call, None)
    return book, peer, offer.call


def test_a_call_comes_in_rings_is_taken_and_ends():
    book, peer, offer = offered()
    assert (offer.target, offer.caller, offer.display_name) == ("4201", "hdx@192.0.2.21", "Salle")
    assert (offer.offer, offer.account, offer.source) == (OFFER, None, UDP.remote)
    book.order(Ring(offer.call))
    book.order(Accept(offer.call, ANSWER))
    trying, ringing, ok = book.sent()
    assert [trying.status, ringing.status, ok.status] == [100, 180, 200]
    assert ok.body == ANSWER
    assert ok.get("Content-Type") == "application/sdp"
    assert ok.get("Contact") == "<sip:4201@198.51.100.5:5060>"
    assert ringing.to.tag == ok.to.tag != ""
    peer.learn(ok)
    peer.ack()
    assert book.told() == [CallConfirmed(offer.call, None)]
    peer.ask("BYE", extra="Reason: Q.850;cause=16;text=bye")
    assert book.statuses() == [200]
    assert book.told() == [CallEnded(offer.call, End.HUNG_UP, 16, "bye")]
    book.wait(100)
    assert book.sent() == []
    assert book.core.deadline is None


def test_a_delayed_offer_gets_ours_in_the_200_and_answers_in_the_ack():
    book, peer, offer = offered(b"")
    assert offer.offer is None
    book.order(Accept(offer.call, OFFER))
    ok = book.response()
    assert ok.body == OFFER
    peer.learn(ok)
    peer.ack(ANSWER)
    assert book.told() == [CallConfirmed(offer.call, ANSWER)]


def test_an_ack_without_the_answer_we_wait_for_ends_the_call():
    book, peer, offer = offered(b"")
    book.order(Accept(offer.call, OFFER))
    peer.learn(book.response())
    peer.ack()
    assert book.heard(CallEnded).cause is End.PROTOCOL_ERROR
    book.request("BYE")


def test_a_200_is_repeated_until_its_ack_even_over_tcp():
    for flow in (UDP, TCP):
        book, peer, offer = offered(flow=flow)
        book.order(Accept(offer.call, ANSWER))
        peer.learn(book.response())
        book.wait(8)
        assert book.times() == [-7.5, -6.5, -4.5, -0.5]
        assert set(book.statuses()) == {200}
        peer.ack()
        book.told()
        book.wait(60)
        assert book.sent() == []


def test_a_call_whose_ack_never_comes_is_hung_up():
    book, _peer, offer = offered()
    book.order(Accept(offer.call, ANSWER))
    book.sent()
    book.wait(33)
    assert book.heard(CallEnded).cause is End.VANISHED
    assert book.sent()[-1].method == "BYE"


def test_a_lost_ack_is_made_good_by_the_next_one():
    book, peer, offer = offered()
    book.order(Accept(offer.call, ANSWER))
    peer.learn(book.response())
    book.wait(0.6)
    assert book.statuses() == [200]
    peer.ack()
    peer.ack()
    assert book.told() == [CallConfirmed(offer.call, None)]


def test_a_repeated_invite_is_answered_by_its_transaction():
    book = Playbook()
    peer = Peer(book)
    data = peer.invite()
    call = book.heard(CallOffered).call
    assert book.statuses() == [100]
    book.receive(data)
    assert book.statuses() == [100]
    book.order(Ring(call))
    book.receive(data)
    assert book.statuses() == [180, 180]
    book.order(Accept(call, ANSWER))
    book.receive(data)  # RFC 6026: absorbed, the 200 has a clock of its own
    assert book.statuses() == [200]
    assert book.told() == []


def test_the_same_invite_by_another_way_is_a_loop():
    book, peer, _ = offered()
    book.sent()
    peer.invite(cseq=1, branch="z9hG4bKother")
    assert book.statuses() == [482]
    assert book.told() == []


def test_a_refusal_is_repeated_until_its_ack():
    book, peer, offer = offered()
    book.sent()
    book.order(Reject(offer.call, 486, "Room full", "come back later"))
    assert book.heard(CallEnded) == CallEnded(offer.call, End.BUSY, 486, "Room full")
    book.wait(1.6)
    first, *again = book.sent()
    assert (first.status, first.reason) == (486, "Room full")
    assert first.get("Warning") == '399 sfu "come back later"'
    assert [message.status for message in again] == [486, 486]
    peer.learn(first)
    peer.ask("ACK", cseq=1, branch="z9hG4bKINVITE1")
    book.wait(60)
    assert book.sent() == []


def test_a_caller_that_gives_up_gets_487():
    book, peer, offer = offered()
    book.order(Ring(offer.call))
    book.sent()
    peer.ask("CANCEL", cseq=1, branch="z9hG4bKINVITE1")
    assert book.statuses() == [200, 487]
    assert book.heard(CallEnded).cause is End.CANCELLED
    book.order(Accept(offer.call, ANSWER))  # it crossed the CANCEL
    assert book.statuses() == []


def test_a_cancel_that_comes_too_late_changes_nothing():
    book, peer, offer = offered()
    book.order(Accept(offer.call, ANSWER))
    peer.learn(book.response())
    peer.our_tag, tag = "", peer.our_tag
    peer.ask("CANCEL", cseq=1, branch="z9hG4bKINVITE1")
    assert book.statuses() == [200]
    peer.our_tag = tag
    peer.ack()
    assert book.heard(CallConfirmed)


def test_a_cancel_of_nothing_is_481():
    book = Playbook()
    Peer(book).ask("CANCEL")
    assert book.statuses() == [481]


def test_bye_without_ack_ends_the_call():
    book, peer, offer = offered()
    book.order(Accept(offer.call, ANSWER))
    peer.learn(book.response())
    peer.ask("BYE")
    assert book.statuses() == [200]
    assert book.heard(CallEnded).cause is End.HUNG_UP
    book.wait(60)
    assert book.sent() == []


def test_hanging_up_waits_for_the_ack():
    book, peer, offer = offered()
    book.order(Accept(offer.call, ANSWER))
    peer.learn(book.response())
    book.order(HangUp(offer.call))
    assert book.heard(CallEnded).cause is End.ENDED_BY_SERVER
    assert book.sent() == []
    peer.ack()
    peer.reply(book.request("BYE"), 200)
    book.wait(60)
    assert book.sent() == []
    assert book.told() == []


def test_hanging_up_an_unanswered_call_refuses_it():
    book, _, offer = offered()
    book.sent()
    book.order(HangUp(offer.call, End.BUSY))
    assert book.statuses() == [486]


def test_nobody_rings_for_ever():
    book, _, _offer = offered()
    book.sent()
    book.wait(181)
    assert book.heard(CallEnded).cause is End.NO_ANSWER
    assert book.statuses()[0] == 480


def test_what_a_peer_requires_and_we_lack_is_named():
    book = Playbook()
    Peer(book).invite(extra="Require: precondition, timer")
    answer = book.response()
    assert (answer.status, answer.get("Unsupported")) == (420, "precondition")


def test_a_peer_that_requires_100rel_gets_no_180():
    book, _, offer = offered(extra="Require: 100rel")
    book.order(Ring(offer.call))
    book.order(Accept(offer.call, ANSWER))
    assert book.statuses() == [100, 200]


def test_another_kind_of_body_is_415():
    book = Playbook()
    Peer(book).invite(b"hello", kind="text/plain")
    answer = book.response()
    assert answer.status == 415
    assert "application/sdp" in (answer.get("Accept") or "")


def test_a_session_of_seconds_is_422():
    book = Playbook()
    Peer(book).invite(extra="Session-Expires: 30\nSupported: timer")
    answer = book.response()
    assert (answer.status, answer.get("Min-SE")) == (422, "90")


def test_an_invite_without_contact_is_400():
    book = Playbook()
    data = Peer(book).write("INVITE", OFFER).replace(b"Contact:", b"X-Contact:")
    book.receive(data)
    assert book.statuses() == [400]


def test_a_unit_behind_nat_is_answered_where_it_sends_from():
    public = Flow(0, UDP.carrier, UDP.local, Address("203.0.113.7", 40123))
    book = Playbook()
    peer = Peer(book)

    def from_inside(data: bytes) -> bytes:
        head, blank, body = data.partition(b"\r\n\r\n")
        return head.replace(b"192.0.2.21", b"10.0.0.8") + blank + body

    book.receive(from_inside(peer.write("INVITE", OFFER)), public)
    call = book.heard(CallOffered).call
    assert book.flows() == [public]
    book.order(Accept(call, ANSWER))
    ok = book.response()
    assert ok.via.param("received") == "203.0.113.7"
    peer.learn(ok)
    book.receive(from_inside(peer.write("ACK", cseq=1)), public)
    assert book.heard(CallConfirmed)
    book.order(HangUp(call))
    assert book.flows() == [public]


def test_one_source_cannot_fill_the_house_with_half_calls():
    book = Playbook(SipSettings(max_early=3))
    for number in range(5):
        peer = Peer(book)
        peer.call_id = f"flood-{number}"
        peer.invite(branch=f"z9hG4bKflood{number}")
    assert book.statuses() == [100, 100, 100, 503, 503]
    assert len(book.told()) == 3


def test_an_account_may_be_required_of_callers():
    book = Playbook(SipSettings(realm="jura", accounts={"hdx": "pw"}, account_for_calls=True))
    peer = Peer(book)
    peer.invite()
    challenge = book.response()
    assert challenge.status == 401
    assert len(challenge.all("WWW-Authenticate")) == 2
    peer.learn(challenge)
    peer.ask("ACK", cseq=1, branch="z9hG4bKINVITE1")
    peer.our_tag = ""
    for password, status in (("wrong", 403), ("pw", 100)):
        proof = prove(
            challenge.all("WWW-Authenticate"),
            Secret("hdx", password),
            "INVITE",
            peer.target,
            OFFER,
            "c",
        )
        peer.invite(extra=f"Authorization: {proof}")
        assert book.statuses() == [status]
    assert book.heard(CallOffered).account == "hdx"


def test_a_wrong_password_where_none_is_needed_still_reaches_the_room():
    _, _, offer = offered(extra='Authorization: Digest realm="sfu", username="x", response="0"')
    assert offer.account is None


def test_a_refusal_may_say_when_to_call_again():
    book, _, offer = offered()
    book.sent()
    book.order(Reject(offer.call, 503, "Service Unavailable", retry_after_s=40))
    [refusal] = book.sent()
    assert (refusal.status, refusal.get("Retry-After")) == (503, "40")


def test_accounts_change_while_calls_last_and_the_realm_does_not():
    book = Playbook(SipSettings(realm="jura", accounts={"hdx": "old"}, account_for_calls=True))
    book.core.configure(SipSettings(realm="x", accounts={"hdx": "new"}, account_for_calls=True))
    peer = Peer(book)
    peer.invite()
    challenge = book.response()
    assert 'realm="jura"' in challenge.all("WWW-Authenticate")[0]
    peer.learn(challenge)
    peer.ask("ACK", cseq=1, branch="z9hG4bKINVITE1")
    peer.our_tag = ""
    for password, status in (("old", 403), ("new", 100)):
        proof = prove(
            challenge.all("WWW-Authenticate"), Secret("hdx", password), "INVITE", peer.target,
            OFFER, "c",
        )  # fmt: skip
        peer.invite(extra=f"Authorization: {proof}")
        assert book.statuses() == [status]
