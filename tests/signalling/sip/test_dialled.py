from sfu.model import CallId
from sfu.signalling.call import (
    CallAnswered,
    CallEnded,
    CallRinging,
    Dial,
    End,
    HangUp,
    OfferMedia,
)
from sfu.signalling.sip.digest import Secret, check, parse
from sfu.signalling.sip.flow import Carrier
from sfu.signalling.sip.settings import SipSettings
from tests.playbook import ANSWER, OFFER, UDP, Peer, Playbook

CALL = CallId(77)


def dialled(uri="sip:hdx@192.0.2.21", settings=None, offer=OFFER, reachable=(Carrier.UDP,)):
    book = Playbook(settings)
    book.reachable = set(reachable)
    book.order(Dial(CALL, uri, offer, "Salle É", "4201"))
    return book, Peer(book)


def taken(extra=""):
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 200, ANSWER, extra=extra)
    book.heard(CallAnswered)
    book.request("ACK")
    peer.us, peer.our_tag = str(invite.sender.uri), invite.sender.tag
    peer.us = f"<{peer.us}>"
    peer.call_id, peer.them = invite.call_id, invite.get("To") or ""
    return book, peer


def test_we_call_a_room_it_rings_answers_and_we_hang_up():
    book, peer = dialled()
    invite = book.request("INVITE")
    assert invite.target == "sip:hdx@192.0.2.21"
    assert invite.get(
        "From",
    ).startswith('"Salle É" <sip:4201@198.51.100.5>;tag=')
    assert (invite.body, invite.cseq.number) == (OFFER, 1)
    peer.reply(invite, 100)
    peer.reply(invite, 180)
    peer.reply(invite, 180)
    assert book.told() == [CallRinging(CALL)]
    peer.reply(invite, 200, ANSWER, extra="Server: HDX/3")
    assert book.told() == [CallAnswered(CALL, ANSWER, "HDX/3")]
    ack = book.request("ACK")
    assert (ack.target, ack.cseq.number) == ("sip:hdx@192.0.2.21:5060", 1)
    assert ack.via.branch != invite.via.branch
    peer.reply(invite, 200, ANSWER)  # our ACK was lost
    assert book.request("ACK") == ack
    book.order(HangUp(CALL))
    bye = book.request("BYE")
    assert (bye.cseq.number, bye.to.tag) == (2, "peer1")
    peer.reply(bye, 200)
    assert book.heard(CallEnded).cause is End.ENDED_BY_SERVER
    book.wait(60)
    assert book.sent() == []


def test_an_invite_is_repeated_ever_more_slowly_and_given_up():
    book, _ = dialled()
    book.sent()
    book.wait(40)
    assert book.times() == [-39.5, -38.5, -36.5, -32.5, -24.5, -8.5]
    ended = book.heard(CallEnded)
    assert (ended.cause, ended.status) == (End.NO_ANSWER, 408)


def test_refusals_have_their_causes():
    for status, cause in (
        (486, End.BUSY),
        (603, End.REFUSED),
        (404, End.UNREACHABLE),
        (480, End.NO_ANSWER),
        (302, End.UNREACHABLE),
    ):
        book, peer = dialled()
        invite = book.request("INVITE")
        peer.reply(invite, status)
        ended = book.heard(CallEnded)
        assert (ended.cause, ended.status) == (cause, status)
        ack = book.request("ACK")
        assert ack.via.branch == invite.via.branch


def test_a_call_is_cancelled_once_it_was_heard_of():
    book, peer = dialled()
    invite = book.request("INVITE")
    book.order(HangUp(CALL))
    assert book.heard(CallEnded).cause is End.ENDED_BY_SERVER
    assert book.sent() == []
    peer.reply(invite, 180)
    cancel = book.request("CANCEL")
    assert (cancel.via.branch, cancel.cseq.number) == (invite.via.branch, 1)
    peer.reply(cancel, 200)
    peer.reply(invite, 487)
    book.request("ACK")
    book.wait(60)
    assert book.sent() == []
    assert book.told() == []


