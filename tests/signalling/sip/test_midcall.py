import pytest

from sfu.signalling.call import (
    AskPicture,
    CallEnded,
    DigitPressed,
    End,
    HangUp,
    PictureWanted,
    Probe,
    ProbeAnswered,
)
from tests.playbook import Peer, Playbook
from tests.signalling.sip.test_invited import in_call


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= #\nDuration= 160", "#"),
        ("application/dtmf-relay", b"Signal=10\r\n", "*"),
        ("application/dtmf", b"7", "7"),
        ("application/dtmf", b" d\r\n", "D"),
        ("application/dtmf", b"11", "#"),
    ],
)
def test_keys_come_by_info(kind, body, digit):
    book, peer, call = in_call()
    peer.ask("INFO", body, kind=kind)
    assert book.statuses() == [200]
    assert book.told() == [DigitPressed(call, digit)]


def test_a_key_nobody_has_is_taken_and_ignored():
    book, peer, _ = in_call()
    peer.ask("INFO", b"99", kind="application/dtmf")
    assert book.statuses() == [200]
    assert book.told() == []


def test_a_peer_wants_a_picture():
    book, peer, call = in_call()
    body = b"<media_control>\n<vc_primitive><to_encoder><picture_fast_update/>"
    peer.ask("INFO", body, kind="application/media_control+xml; charset=x")
    assert book.statuses() == [200]
    assert book.told() == [PictureWanted(call)]


def test_we_want_a_picture():
    book, peer, call = in_call()
    book.order(AskPicture(call))
    info = book.request("INFO")
    assert info.get("Content-Type") == "application/media_control+xml"
    assert b"<picture_fast_update/>" in info.body
    peer.reply(info, 415)
    assert book.told() == []


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("OPTIONS", 200),
        ("INFO", 200),
        ("NOTIFY", 489),
        ("SUBSCRIBE", 489),
        ("PRACK", 481),
        ("REFER", 400),
        ("MESSAGE", 405),
        ("FOO", 405),
    ],
)
def test_no_request_in_a_call_meets_silence(method, status):
    book, peer, _ = in_call()
    peer.ask(method)
    assert book.statuses() == [status]


@pytest.mark.parametrize("method", ["INFO", "OPTIONS", "PRACK", "NOTIFY", "UPDATE", "INVITE"])
def test_what_a_request_requires_and_we_have_not_is_named(method):
    _, peer, _ = in_call()
    peer.ask(method, extra="Require: timer, teleport")
    response = peer.book.response()
    assert response.status == 420
    assert response.options("Unsupported") == {"teleport"}


def test_a_bye_ends_the_call_whatever_it_requires():
    _, peer, _ = in_call()
    peer.ask("BYE", extra="Require: teleport")
    assert peer.book.response().status == 200


def test_an_unknown_info_is_415():
    book, peer, _ = in_call()
    peer.ask("INFO", b"<x/>", kind="application/other+xml")
    assert book.statuses() == [415]


def test_a_probe_shows_life_or_the_end():
    book, peer, call = in_call()
    book.order(Probe(call))
    peer.reply(book.request("OPTIONS"), 405)
    assert book.told() == [ProbeAnswered(call)]
    book.order(Probe(call))
    book.wait(33)
    assert book.told() == []
    book.order(Probe(call))
    book.sent()
    book.order(Probe(call))
    peer.reply(book.request("OPTIONS"), 481)
    assert book.heard(CallEnded).cause is End.VANISHED


def test_requests_out_of_order_are_500():
    book, peer, _ = in_call()
    peer.ask("INFO", cseq=40)
    peer.ask("INFO", cseq=39)
    assert book.statuses() == [200, 500]


def test_requests_of_a_call_we_do_not_know_are_481():
    book, peer, _call = in_call()
    peer.tag = "somebody-else"
    peer.ask("BYE")
    assert book.statuses() == [481]
    assert book.told() == []
    stranger = Peer(Playbook())
    stranger.our_tag = "unknown"
    for method in ("INVITE", "BYE", "INFO", "OPTIONS"):
        stranger.ask(method)
    assert stranger.book.statuses() == [481] * 4
    stranger.ack()
    assert stranger.book.sent() == []


def test_after_the_end_the_call_is_unknown():
    book, peer, call = in_call()
    book.order(HangUp(call))
    peer.reply(book.request("BYE"), 200)
    peer.ask("BYE")
    assert book.statuses() == [481]


def test_a_wish_by_info_waits_for_the_answer_to_the_last():
    book, peer, call = in_call()
    book.order(AskPicture(call))
    info = book.request("INFO")
    book.order(AskPicture(call))
    book.order(AskPicture(call))
    assert book.sent() == []
    peer.reply(info, 200)
    book.order(AskPicture(call))
    assert book.request("INFO").cseq.number == info.cseq.number + 1


@pytest.mark.parametrize(
    ("status", "asked"), [(415, False), (405, False), (501, False), (500, True)]
)
def test_who_knows_no_such_info_is_asked_by_it_no_more(status, asked):
    book, peer, call = in_call()
    book.order(AskPicture(call))
    peer.reply(book.request("INFO"), status)
    book.order(AskPicture(call))
    assert bool(book.sent()) is asked


def test_a_wish_by_info_that_is_never_answered_is_said_again_in_the_end():
    book, _, call = in_call()
    book.order(AskPicture(call))
    book.wait(33)
    book.sent()
    book.order(AskPicture(call))
    assert book.request("INFO")
