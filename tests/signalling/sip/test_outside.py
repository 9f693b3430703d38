from ipaddress import ip_network

import pytest

from sfu.model import CallId
from sfu.signalling.call import Dial
from sfu.signalling.sip.digest import Secret, prove
from sfu.signalling.sip.registrar import Registered, Unregistered
from sfu.signalling.sip.settings import SipSettings
from tests.playbook import OFFER, TCP, UDP, Peer, Playbook

CLOSED = SipSettings(realm="jura", accounts={"group": "pw", "hdx": "other"})
TRUSTING = SipSettings(realm="jura", networks=(ip_network("192.0.2.0/24"),))


def registering(settings=TRUSTING, flow=UDP, user="group"):
    book = Playbook(settings)
    peer = Peer(book, flow)
    peer.us = peer.them = f"<sip:{user}@jura>"
    peer.target = "sip:jura"
    return book, peer


def register(peer, contact="<sip:group@192.0.2.22:5060>", extra="", **options):
    data = peer.write("REGISTER", extra=extra, **options)
    peer.book.receive(data.replace(b"<sip:hdx@192.0.2.21:5060>", contact.encode()), peer.flow)


def test_a_room_registers_is_called_where_it_is_and_takes_itself_back():
    book, peer = registering(flow=TCP)
    register(peer, extra="Expires: 300\nUser-Agent: Group/1")
    ok = book.response()
    assert ok.get("Contact") == "<sip:group@192.0.2.22:5060>;expires=300"
    fact = book.heard(Registered)
    assert (fact.account, fact.model, fact.flow) == ("group", "Group/1", TCP)
    book.order(Dial(CallId(9), "group", OFFER, "", "4201"))
    assert book.flows() == [TCP]
    assert book.request("INVITE").target == "sip:group@192.0.2.22:5060"
    register(peer, "*", extra="Expires: 0")
    assert book.response().get("Contact") is None
    assert book.heard(Unregistered).account == "group"


def test_a_binding_expires():
    book, peer = registering()
    register(peer, extra="Expires: 60")
    book.told()
    book.wait(61)
    assert book.heard(Unregistered).contact == "sip:group@192.0.2.22:5060"


def test_a_refresh_is_no_news_and_a_query_changes_nothing():
    book, peer = registering()
    register(peer, extra="Expires: 300")
    book.told(), book.sent()
    book.wait(100)
    book.sent()
    register(peer, "")
    assert book.response().get("Contact").endswith(";expires=200")
    register(peer, extra="Expires: 300")
    assert book.told() == []


def test_several_contacts_each_with_its_time():
    book, peer = registering()
    register(peer, "<sip:a@h1>;expires=100, <sip:b@h2>;expires=200")
    assert book.response().all("Contact") == ["<sip:b@h2>;expires=200", "<sip:a@h1>;expires=100"]
    register(peer, "<sip:a@h1>;expires=0")
    assert book.response().all("Contact") == ["<sip:b@h2>;expires=200"]


def test_registrations_that_cannot_be():
    for contact, extra, status in (
        ("<sip:a@h>", "Expires: 5", 423),
        ("*", "Expires: 60", 400),
        ("*, <sip:a@h>", "Expires: 0", 400),
        ("<tel:1>", "", 400),
        (", ".join(f"<sip:{n}@h>" for n in range(9)), "", 403),
        ("<sip:a@h>", "Require: unheard-of", 420),
    ):
        book, peer = registering()
        register(peer, contact, extra)
        answer = book.response()
        assert answer.status == status
        assert status != 423 or answer.get("Min-Expires") == "60"
        assert book.told() == []


def test_registering_takes_the_right_password_and_ones_own_name():
    book, peer = registering(CLOSED)
    register(peer)
    challenge = book.response()
    assert challenge.status == 401

    def again(user, password):
        asked = challenge.all("WWW-Authenticate")
        proof = prove(asked, Secret(user, password), "REGISTER", "sip:jura", b"", "c")
        register(peer, extra=f"Authorization: {proof}")
        return book.response()

    assert again("group", "wrong").status == 403
    assert again("nobody", "pw").status == 403
    assert again("hdx", "other").status == 403
    assert book.told() == []
    assert again("group", "pw").status == 200
    book.wait(400)
    stale = again("group", "pw")
    assert stale.status == 401
    assert "stale=true" in stale.get("WWW-Authenticate")


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("OPTIONS", 200),
        ("SUBSCRIBE", 489),
        ("NOTIFY", 489),
        ("MESSAGE", 405),
        ("REFER", 403),
        ("NEWMETHOD", 501),
        ("BYE", 481),
        ("INFO", 481),
    ],
)
def test_requests_outside_calls_are_all_answered(method, status):
    book = Playbook()
    Peer(book).ask(method, extra="Max-Forwards: 0" if method == "x" else "")
    answer = book.response()
    assert answer.status == status
    if status in (200, 405, 501):
        assert "INVITE" in (answer.get("Allow") or "")


def test_a_flood_of_strangers_costs_nothing():
    book = Playbook(SipSettings(account_for_calls=True, accounts={"a": "b"}))
    peer = Peer(book)
    for number in range(40):
        for method in ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"):
            peer.ask(method, branch=f"z9hG4bK{number}")
    assert len(book.sent()) == 160
    assert book.core.deadline is None  # no transaction, no timer is left
    assert book.told() == []


def test_a_repeated_stranger_gets_the_same_tag():
    book = Playbook()
    data = Peer(book).ask("OPTIONS")
    first = book.response()
    book.receive(data)
    assert book.response().to.tag == first.to.tag


def test_keep_alives_and_noise_are_silent():
    book = Playbook()
    for data in (b"", b"\r\n\r\n", b"\0", b"\x80\xc8\0\1" * 20, b"GET / HTTP/1.1\r\n\r\n"):
        book.receive(data)
    assert book.sent() == []


def test_a_broken_request_is_answered_400_if_it_tells_where():
    book = Playbook()
    book.receive(Peer(book).write("INVITE", OFFER).replace(b"CSeq: 1", b"CSeq: x"))
    answer = book.response()
    assert (answer.status, answer.reason) == (400, "bad CSeq")
    book.receive(Peer(book).write("INVITE", OFFER).replace(b"4201@198.51.100.5 SIP/2", b"a SIP/7"))
    assert book.statuses() == [505]
