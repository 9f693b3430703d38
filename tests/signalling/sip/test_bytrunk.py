"""Calls by a trunk, both ways, as ladders in virtual time."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from sfu.model import CallId
from sfu.signalling.call import CallAnswered, CallEnded, CallOffered, Dial, End
from sfu.signalling.sip.digest import Secret, check, parse
from sfu.signalling.sip.flow import Hop
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.trunk import TrunkChanged
from tests.playbook import ANSWER, OFFER, UDP, Peer
from tests.signalling.sip.pbx import FIRST, PASSWORD, SECOND, TRUNK, Pbx, way

CALL = CallId(77)
NUMBER = "0384998877"


def up(*trunks, extra=""):
    """A trunk that is registered."""
    pbx = Pbx(*trunks)
    pbx.register(extra=extra)
    pbx.book.heard(TrunkChanged)
    return pbx


def dial(pbx, trunk="pbx", uri=NUMBER):
    pbx.book.order(Dial(CALL, uri, OFFER, "Conseil", "4201", trunk))


def challenge(pbx, invite, realm="pbx", status=407):
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    pbx.answer(invite, status, f'{name}: Digest realm="{realm}", nonce="q", qop="auth"')


def last(pbx, method="INVITE"):
    """Take the newest request of a method; acknowledgements of refusals may stand beside it."""
    sent = [one for one in pbx.book.sent() if isinstance(one, Request) and one.method == method]
    return sent[-1]


# ---- out


def test_a_number_is_called_with_our_name_and_password_there():
    pbx = up()
    dial(pbx)
    invite = pbx.asked("INVITE")
    assert pbx.to == FIRST
    assert invite.target == f"sip:{NUMBER}@pbx.example"
    assert invite.get("From").startswith('"Conseil" <sip:visio@pbx.example>;tag=')
    assert invite.get("Contact") == "<sip:visio@198.51.100.5:5060>"
    assert not invite.all("Route")
    challenge(pbx, invite)
    again = last(pbx)
    fields = parse(again.get("Proxy-Authorization"))
    assert check(fields, PASSWORD, "pbx", "INVITE", OFFER)
    assert again.cseq.number == invite.cseq.number + 1
    peer = Peer(pbx.book, way())
    peer.reply(again, 200, ANSWER)
    assert pbx.book.heard(CallAnswered).description == ANSWER


def test_a_call_passes_the_proxies_the_registrar_named():
    pbx = up(extra="Service-Route: <sip:p2.pbx.example;lr>, <sip:hsp.pbx.example;lr>")
    dial(pbx)
    assert pbx.asked("INVITE").all("Route") == [
        "<sip:p2.pbx.example;lr>", "<sip:hsp.pbx.example;lr>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("learnt", "route"),
    [
        ("", ["192.0.2.71"]),
        ("Service-Route: <sip:hsp.pbx.example;lr>", ["192.0.2.71", "hsp.pbx.example"]),
        ("Service-Route: <sip:192.0.2.71;lr>, <sip:h.example;lr>", ["192.0.2.71", "h.example"]),
        ("Service-Route: <http://x>, <", ["192.0.2.71"]),
        ("Service-Route: <http://x>", ["192.0.2.71"]),
    ],
)  # fmt: skip
def test_the_outbound_proxy_comes_first_and_once(learnt, route):
    proxied = replace(TRUNK, proxy=Hop("192.0.2.71", None, None))
    pbx = up(proxied, extra=learnt)
    dial(pbx)
    routes = [one.partition("sip:")[2].rstrip(">") for one in pbx.asked("INVITE").all("Route")]
    assert [one.partition(";")[0] for one in routes] == route
    assert pbx.to == FIRST


def test_the_password_of_one_trunk_is_shown_to_it_alone():
    other = replace(
        TRUNK, name="other", secret=Secret("o", "else"), registrar=Hop("192.0.2.90", None, None)
    )
    pbx = Pbx(TRUNK, other)
    pbx.book.sent()
    dial(pbx, "other")
    invite = last(pbx)
    challenge(pbx, invite)
    fields = parse(last(pbx).get("Proxy-Authorization"))
    assert fields["username"] == "o"
    assert check(fields, "else", "pbx", "INVITE", OFFER)


def test_a_stranger_we_call_straight_is_shown_nothing():
    pbx = up()
    dial(pbx, trunk="", uri="sip:x@192.0.2.66")
    pbx.to = replace(FIRST, address=replace(FIRST.address, host="192.0.2.66"))
    invite = pbx.book.request("INVITE")
    challenge(pbx, invite)
    sent = pbx.book.sent()
    assert [one.method for one in sent] == ["ACK"]
    assert pbx.book.heard(CallEnded).status == 407


def test_a_proxy_and_the_far_end_may_both_ask():
    pbx = up()
    dial(pbx)
    challenge(pbx, pbx.asked("INVITE"))
    second = last(pbx)
    challenge(pbx, second, "far", 401)
    third = last(pbx)
    assert third.get("Proxy-Authorization")
    assert parse(third.get("Authorization"))["realm"] == "far"
    challenge(pbx, third, "far", 401)
    assert pbx.book.heard(CallEnded).cause is End.REFUSED


def test_a_place_that_is_busy_with_itself_gives_way_to_the_next():
    pbx = up()
    dial(pbx)
    invite = pbx.asked("INVITE")
    pbx.answer(invite, 100)
    pbx.answer(invite, 503)
    next_one = last(pbx)
    wish = pbx.book.wishes[-1]
    assert (wish.hop, wish.avoid) == (TRUNK.hop, (FIRST,))
    assert next_one.via.branch != invite.via.branch
    assert (next_one.call_id, next_one.body) == (invite.call_id, OFFER)
    Peer(pbx.book, way(SECOND)).reply(next_one, 200, ANSWER)
    pbx.book.heard(CallAnswered)
    ack = pbx.book.flows()[-1]
    assert ack.remote == Peer(pbx.book).flow.remote  # the Contact of the 200


def test_a_silent_place_gives_way_and_is_asked_whether_it_lives():
    pbx = up()
    dial(pbx)
    pbx.asked("INVITE")
    pbx.book.wait(8.01)
    moved = [
        (flow.place, one.method)
        for flow, one in zip(pbx.book.flows(), pbx.book.sent(), strict=True)
    ]
    assert (SECOND, "INVITE") in moved
    assert (FIRST, "OPTIONS") in moved
    pbx.book.wait(8.01)
    assert pbx.book.heard(TrunkChanged).registered is False


def test_where_all_are_silent_the_call_ends_after_its_time():
    pbx = up()
    dial(pbx)
    pbx.book.wait(45)
    ended = [fact for fact in pbx.book.told() if isinstance(fact, CallEnded)]
    assert [(one.cause, one.status) for one in ended] == [(End.NO_ANSWER, 408)]


def test_a_place_that_answers_late_after_all_has_the_call():
    pbx = up()
    dial(pbx)
    invite = pbx.asked("INVITE")
    pbx.book.wait(8.01)
    pbx.book.sent()
    Peer(pbx.book, way()).reply(invite, 200, ANSWER)
    pbx.book.heard(CallAnswered)
    pbx.book.wait(100)
    assert [fact for fact in pbx.book.told() if isinstance(fact, CallEnded)] == []


def test_hanging_up_while_another_place_is_looked_for_ends_the_call_once():
    pbx = up()
    dial(pbx)
    pbx.answer(pbx.asked("INVITE"), 486)
    assert pbx.book.heard(CallEnded).cause is End.BUSY
    pbx.book.wait(100)
    assert [fact for fact in pbx.book.told() if isinstance(fact, CallEnded)] == []


# ---- in


def invited(pbx, target, to="", flow=None, source="192.0.2.71"):
    peer = Peer(pbx.book, flow or replace(UDP, remote=replace(UDP.remote, host=source)))
    peer.target = f"sip:{target}@198.51.100.5"
    peer.us = f"<sip:{to or target}@pbx.example>"
    peer.invite(OFFER)
    return pbx.book.heard(CallOffered)


@pytest.mark.parametrize(
    ("target", "to", "source", "also"),
    [
        ("visio", "4250", "192.0.2.71", ("4250", "4201")),
        ("visio", "visio", "203.0.113.1", ("visio", "4201")),
        ("+33384123456", "", "203.0.113.1", ("+33384123456", "4201")),
        ("4250", "33384123456", "203.0.113.1", ("33384123456", "4201")),
        ("anything", "", "192.0.2.71", ("anything", "4201")),
        ("anything", "4250", "203.0.113.1", ()),
    ],
)
def test_a_call_of_the_trunk_may_mean_more_than_its_target(target, to, source, also):
    offered = invited(up(), target, to, source=source)
    assert (offered.target, offered.also) == (target, also)


def test_a_listed_network_of_the_trunk_is_its_own_host():
    pbx = up(replace(TRUNK, networks=(ip_network("203.0.113.0/24"),)))
    pbx.book.core._desk.settings = replace(pbx.book.core._desk.settings, account_for_calls=True)
    assert invited(pbx, "anything", source="203.0.113.9").also == ("anything", "4201")


def test_the_trunks_own_host_needs_no_account_and_others_do():
    pbx = up()
    pbx.book.core._desk.settings = replace(pbx.book.core._desk.settings, account_for_calls=True)
    invited(pbx, "visio")
    peer = Peer(pbx.book, replace(UDP, remote=replace(UDP.remote, host="203.0.113.1")))
    peer.call_id, peer.target = "other", "sip:visio@198.51.100.5"
    peer.invite(OFFER)
    assert 401 in pbx.book.statuses()
