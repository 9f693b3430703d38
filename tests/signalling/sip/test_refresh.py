"""RFC 4028, the callee's side; the caller's stands in test_dialled."""

from sfu.signalling.call import CallEnded, End
from tests.signalling.sip.test_invited import in_call


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
