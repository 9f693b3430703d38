"""What real units send is taken, and what nobody sends by accident is refused with its code.

Each case bends one thing of a plain INVITE as some unit does (field notes on room codecs); the call
is offered all the same, and the answer goes back to where it came from.
"""

import pytest

from sfu.model import Address, CallId
from sfu.signalling.call import Accept, CallConfirmed, CallEnded, CallOffered, End
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.message import Response
from tests.playbook import ANSWER, OFFER, OTHER, UDP, US, Peer, Playbook

VIA = b"Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKINVITE1\r\n"
FROM = b'From: "Salle" <sip:hdx@192.0.2.21>;tag=peer1\r\n'
CONTACT = b"Contact: <sip:hdx@192.0.2.21:5060>\r\n"
MIXED = (
    b"--b\r\nContent-Type: application/vnd.unit+xml\r\n\r\n<x/>\r\n--b\r\n"
    b"Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n" + OFFER + b"\r\n--b--"
)


def swap(old, new):
    return lambda data: data.replace(old, new, 1)


def plain_lines(data):
    head, _, body = data.partition(b"\r\n\r\n")
    return head.replace(b"\r\n", b"\n") + b"\n\n" + body


def add(line):
    return swap(b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\r\n" + line + b"\r\n")


BENT = {
    "no blank after the colon": lambda data: data.replace(b": ", b":", 9),
    "blanks before the colon": swap(b"Call-ID:", b"Call-ID \t :"),
    "a blank before ;tag": swap(b">;tag", b"> ;tag"),
    "blanks around =": swap(b";tag=peer1", b" ; tag = peer1"),
    "folded lines": swap(b"Call-ID: ", b"Call-ID:\r\n \t"),
    "a folded From": swap(b";tag=peer1", b"\r\n\t;tag=peer1"),
    "bare LF": plain_lines,
    "lines that end as they like": swap(b"70\r\n", b"70\n"),
    "latin-1 in a display name": swap(b"Salle", b"R\xe9union"),
    "UTF-8 in a display name": swap(b"Salle", "Réunion".encode()),
    "a display name without quotes": swap(b'"Salle"', b"Salle du Conseil, 1er"),
    "an empty display name": swap(b'"Salle"', b'""'),
    "unknown headers with underscores": add(b'P_Preferred_Identity: "R\xe9" <sip:a@b>'),
    "an unknown header of odd bytes": add(b"X-Unit: \x01;;,\xff\x00<"),
    "headers without a value": add(b"Supported:\r\nAllow-Events:"),
    "small letters": lambda data: data.replace(b"Max-Forwards", b"max-forwards").replace(
        b"From:", b"from:"
    ),
    "compact names": lambda data: data.replace(b"From:", b"f:")
    .replace(b"Call-ID:", b"i:")
    .replace(b"Via:", b"v:")
    .replace(b"Content-Length:", b"l:"),
    "an empty line before it": lambda data: b"\r\n\r\n" + data,
    "no Content-Length": lambda data: b"\r\n".join(
        line for line in data.split(b"\r\n") if not line.startswith(b"Content-Length")
    ),
    "a Content-Length told twice alike": swap(
        b"Content-Length", b"l: %d\r\nContent-Length" % len(OFFER)
    ),
    "more bytes than it tells": lambda data: data + b"\0\0\r\n",
    "no Max-Forwards": swap(b"Max-Forwards: 70\r\n", b""),
    "Max-Forwards: 0": swap(b"Max-Forwards: 70", b"Max-Forwards: 0"),
    "a Call-ID of 127.0.0.1": swap(b"call-1@192.0.2.21", b"x@127.0.0.1"),
    "a Call-ID without host": swap(b"call-1@192.0.2.21", b"3848276298220188511"),
    "a Call-ID of odd characters": swap(b"call-1@192.0.2.21", b'<"{}/\\?:[]>@[::1]'),
    "a CSeq that starts high": swap(b"CSeq: 1 INVITE", b"CSeq: 2147483647 INVITE"),
    "a CSeq with zeros and a tab": swap(b"CSeq: 1 INVITE", b"CSeq: 0001\tINVITE"),
    "no branch": swap(b";branch=z9hG4bKINVITE1", b""),
    "an old branch": swap(b"z9hG4bKINVITE1", b"1"),
    "rport": swap(b";branch", b";rport;branch"),
    "rport with a value of its own": swap(b";branch", b";rport=5060;received=10.0.0.1;branch"),
    "a Via of unknown parameters": swap(b";branch", b";egress-zone=Z;alias;i=42;branch"),
    "a Via with blanks": swap(b"SIP/2.0/UDP 192", b"SIP / 2.0 / UDP  192"),
    "a Via in small letters": swap(b"SIP/2.0/UDP", b"sip/2.0/udp"),
    "a Via of another transport": swap(b"2.0/UDP", b"2.0/TLS-SCTP"),
    "a Via with a name": swap(b"UDP 192.0.2.21:5060", b"UDP salle_1.mairie"),
    "a Via of IPv6": swap(b"UDP 192.0.2.21:5060", b"UDP [2001:db8::9:1]:5060"),
    "a Via without a port": swap(b"192.0.2.21:5060;branch", b"192.0.2.21;branch"),
    "several Vias in one line": swap(
        b"INVITE1\r\n", b"INVITE1, SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKx\r\n"
    ),
    "a Via that trails semicolons": swap(b"INVITE1\r\n", b"INVITE1;\r\n"),
    "no From tag": swap(b";tag=peer1", b""),
    "a bare Contact": swap(CONTACT, b"Contact: sip:hdx@192.0.2.21:5060\r\n"),
    "a Contact with a name": swap(CONTACT, b'Contact: "HDX, 1" <sip:hdx@192.0.2.21>;q=0.5\r\n'),
    "a Contact of gr and escapes": swap(b"hdx@192.0.2.21:5060", b"a%40b@192.0.2.21;gr=urn:uuid:0"),
    "two Contacts": swap(CONTACT, CONTACT + b"m: <sip:hdx@192.0.2.21;transport=tcp>\r\n"),
    "a user with a password": swap(b"sip:4201@", b"sip:4201:1234@"),
    "a number with parameters": swap(b"sip:4201@198.51.100.5", b"sip:4201@198.51.100.5;user=phone"),
    "a target in capitals": swap(b"sip:4201@", b"SIP:4201@"),
    "blanks in the start line": swap(b" SIP/2.0\r\n", b"  SIP/2.0 \r\n"),
    "a version in small letters": swap(b" SIP/2.0\r\n", b" sip/2.0\r\n"),
    "Require of nothing": add(b"Require:"),
    "Accept of its own kinds": add(b"Accept: application/media_control+xml"),
    "a type in capitals with parameters": swap(
        b"application/sdp\r\n", b"Application/SDP ;charset=utf-8\r\n"
    ),
    "no type but a description": swap(b"Content-Type: application/sdp\r\n", b""),
    "a Date of no zone": add(b"Date: Fri, 01 Jan 2010 16:00:00 EST"),
}  # fmt: skip


@pytest.mark.parametrize("bend", BENT.values(), ids=BENT)
def test_a_unit_that_writes_so_is_offered_and_answered(bend):
    book = Playbook()
    book.receive(bend(Peer(book).write("INVITE", OFFER)))
    offered = book.heard(CallOffered)
    assert offered.target == "4201"
    assert (offered.offer or b"").startswith(OFFER.strip())
    book.order(Accept(offered.call, ANSWER))
    assert book.flows()[-1].remote.host == "192.0.2.21"
    assert book.statuses() == [100, 200]


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/mixed;boundary=b",
        'multipart/mixed; boundary="b"',
        "Multipart/Related ;type=x;Boundary=b",
    ],
)
def test_of_a_body_of_many_parts_the_description_is_taken(kind):
    book = Playbook()
    Peer(book).invite(MIXED, kind=kind)
    assert (book.heard(CallOffered).offer or b"").strip() == OFFER.strip()


