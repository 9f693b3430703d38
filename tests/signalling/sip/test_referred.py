"""A room asks to be brought elsewhere: REFER in its call, NOTIFY back."""

import pytest

from sfu.signalling.call import Accept, CallEnded, End, HangUp, TellTransfer, TransferWanted
from tests.playbook import ANSWER
from tests.signalling.sip.test_invited import in_call, offered

TO_4202 = "Refer-To: <sip:4202@198.51.100.5>"


def refer(peer, extra=TO_4202, **options):
    return peer.ask("REFER", extra=extra, **options)


def state(notify):
    return notify.get("Subscription-State").partition(";")[0], notify.body


def test_a_transfer_is_told_from_its_first_step_to_its_end():
    book, peer, call = in_call()
    refer(peer, TO_4202 + "\nReferred-By: <sip:morez@192.0.2.21>;cid=x")
    assert book.told() == [TransferWanted(call, "sip:4202@198.51.100.5", "morez@192.0.2.21")]
    assert book.sent() == []
    book.order(TellTransfer(call, 100))
    accepted, trying = book.sent()
    assert accepted.status == 202
    assert accepted.contact is not None
    assert state(trying) == ("active", b"SIP/2.0 100 Trying\r\n")
    assert trying.get("Event") == "refer"
    assert trying.get("Content-Type") == "message/sipfrag;version=2.0"
    peer.reply(trying, 200)
    book.order(TellTransfer(call, 200))
    done = book.request("NOTIFY")
    assert state(done) == ("terminated", b"SIP/2.0 200 OK\r\n")
    peer.reply(done, 200)
    book.wait(1000)
    assert book.sent() == book.told() == []


def test_one_notify_waits_for_the_answer_to_the_one_before():
    book, peer, call = in_call()
    refer(peer)
    for status in (100, 180, 486):
        book.order(TellTransfer(call, status))
    _, trying = book.sent()
    peer.reply(trying, 200)
    assert state(book.request("NOTIFY")) == ("terminated", b"SIP/2.0 486 Busy Here\r\n")


def test_a_transfer_we_do_not_make_is_refused_in_its_answer():
    book, peer, call = in_call()
    refer(peer)
    book.order(TellTransfer(call, 403, "Not From Here"))
    answer = book.response()
    assert (answer.status, answer.reason) == (403, "Not From Here")
    refer(peer)
    assert len(book.told()) == 2
    book.order(TellTransfer(call, 100))
    notify = book.sent()[-1]
    assert notify.get("Event") == f"refer;id={peer.cseq}"  # the second of this call


@pytest.mark.parametrize("how", ["Supported: norefersub", "Require: norefersub"])
def test_who_wants_no_notify_gets_none(how):
    book, peer, call = in_call()
    refer(peer, f"{TO_4202}\nRefer-Sub: false\n{how}")
    book.order(TellTransfer(call, 100))
    book.order(TellTransfer(call, 200))
    accepted = book.response()
    assert (accepted.status, accepted.get("Refer-Sub")) == (202, "false")
    refer(peer)
    assert len(book.told()) == 2  # the first one is over


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ("", 400),
        ("Refer-To: <sip:a@h>\nRefer-To: <sip:b@h>", 400),
        ("Refer-To: <sip:a@h>, <sip:b@h>", 400),
        ("Refer-To: <http://example.org/>", 416),
        ("Refer-To: <sip:a@h;method=BYE>", 403),
        ("Refer-To: rubbish", 400),
        (TO_4202 + "\nRequire: unheard-of", 420),
    ],
)
def test_a_transfer_that_cannot_be(extra, status):
    book, peer, _ = in_call()
    refer(peer, extra)
    assert book.statuses() == [status]
    assert book.told() == []


def test_method_and_header_fields_of_the_target_go_no_further():
    book, peer, call = in_call()
    refer(peer, "r: <sip:4202@198.51.100.5;method=INVITE?Replaces=x%3Bto-tag%3Dy&Route=evil>")
    assert book.told() == [TransferWanted(call, "sip:4202@198.51.100.5", "")]


def test_one_transfer_at_a_time_and_none_before_the_ack():
    book, peer, _ = in_call()
    refer(peer)
    refer(peer)
    assert book.statuses() == [491]
    book, peer, offer = offered()
    book.order(Accept(offer.call, ANSWER))
    peer.learn(book.response())
    refer(peer)
    assert book.statuses() == [491]


def test_a_peer_that_drops_its_subscription_is_told_no_more():
    book, peer, call = in_call()
    refer(peer)
    book.order(TellTransfer(call, 100))
    peer.reply(book.sent()[-1], 481)
    book.order(TellTransfer(call, 200))
    assert book.sent() == []


def test_a_server_that_says_nothing_is_covered():
    book, peer, call = in_call()
    refer(peer)
    book.wait(21)
    assert book.statuses() == [500]
    refer(peer)
    book.order(TellTransfer(call, 100))
    peer.reply(book.sent()[-1], 200)
    book.wait(241)
    assert state(book.sent()[0]) == ("terminated", b"SIP/2.0 408 Request Timeout\r\n")


def test_a_peer_that_hangs_up_meanwhile_hears_no_more():
    book, peer, call = in_call()
    refer(peer)
    book.order(TellTransfer(call, 100))
    book.sent(), book.told()
    peer.ask("BYE")
    assert book.heard(CallEnded).cause is End.HUNG_UP
    book.order(TellTransfer(call, 200))
    assert book.statuses() == [200]


def test_a_call_that_we_end_meanwhile_owes_nothing():
    book, peer, call = in_call()
    refer(peer)
    book.order(HangUp(call))
    book.wait(100)
    assert {message.method for message in book.sent()} == {"BYE"}
