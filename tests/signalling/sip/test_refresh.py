"""RFC 4028, the callee's side; the caller's stands in test_dialled."""

import pytest

from sfu.signalling.call import CallEnded, End, HangUp, OfferMedia
from tests.playbook import ANSWER, OFFER, OTHER
from tests.signalling.sip.test_invited import in_call, offered


def test_a_peer_that_refreshes_keeps_its_call_and_one_that_stops_loses_it():
    book, peer, _ = in_call(extra="Session-Expires: 90;refresher=uac\nSupported: timer")
    for _ in range(40):
        book.wait(45)
        peer.ask("UPDATE", extra="Session-Expires: 90;refresher=uac\nSupported: timer")
        answer = book.response()
        assert answer.get("Session-Expires") == "90;refresher=uac"
        assert answer.get("Require") == "timer"
    book.wait(59)
    assert book.told() == []
    book.wait(2)
    assert book.heard(CallEnded).cause is End.VANISHED
    assert book.sent()[0].method == "BYE"


def test_a_peer_that_names_no_refresher_and_cannot_gets_us():
    book, peer, _ = in_call(extra="Session-Expires: 90\nAllow: INVITE, UPDATE")
    for _ in range(40):
        book.wait(46)
        update = book.sent()[0]
        assert (update.method, update.body) == ("UPDATE", b"")
        peer.reply(update, 200, extra="Session-Expires: 90;refresher=uac")
    assert book.told() == []


def test_the_hdx_is_asked_to_refresh_itself():
    _, _, _ = in_call(extra="Session-Expires: 90\nSupported: timer,replaces")


def test_a_peer_that_only_claims_to_know_update_is_invited_anew():
    book, peer, _ = in_call(extra="Session-Expires: 90;refresher=uas\nAllow: UPDATE")
    book.wait(46)
    peer.reply(book.sent()[0], 501)
    book.wait(2.5)
    assert book.sent()[0].method == "INVITE"


def test_a_refresh_that_finds_no_call_ends_it():
    book, peer, _ = in_call(extra="Session-Expires: 90;refresher=uas\nAllow: UPDATE")
    book.wait(46)
    peer.reply(book.sent()[0], 481)
    assert book.heard(CallEnded).cause is End.VANISHED


def test_without_session_expires_there_is_no_timer():
    book, _, _ = in_call()
    book.wait(7200)
    assert book.sent() == []
    assert book.told() == []


HOUR_AND_5_MIN_S = 65 * 60


@pytest.mark.parametrize("interval", [90, 500, 1800])
def test_a_call_of_65_minutes_that_the_peer_refreshes(interval):
    """Its refreshes are UPDATE and re-INVITE by turns; the last one is answered like the first."""
    timer = f"Session-Expires: {interval};refresher=uac\nSupported: timer"
    book, peer, call = in_call(extra=timer)
    refreshes = 0
    while book.now < 1000 + HOUR_AND_5_MIN_S:
        book.wait(interval / 2)
        if refreshes % 2:
            peer.invite(extra=timer)
            ok = book.response()
            peer.ack()
        else:
            peer.ask("UPDATE", extra=timer)
            ok = book.response()
        refreshes += 1
        assert (ok.status, ok.get("Session-Expires")) == (200, f"{interval};refresher=uac")
        assert book.told() == []
    assert refreshes >= HOUR_AND_5_MIN_S // interval
    peer.ask("BYE")
    assert book.heard(CallEnded) == CallEnded(call, End.HUNG_UP, 0, "")


