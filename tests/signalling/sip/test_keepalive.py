"""Flows behind NAT are kept open, and calls from there are answered there."""

from sfu.model import Address, CallId
from sfu.signalling.call import (
    Accept,
    CallAnswered,
    CallConfirmed,
    CallOffered,
    Dial,
    HangUp,
    OfferMedia,
    Probe,
)
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.registrar import Registered
from tests.playbook import ANSWER, OFFER, OTHER, UDP, US, Peer, Playbook
from tests.signalling.sip.test_invited import in_call
from tests.signalling.sip.test_outside import TRUSTING

PUBLIC = Address("203.0.113.7", 40123)


class InsidePeer(Peer):
    """A codec that writes its private address everywhere."""

    def write(self, *all, **options):
        data = self.inside(super().write(*all, **options))
        return data.replace(str(self.flow.remote).encode(), b"10.0.0.8:5060")

    def response(self, *all, **options):
        return self.inside(super().response(*all, **options))

    @staticmethod
    def inside(data):
        head, blank, body = data.partition(b"\r\n\r\n")
        return head.replace(b"192.0.2.21", b"10.0.0.8") + blank + body


def called(carrier=Carrier.UDP):
    flow = Flow(0 if carrier is Carrier.UDP else 70001, carrier, US, PUBLIC)
    book = Playbook()
    peer = InsidePeer(book, flow)
    peer.invite()
    call = book.heard(CallOffered).call
    book.order(Accept(call, ANSWER))
    peer.learn(book.response())
    peer.ack()
    assert book.told() == [CallConfirmed(call, None)]
    return book, peer, call, flow


def test_all_of_a_call_from_a_private_address_goes_back_where_it_came_from():
    book, peer, call, flow = called()
    assert all(b"10.0.0.8" not in str(one).encode() for one in book.flows())
    for order in (Probe(call), OfferMedia(call, OTHER), HangUp(call)):
        book.order(order)
        assert set(book.flows()) == {flow}
        for message in book.sent():
            if message.method == "INVITE":
                peer.reply(message, 200, ANSWER)
                assert book.flows() == [flow]
                assert book.request("ACK").target == "sip:hdx@10.0.0.8:5060"
            else:
                peer.reply(message, 200)


def test_a_nat_that_maps_anew_is_followed():
    book, peer, call, _ = called()
    peer.flow = Flow(0, Carrier.UDP, US, Address(PUBLIC.host, 40999))
    peer.ask("OPTIONS")
    book.sent()
    book.order(HangUp(call))
    assert book.flows() == [peer.flow]


def test_the_way_to_a_call_behind_nat_is_kept_open_until_its_end():
    book, _, call, flow = called()
    book.wait(101)
    assert [(when - 1000, where) for when, where in book.pings] == [
        (25.0, flow), (50.0, flow), (75.0, flow), (100.0, flow)
    ]  # fmt: skip
    book.order(HangUp(call))
    book.pings.clear()
    book.wait(300)
    assert book.pings == []
    assert book.core.deadline is None


def test_a_connection_is_pinged_more_rarely():
    book, _, _, flow = called(Carrier.TCP)
    book.wait(301)
    assert [(when - 1000, where) for when, where in book.pings] == [
        (100.0, flow), (200.0, flow), (300.0, flow)
    ]  # fmt: skip


def test_who_is_reached_without_nat_is_left_in_peace():
    book, _, _ = in_call()
    book.wait(300)
    assert book.pings == []


def registered():
    book = Playbook(TRUSTING)
    peer = InsidePeer(book, UDP)
    peer.us = peer.them = "<sip:group@jura>"
    peer.target = "sip:jura"
    peer.ask("REGISTER", extra="Expires: 120")
    assert book.statuses() == [200]
    assert book.heard(Registered).flow == UDP
    return book, peer


def test_the_way_to_who_registered_behind_nat_is_kept_open_until_it_expires():
    book, _ = registered()
    book.wait(600)
    assert [when - 1000 for when, _ in book.pings] == [25.0, 50.0, 75.0, 100.0]
    assert book.core.deadline is None


def test_who_registered_behind_nat_is_called_and_acknowledged_there():
    """Also from one private network to another: no address tells that there is a NAT between."""
    book = Playbook(TRUSTING)
    flow = Flow(0, Carrier.UDP, Address("172.16.0.5", 5060), Address("192.0.2.21", 5060))
    peer = InsidePeer(book, flow)
    peer.us = peer.them = "<sip:group@jura>"
    peer.target = "sip:jura"
    peer.ask("REGISTER", extra="Expires: 300")
    book.sent(), book.told()
    book.order(Dial(CallId(9), "group", OFFER, "", "4201"))
    invite = book.request("INVITE")
    peer.reply(invite, 200, ANSWER)
    assert book.heard(CallAnswered)
    assert book.flows() == [flow]
    assert book.request("ACK").target == "sip:hdx@10.0.0.8:5060"
    book.order(HangUp(CallId(9)))
    assert book.flows() == [flow]


def test_a_large_offer_is_not_tried_by_tcp_where_a_nat_shuts_it_out():
    book, _, call, flow = called()
    book.reachable.add(Carrier.TCP)
    book.order(OfferMedia(call, OTHER + b"a=x\r\n" * 300))
    assert book.flows() == [flow]
    assert book.wishes == []


def test_who_is_called_by_a_public_address_and_names_a_private_one_is_kept_in_touch():
    book = Playbook()
    book.order(Dial(CallId(9), "sip:hdx@203.0.113.7", OFFER, "", "4201"))
    invite = book.request("INVITE")
    flow = Flow(0, Carrier.UDP, US, Address("203.0.113.7", 5060))
    peer = InsidePeer(book, flow)
    peer.reply(invite, 200, ANSWER)
    assert book.flows() == [flow]
    book.wait(26)
    assert [where for _, where in book.pings] == [flow]