def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_hung_up():
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 180)
    book.order(HangUp(CALL))
    book.request("CANCEL")
    peer.reply(invite, 200, ANSWER)
    assert [message.method for message in book.sent()] == ["ACK", "BYE"]


def test_a_second_phone_that_answers_too_is_hung_up():
    book, peer = dialled()
    invite = book.request("INVITE")
    peer.reply(invite, 200, ANSWER, tag="first")
    book.sent(), book.told()
    peer.reply(invite, 200, ANSWER, tag="second")
    ack, bye = book.sent()
    assert (ack.method, ack.to.tag) == ("ACK", "second")
    assert (bye.method, bye.to.tag) == ("BYE", "second")
    assert book.told() == []


def test_a_late_answer_that_names_no_way_back_is_left_alone():
    book, peer = dialled()
    garbled = "Record-Route: no address at all"
    invite = book.request("INVITE")
    peer.reply(invite, 200, ANSWER, tag="first")
    book.sent(), book.told()
    peer.reply(invite, 200, ANSWER, tag="second", extra=garbled)
    assert (book.sent(), book.told()) == ([], [])
    book.order(HangUp(CALL))
    peer.reply(book.request("BYE"), 200)
    book.told()
    peer.reply(invite, 200, ANSWER, tag="third", extra=garbled)
    assert (book.sent(), book.told()) == ([], [])


def test_we_answer_a_challenge_once():
    secrets = (Secret("us", "pw", "pbx"),)
    book, peer = dialled(settings=SipSettings(secrets=secrets))
    first = book.request("INVITE")
    challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="n", qop="auth", algorithm=MD5'
    peer.reply(first, 401, extra=challenge)
    ack, second = book.sent()
    assert (ack.method, second.method, second.cseq.number) == ("ACK", "INVITE", 2)
    assert second.call_id == first.call_id
    fields = parse(second.get("Authorization"))
    assert check(fields, "pw", "pbx", "INVITE", OFFER)
    peer.reply(second, 401, extra=challenge)
    assert book.heard(CallEnded).status == 401


def test_a_200_without_description_ends_the_call():
    book, peer = dialled()
    peer.reply(book.request("INVITE"), 200)
    assert [message.method for message in book.sent()] == ["ACK", "BYE"]
    assert book.heard(CallEnded).cause is End.PROTOCOL_ERROR


def test_a_large_invite_goes_by_tcp_if_there_is_one():
    large = OFFER + b"a=x\r\n" * 300
    book, _ = dialled(offer=large, reachable=(Carrier.UDP, Carrier.TCP))
    [flow] = book.flows()
    assert flow.carrier is Carrier.TCP
    assert book.request("INVITE").via.transport == "TCP"
    book, _ = dialled(offer=large)
    assert book.flows() == [UDP]
    assert len(book.wishes) == 2
    book.order(Dial(CallId(78), "sip:hdx@192.0.2.21", large, "", "4201"))
    assert len(book.wishes) == 3  # it has no TCP: remembered


def test_an_address_that_cannot_be_reached_ends_the_call():
    book, _ = dialled(reachable=())
    ended = book.heard(CallEnded)
    assert (ended.cause, ended.status) == (End.UNREACHABLE, 503)
    book, _ = dialled(uri="sip:nonsense@[::g")
    assert book.heard(CallEnded).cause is End.UNREACHABLE
    book, _ = dialled(uri="sips:hdx@192.0.2.21", reachable=(Carrier.TLS,))
    assert book.flows()[0].carrier is Carrier.TLS


def test_a_peer_we_called_hangs_up():
    book, peer = taken()
    peer.ask("BYE")
    assert book.statuses() == [200]
    assert book.heard(CallEnded).cause is End.HUNG_UP