@pytest.mark.parametrize("allow", ["Allow: INVITE, ACK, UPDATE", "Allow: INVITE, ACK"])
@pytest.mark.parametrize("interval", [90, 500, 1800])
def test_a_call_of_65_minutes_that_we_refresh(interval, allow):
    book, peer, call = in_call(extra=f"Session-Expires: {interval};refresher=uas\n{allow}")
    way = "UPDATE" if "UPDATE" in allow else "INVITE"
    refreshes = 0
    while book.now < 1000 + HOUR_AND_5_MIN_S:
        book.wait(interval / 2)
        refresh = book.request(way)
        assert refresh.get("Session-Expires") == f"{interval};refresher=uac"
        body = OFFER if way == "INVITE" else b""
        assert refresh.body == (ANSWER if way == "INVITE" else b"")
        peer.reply(refresh, 200, body, extra=f"Session-Expires: {interval};refresher=uac")
        assert [one.method for one in book.sent()] == (["ACK"] if way == "INVITE" else [])
        refreshes += 1
        assert book.told() == []
    assert refreshes >= HOUR_AND_5_MIN_S // interval
    book.order(HangUp(call))
    assert book.request("BYE").cseq.number == refreshes + 1


def test_the_roles_change_with_each_refresh_if_the_peer_wants_it():
    book, peer, _ = in_call(extra="Session-Expires: 90;refresher=uas\nAllow: UPDATE")
    peer.ask("UPDATE", extra="Session-Expires: 90;refresher=uac\nSupported: timer")
    assert book.statuses() == [200]
    book.wait(50)
    assert book.sent() == []  # it is its turn now
    peer.ask("UPDATE", extra="Session-Expires: 90;refresher=uas\nSupported: timer")
    book.sent()
    book.wait(45)
    assert book.request("UPDATE").get("Session-Expires") == "90;refresher=uac"


def test_a_refresh_that_is_too_brief_for_a_proxy_is_made_longer():
    for allow, way in (("UPDATE", "UPDATE"), ("INVITE", "INVITE")):
        book, peer, _ = in_call(extra=f"Session-Expires: 90;refresher=uas\nAllow: {allow}")
        book.wait(45)
        peer.reply(book.request(way), 422, extra="Min-SE: 600")
        again = next(one for one in book.sent() if one.method != "ACK")
        assert again.get("Session-Expires") == "600;refresher=uac"
        assert again.get("Min-SE") == "600"
        peer.reply(again, 422, extra="Min-SE: 600")  # it says what we did: no third try at once
        assert all(one.method == "ACK" for one in book.sent())


def test_a_refresh_that_is_refused_is_tried_again_in_time():
    for status in (488, 491, 503):
        book, peer, _ = in_call(extra="Session-Expires: 90;refresher=uas\nAllow: INVITE")
        book.wait(45)
        peer.reply(book.request("INVITE"), status)
        book.sent()
        book.wait(5)
        again = next(one for one in book.sent() if one.method == "INVITE")
        peer.reply(again, 200, OFFER, extra="Session-Expires: 90;refresher=uac")
        book.wait(44)
        assert book.told() == []


def test_a_refresh_crosses_a_change_of_ours():
    """Without offer there is nothing to collide with (RFC 3311 section 5.2)."""
    book, peer, call = in_call(extra="Session-Expires: 90;refresher=uac\nSupported: timer")
    book.order(OfferMedia(call, OTHER))
    book.sent()
    peer.ask("UPDATE", extra="Session-Expires: 90;refresher=uac\nSupported: timer")
    assert book.statuses() == [200]


def test_a_change_that_waited_for_our_refresh_is_made_after_it():
    book, peer, call = in_call(extra="Session-Expires: 90;refresher=uas\nAllow: UPDATE")
    book.wait(45)
    update = book.request("UPDATE")
    book.order(OfferMedia(call, OTHER))
    assert book.sent() == []
    peer.reply(update, 200, extra="Session-Expires: 90;refresher=uac")
    assert book.request("INVITE").body == OTHER


def test_a_caller_may_update_before_we_answer():
    book, peer, _ = offered(extra="Supported: timer")
    peer.learn(book.response())
    peer.our_tag = next(iter(book.core._desk.dialogs))[1]
    peer.ask("UPDATE")
    assert book.statuses() == [200]
    peer.ask("UPDATE", OTHER)  # its own offer stands open
    assert book.response().status == 500
