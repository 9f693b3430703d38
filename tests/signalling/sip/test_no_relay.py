"""Strangers cannot have us call, forward or knock elsewhere: what they name is never where we go.

A request is answered where it came from, whatever Request-URI, To, Route, Contact or Refer-To say.
Only a server's order (`Dial`) makes us call; who may have one given is settled by configuration.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.model import CallId
from sfu.signalling.call import Accept, CallEnded, CallOffered, Dial, End, HangUp
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.settings import SipSettings
from tests.playbook import ANSWER, OFFER, TCP, UDP, Peer, Playbook

VICTIM = "sip:victim@203.0.113.66"
ELSEWHERE = (
    f"Route: <{VICTIM};lr>",
    f"Route: <sip:198.51.100.5;lr>, <{VICTIM};lr>",
    f"Record-Route: <{VICTIM};lr>",
    f"Refer-To: <{VICTIM}>\nReferred-By: <sip:a@b>",
    f"Contact: <{VICTIM}>",
    f"Path: <{VICTIM};lr>\nSupported: path",
    f"Replaces: x;to-tag=1;from-tag=2\nRefer-To: <{VICTIM}?Replaces=x>",
    "Max-Forwards: 70",
)
METHODS = (
    "INVITE", "REGISTER", "OPTIONS", "REFER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "INFO",
    "BYE", "UPDATE", "CANCEL", "ACK", "PRACK", "FOO",
)  # fmt: skip


def stranger(flow=UDP) -> tuple[Playbook, Peer]:
    book = Playbook(SipSettings(realm="jura", accounts={"morez": "pw"}))
    return book, Peer(book, flow)


def goes_nowhere_else(book: Playbook, flow) -> None:
    """Only answers have left, and only the way the request came; no connection is wished for."""
    assert book.wishes == []
    assert [one.remote.host for one in book.flows() if one.remote.host != flow.remote.host] == []
    assert [one for one in book.sent() if isinstance(one, Request)] == []


@pytest.mark.parametrize("flow", [UDP, TCP])
@pytest.mark.parametrize("method", METHODS)
def test_whatever_a_request_names_it_is_answered_where_it_came_from(method, flow):
    for extra in ELSEWHERE:
        for target in (VICTIM, f"{VICTIM};transport=tcp", "sip:4201@jura", "tel:+33384341230"):
            book, peer = stranger(flow)
            peer.target, peer.us = target, f"<{target}>"
            peer.ask(method, OFFER if method == "INVITE" else b"", extra=extra)
            goes_nowhere_else(book, flow)


@pytest.mark.parametrize("method", ["REFER", "INFO", "UPDATE", "OPTIONS", "NOTIFY", "MESSAGE"])
def test_a_call_that_is_up_gives_no_right_to_have_others_called(method):
    book, peer = stranger()
    peer.invite()
    call = book.heard(CallOffered).call
    book.order(Accept(call, ANSWER))
    peer.learn(book.response())
    peer.ack()
    for extra in ELSEWHERE:
        peer.ask(method, extra=extra)
        assert book.wishes == []
        assert {flow.remote.host for flow in book.flows()} <= {UDP.remote.host}
        sent = book.sent()
        assert [one.method for one in sent if isinstance(one, Request) and one.method != "NOTIFY"] \
            == []  # fmt: skip


@pytest.mark.parametrize("target", [VICTIM, "sip:0033970123456@198.51.100.5", "tel:+33970123456"])
def test_an_invite_to_elsewhere_is_a_call_to_us_and_for_the_server_to_refuse(target):
    book, peer = stranger()
    peer.target = target
    peer.invite()
    assert book.heard(CallOffered).source == UDP.remote
    goes_nowhere_else(book, UDP)


def test_a_redirection_is_not_followed():
    book, peer = stranger()
    book.order(Dial(CallId(9), "sip:a@192.0.2.21", OFFER, "", "4201"))
    invite = book.request("INVITE")
    book.wishes.clear()
    peer.reply(invite, 302, extra=f"Contact: <{VICTIM}>")
    assert book.heard(CallEnded).status == 302
    assert book.request("ACK")
    assert book.wishes == []


def test_a_stranger_registers_nothing_that_could_be_called():
    book, peer = stranger()
    peer.us = peer.them = "<sip:morez@jura>"
    peer.ask("REGISTER", extra=f"Contact: <{VICTIM}>")
    assert book.response().status == 401
    assert book.told() == []


def test_a_broken_request_is_answered_where_it_came_from_too():
    book, peer = stranger()
    data = peer.write("INVITE", OFFER, extra=f"Route: <{VICTIM}>")
    book.receive(data.replace(b"CSeq: 1 INVITE", b"CSeq: x"))
    assert {flow.remote.host for flow in book.flows()} == {UDP.remote.host}
    assert book.response().status == 400


@given(st.text(max_size=60), st.sampled_from(METHODS))
def test_no_target_at_all_makes_us_go_elsewhere(text, method):
    book, peer = stranger()
    peer.target = "".join(text.split()) or "sip:x"
    peer.ask(method, extra=f"Route: <{peer.target}>")
    goes_nowhere_else(book, UDP)


def test_answers_repeated_end_when_nobody_confirms():
    """A forged source gets one answer and its repetitions, then one goodbye; no media before."""
    book, peer = stranger()
    peer.invite()
    call = book.heard(CallOffered).call
    book.order(Accept(call, ANSWER))
    book.wait(40)
    sent = book.sent()
    assert sum(isinstance(one, Response) for one in sent) <= 12
    assert book.heard(CallEnded).cause is End.VANISHED
    book.wait(200)
    assert len([one for one in book.sent() if isinstance(one, Request)]) <= 11
    book.order(HangUp(call))
    assert book.sent() == []


def test_every_answer_fits_into_its_question_several_times_over():
    """An answer to a stranger is no larger than twice the request: nothing is amplified."""
    for method in METHODS:
        if method in ("INVITE", "ACK"):
            continue
        book, peer = stranger()
        asked = peer.ask(method)
        answers = [one.to_bytes() for one in book.sent()]
        assert len(answers) <= 1
        assert sum(map(len, answers)) <= 2 * len(asked), method