def test_routes_of_the_answer_are_reversed():
    book, peer = dialled()
    invite = book.request("INVITE")
    routes = "Record-Route: <sip:far@192.0.2.3;lr>, <sip:near@192.0.2.4;lr>"
    peer.reply(invite, 200, ANSWER, extra=routes)
    ack = book.request("ACK")
    assert ack.all("Route") == ["<sip:near@192.0.2.4;lr>", "<sip:far@192.0.2.3;lr>"]
    assert book.wishes[-1].hop.host == "192.0.2.4"


def test_a_session_we_refresh_is_refreshed_by_reinvite_where_update_is_unknown():
    book, peer = taken("Session-Expires: 90;refresher=uac")
    book.wait(46)
    refresh = book.sent()[0]
    assert (refresh.method, refresh.body) == ("INVITE", OFFER)
    assert refresh.get("Session-Expires") == "90;refresher=uac"
    peer.reply(refresh, 200, ANSWER, extra="Session-Expires: 90;refresher=uac")
    assert book.told() == []  # the same answer: media untouched
    assert book.sent()[-1].method == "ACK"
    book.wait(46)
    peer.reply(book.sent()[0], 481)
    assert book.heard(CallEnded).cause is End.VANISHED


def test_glare_makes_the_caller_wait_longer():
    book, peer = taken()
    book.order(OfferMedia(CALL, ANSWER))
    peer.reply(book.request("INVITE"), 491)
    book.request("ACK")
    book.wait(2.0)
    assert book.sent() == []
    book.wait(2.1)
    assert book.sent()[0].body == ANSWER


def test_we_wish_for_a_session_of_half_an_hour():
    book, _ = dialled()
    invite = book.request("INVITE")
    assert invite.get("Session-Expires") == "1800"
    assert "timer" in invite.options("Supported")
    book, _ = dialled(settings=SipSettings(session_s=0))
    assert book.request("INVITE").get("Session-Expires") is None


def test_a_peer_that_wants_longer_sessions_gets_them():
    book, peer = dialled()
    first = book.request("INVITE")
    peer.reply(first, 422, extra="Min-SE: 3600")
    ack, second = book.sent()
    assert (ack.method, second.method, second.cseq.number) == ("ACK", "INVITE", 2)
    assert (second.call_id, second.sender.tag) == (first.call_id, first.sender.tag)
    assert (second.get("Session-Expires"), second.get("Min-SE")) == ("3600", "3600")
    assert second.body == OFFER
    assert second.via.branch != first.via.branch
    peer.reply(second, 200, ANSWER, extra="Session-Expires: 3600;refresher=uac")
    book.heard(CallAnswered)
    book.request("ACK")
    book.wait(1800)
    refresh = book.sent()[0]
    assert (refresh.get("Session-Expires"), refresh.get("Min-SE")) == ("3600;refresher=uac", "3600")


def test_a_peer_that_is_never_content_is_given_up():
    for told in ("Min-SE: 90000", "Min-SE: x", "", "Min-SE: 0"):
        book, peer = dialled()
        peer.reply(book.request("INVITE"), 422, extra=told)
        assert book.heard(CallEnded).status == 422
    book, peer = dialled()
    for minimum in (2000, 3000):
        peer.reply(book.sent()[-1], 422, extra=f"Min-SE: {minimum}")
    peer.reply(book.sent()[-1], 422, extra="Min-SE: 4000")
    assert book.heard(CallEnded).status == 422


def test_a_large_request_that_falls_back_goes_to_the_same_place():
    """18.1.1: by TCP if it listens, by UDP in fragments if it does not."""
    large = OFFER + b"a=x\r\n" * 300
    book, peer = dialled(offer=large)
    tried = [wish.hop.carrier for wish in book.wishes]
    assert tried == [None, Carrier.TCP]
    assert book.flows() == [UDP]
    invite = book.request("INVITE")
    assert len(invite.to_bytes()) > 1300
    peer.reply(invite, 200, ANSWER)
    assert book.heard(CallAnswered)
