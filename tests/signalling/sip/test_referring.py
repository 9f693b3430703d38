"""We send a room elsewhere: REFER in its call, NOTIFY from it."""

import pytest

from sfu.signalling.call import CallEnded, End, Transfer, TransferTold
from tests.signalling.sip.test_invited import in_call

ELSEWHERE = "sip:4711@pbx.example.org"


def referred():
    book, peer, call = in_call()
    book.order(Transfer(call, ELSEWHERE))
    return book, peer, call, book.request("REFER")


def notify(peer, text, state="active;expires=60", event="refer", kind="message/sipfrag"):
    extra = f"Event: {event}\nSubscription-State: {state}"
    peer.ask("NOTIFY", text.encode(), kind=kind, extra=extra)


def test_a_room_goes_where_it_is_sent_and_says_so():
    book, peer, call, refer = referred()
    assert refer.get("Refer-To") == f"<{ELSEWHERE}>"
    assert refer.get("Referred-By") == "<sip:4201@198.51.100.5>"
    assert refer.contact is not None
    peer.reply(refer, 202)
    assert book.told() == []
    notify(peer, "SIP/2.0 100 Trying\r\n", kind="message/sipfrag;version=2.0")
    notify(peer, "SIP/2.0 100 Trying")
    assert book.told() == [TransferTold(call, 100, "Trying", False)]
    notify(peer, "SIP/2.0 200 OK\r\nServer: x\r\n", "terminated;reason=noresource")
    assert book.told() == [TransferTold(call, 200, "OK", True)]
    assert book.statuses() == [200] * 3
    notify(peer, "SIP/2.0 200 OK")
    assert book.statuses() == [481]


def test_a_notify_may_overtake_the_202():
    book, peer, call, refer = referred()
    notify(peer, "SIP/2.0 200 OK", "terminated")
    assert book.told() == [TransferTold(call, 200, "OK", True)]
    peer.reply(refer, 202)
    assert book.told() == []


@pytest.mark.parametrize("status", [405, 501, 603])
def test_a_unit_that_cannot_be_sent_says_so(status):
    book, peer, call, refer = referred()
    peer.reply(refer, status)
    assert book.told() == [TransferTold(call, status, "Whatever", True)]


def test_a_unit_that_will_tell_nothing():
    book, peer, call, refer = referred()
    peer.reply(refer, 202, extra="Refer-Sub: false")
    assert book.told() == [TransferTold(call, 202, "Whatever", True)]


def test_a_unit_that_hangs_up_went():
    book, peer, _, refer = referred()
    peer.reply(refer, 202)
    peer.ask("BYE")
    assert book.heard(CallEnded).cause is End.TRANSFERRED


def test_a_unit_that_hangs_up_without_a_word_hung_up():
    book, peer, _, _ = referred()
    peer.ask("BYE")
    assert book.heard(CallEnded).cause is End.HUNG_UP


def test_a_unit_that_fails_stays():
    book, peer, call, refer = referred()
    peer.reply(refer, 202)
    notify(peer, "SIP/2.0 486 Busy Here", "terminated;reason=noresource")
    assert book.told() == [TransferTold(call, 486, "Busy Here", True)]
    book.order(Transfer(call, ELSEWHERE))  # once more
    assert book.sent()[-1].method == "REFER"


def test_silence_has_an_end():
    book, peer, call, refer = referred()
    peer.reply(refer, 202)
    book.wait(121)
    [told] = book.told()
    assert (told.status, told.over) == (408, True)
    book, peer, call, refer = referred()
    book.wait(33)  # no answer to the REFER at all
    [told] = book.told()
    assert (told.call, told.status, told.over) == (call, 408, True)


def test_a_last_notify_without_a_word_is_an_end_too():
    book, peer, _, refer = referred()
    peer.reply(refer, 202)
    notify(peer, "what", "terminated;reason=giveup", kind="text/plain")
    [told] = book.told()
    assert (told.status, told.over) == (408, True)


def test_rubbish_in_a_notify_is_no_word():
    book, peer, _, refer = referred()
    peer.reply(refer, 202)
    for text in ("SIP/2.0 999 x", "HTTP/1.1 200 OK", "", "\0" * 50):
        notify(peer, text)
    assert book.told() == []
    assert book.statuses() == [200] * 4
    notify(peer, "x", event="presence")
    assert book.statuses() == [489]


def test_one_at_a_time():
    book, _, call, _ = referred()
    book.order(Transfer(call, ELSEWHERE))
    assert book.told() == [TransferTold(call, 491, "Request Pending", True)]