ODD = {
    "no request at all": (lambda data: b"GET / HTTP/1.1\r\n\r\n", []),
    "nothing to answer to": (swap(VIA, b""), []),
    "a body cut short": (lambda data: data[:-9], [400]),
    "a length below zero": (swap(b"Content-Length: ", b"Content-Length: -"), [400]),
    "two lengths": (swap(b"Content-Length: ", b"l: 1\r\nContent-Length: "), [400]),
    "a line that is no header": (add(b"what is this"), [400]),
    "two From": (swap(FROM, FROM + FROM), [400]),
    "no To": (swap(b"To: ", b"Too: "), [400]),
    "no Call-ID": (swap(b"Call-ID: ", b"X: "), [400]),
    "quotes without end": (swap(b'"Salle" ', b'"Salle '), [400]),
    "a target in brackets": (swap(b"sip:4201@198.51.100.5 ", b"<sip:4201@198.51.100.5> "), [400]),
    "a CSeq of another method": (swap(b"1 INVITE", b"1 OPTIONS"), [400]),
    "a CSeq beyond 31 bits": (swap(b"CSeq: 1 ", b"CSeq: 2147483648 "), [400]),
    "a Contact of no host": (swap(b"<sip:hdx@192.0.2.21:5060>", b"<sip:hdx@>"), [400]),
    "no Contact": (swap(CONTACT, b""), [400]),
    "a target of another world": (swap(b"sip:4201@198.51.100.5", b"http://4201/"), [416]),
    "another SIP": (lambda data: data.replace(b"SIP/2.0", b"SIP/3.0"), [505]),
    "an extension nobody knows": (add(b"Require: teleport"), [420]),
    "a body of no description": (swap(b"application/sdp", b"text/plain"), [415]),
    "an encoded body": (add(b"Content-Encoding: gzip"), [415]),
    "who reads no descriptions": (add(b"Accept: text/plain"), [406]),
}  # fmt: skip


