"""Heads of room codecs' requests (tests/vectors/offers), taken through a call or registration."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from sfu.model import Address
from sfu.signalling.call import Accept, CallConfirmed, CallEnded, CallOffered, HangUp
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.message import Request
from sfu.signalling.sip.registrar import Registered
from sfu.signalling.sip.settings import SipSettings
from tests.playbook import ANSWER, OFFER, US, Playbook

VECTORS = Path(__file__).parents[2] / "vectors" / "offers"


def head(name: str) -> bytes:
    return (VECTORS / name).read_bytes().replace(b"\r\n", b"\n")


HDX = head("polycom_hdx.head")
GROUP = head("polycom_group.register") + b"\n"
CISCO = head("tandberg_c20.head")
HUAWEI = head("huawei_hd9030.head").replace(b"sip:4201@", b"sip:4201%23%231234@", 1)
AVER = head("aver_evc130.head").replace(b"sip:4201@", b"sip:4201##1234@", 1)


def flow(host, carrier=Carrier.UDP, port=5060):
    return Flow(0 if carrier is Carrier.UDP else 71000, carrier, US, Address(host, port))


def with_body(head: bytes, body: bytes) -> bytes:
    head = head.replace(b"\n", b"\r\n")
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def called(head, way, body=OFFER):
    book = Playbook()
    book.receive(with_body(head, body), way)
    offer = book.heard(CallOffered)
    assert offer.offer == body
    book.order(Accept(offer.call, ANSWER))
    return book, offer, book.response()


def ack_and_hang_up(book, offer, ok, way, head):
    """ACK as the unit writes it, then our BYE."""
    lines = [
        line for line in head.split(b"\n") if line.split(b":")[0] in (b"From", b"Call-ID", b"Via")
    ]
    number = ok.cseq.number
    lines += [f"To: {ok.get('To')}".encode(), f"CSeq: {number} ACK".encode()]
    data = b"\r\n".join([b"ACK sip:4201@198.51.100.5 SIP/2.0", *lines, b"", b""])
    book.receive(data.replace(b"z9hG4bK", b"z9hG4bKack"), way)
    assert book.told() == [CallConfirmed(offer.call, None)]
    book.order(HangUp(offer.call))
    assert isinstance(book.told()[0], CallEnded)


def test_polycom_hdx():
    way = flow("192.0.2.21")
    book, offer, ok = called(HDX, way)
    assert (offer.model, offer.display_name) == ("Room-HDX/1", "Salle")
    assert ok.get("Session-Expires") == "90;refresher=uac"
    assert ok.get("Via") == "SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bK1a"
    ack_and_hang_up(book, offer, ok, way, HDX)
    assert book.flows() == [way]
    assert book.request("BYE").target == "sip:hdx@192.0.2.21:5060"


def test_polycom_group_registers():
    book = Playbook(SipSettings(networks=(ip_network("192.0.2.0/24"),)))
    book.receive(GROUP.replace(b"\n", b"\r\n"), flow("192.0.2.22", Carrier.TCP, 31000))
    ok = book.response()
    assert ok.status == 200
    assert ok.get("Contact") == "<sip:group@192.0.2.22:5060;transport=tcp>;expires=300"
    assert ok.via.param("rport") == "31000"
    assert book.heard(Registered).account == "group"


def test_cisco_behind_a_proxy_that_changes_transport():
    way = flow("192.0.2.3", Carrier.TCP, 33000)
    book, offer, ok = called(CISCO, way)
    assert ok.all("Via") == [
        "SIP/2.0/TCP 192.0.2.3:5060;egress-zone=Z;branch=z9hG4bK3b",
        "SIP/2.0/TCP 192.0.2.23:5060;branch=z9hG4bK3a;received=192.0.2.23;rport=25000",
    ]
    routes = [
        "<sip:proxy@192.0.2.3:5061;transport=tls;lr>",
        "<sip:proxy@192.0.2.3:5060;transport=tcp;lr>",
    ]
    assert ok.all("Record-Route") == routes
    assert ok.get("Contact") == "<sip:4201@198.51.100.5:5060;transport=tcp>"
    ack_and_hang_up(book, offer, ok, way, CISCO)
    assert book.flows() == [way]  # the connection it came by is used again
    bye = book.request("BYE")
    assert bye.all("Route") == routes
    assert bye.target == "sip:c20%40example.org@192.0.2.23;gr=urn:uuid:0"


def test_cisco_whose_connection_is_gone_is_reached_by_its_route():
    way = flow("192.0.2.3", Carrier.TCP, 33000)
    book, offer, ok = called(CISCO, way)
    book.reachable = {Carrier.TLS}
    book.flow_closed(way)
    ack_way = flow("192.0.2.3", Carrier.UDP)
    ack_and_hang_up(book, offer, ok, ack_way, CISCO)
    hop = book.wishes[-1].hop
    assert (hop.host, hop.port, hop.carrier) == ("192.0.2.3", 5061, Carrier.TLS)


@pytest.mark.parametrize("head", [HUAWEI, AVER])
def test_odd_call_ids_and_number_with_pin(head):
    way = flow("192.0.2.26")
    book, offer, ok = called(head, way, OFFER + b"a=x-pad:0\r\n" * 180)
    assert offer.target == "4201##1234"
    ack_and_hang_up(book, offer, ok, way, head)
    assert isinstance(book.sent()[-1], Request)


def test_an_invite_over_ipv6():
    head = HUAWEI.replace(b"192.0.2.26", b"[2001:db8::26]")
    way = Flow(0, Carrier.UDP, Address("2001:db8::5", 5060), Address("2001:db8::26", 5060))
    book, offer, ok = called(head, way)
    assert ok.get("Contact") == "<sip:4201%23%231234@[2001:db8::5]:5060>"
    ack_and_hang_up(book, offer, ok, way, head)
    assert book.flows() == [way]
    assert book.request("BYE").get("Via").startswith("SIP/2.0/UDP [2001:db8::5]:5060;branch=")