@pytest.mark.parametrize(("bend", "statuses"), ODD.values(), ids=ODD)
def test_what_nobody_sends_by_accident_is_refused_with_its_code(bend, statuses):
    book = Playbook()
    book.receive(bend(Peer(book).write("INVITE", OFFER)))
    assert book.statuses() == statuses
    assert book.told() == []


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\0\0\0\0", b"\r\n", b"\r\n\r\n", b"\n", b"\r\n\r\n\r\n\r\n", b"jaK", b"\xff" * 4,
     b"\x80\xc8\0\1" * 3, b"\0\1\0\0!\x12\xa4B" + b"x" * 12],
)  # fmt: skip
def test_what_keeps_a_nat_open_is_met_with_silence(data):
    book = Playbook()
    book.receive(data)
    assert (book.sent(), book.told(), book.core.deadline) == ([], [], None)


def test_who_asked_for_no_rport_is_answered_at_its_via_or_behind_nat_where_it_came_from():
    for via, source, port in (
        ("192.0.2.21:5062", 40000, 5062),
        ("192.0.2.21", 40000, 5060),
        ("10.0.0.9:5062", 40000, 40000),
    ):
        book = Playbook()
        flow = Flow(0, Carrier.UDP, US, Address("192.0.2.21", source))
        data = Peer(book, UDP).write("INVITE", OFFER)
        book.receive(data.replace(b"UDP 192.0.2.21:5060", b"UDP " + via.encode()), flow)
        assert [one.remote.port for one in book.flows()] == [port]


def test_a_method_nobody_knows_is_told_what_there_is_and_ends_no_call():
    book = Playbook()
    peer = Peer(book)
    peer.invite()
    call = book.heard(CallOffered).call
    book.order(Accept(call, ANSWER))
    peer.learn(book.response())
    peer.ack()
    assert book.heard(CallConfirmed).call == call
    for method in ("BENOTIFY", "X-Polycom_Keep.Alive", "MESSAGE"):
        peer.ask(method)
        answer = book.response()
        assert answer.status in (405, 501)
        assert "INVITE" in (answer.get("Allow") or "")
    assert book.told() == []


def test_a_contact_that_breaks_in_mid_call_is_refused_and_the_call_goes_on():
    book = Playbook()
    peer = Peer(book)
    peer.invite()
    book.order(Accept(book.heard(CallOffered).call, ANSWER))
    peer.learn(book.response())
    peer.ack()
    book.told()
    for method in ("INVITE", "UPDATE"):
        broken = peer.write(method, OTHER).replace(b"<sip:hdx@192.0.2.21:5060>", b"<sip:hdx@>")
        book.receive(broken)
        assert book.statuses() == [400]
    assert book.told() == []


def test_our_credentials_in_its_answer_and_a_bye_before_the_ack_do_no_harm():
    book = Playbook()
    peer = Peer(book)
    peer.invite()
    call = book.heard(CallOffered).call
    book.order(Accept(call, ANSWER))
    ok = book.response()
    assert isinstance(ok, Response)
    peer.learn(ok)
    peer.ask("BYE", extra='Authorization: Digest username="x", nonce="y"')
    assert book.statuses() == [200]
    assert book.told() == [CallEnded(CallId(1), End.HUNG_UP, 0, "")]
    book.wait(40)
    assert book.statuses() == []
