import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.signalling.sip.body import session_description
from sfu.signalling.sip.message import (
    MAX_HEADERS,
    MAX_MESSAGE,
    Request,
    Response,
    check_request,
    parse_message,
)

MINIMAL = (
    b"INVITE sip:4201@198.51.100.5 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bK1\r\n"
    b"From: <sip:a@192.0.2.21>;tag=1\r\nTo: <sip:4201@198.51.100.5>\r\nCall-ID: x@127.0.0.1\r\n"
    b"CSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\r\n"
)

TORTURED = (
    b"\r\n\r\nINVITE sip:vivekg@chair.example.com;unknownparam SIP/2.0\n"
    b"TO :\r\n sip:vivekg@chair.example.com ;   tag    = 1918181833n\n"
    b'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\n'
    b"MaX-fOrWaRdS: 0068\r\nCall-ID:wsinv.ndaksdj@192.0.2.1\r\n"
    b"cseq: 0009\r\n  INVITE\r\nV  : SIP  / 2.0 /UDP 192.0.2.2;branch=390skdjuw\r\n"
    b"s :\r\nNewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    b"UnknownHeader_x: ;;,,;;,;\r\nv:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n"
    b"  branch  =   z9hG4bK9ikj8  ,\r\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n"
    b' z9hG4bK30239\r\nm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =\r\n'
    b"      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\n"
)


def test_what_rfc_4475_calls_a_short_tortuous_invite_is_understood():
    request = parse_message(TORTURED)
    assert isinstance(request, Request)
    check_request(request)
    assert request.to.tag == "1918181833n"
    assert request.sender.name == 'J Rosenberg \\"'
    assert request.sender.tag == "98asjd8"
    assert (request.cseq.number, request.cseq.method) == (9, "INVITE")
    assert [via.transport for via in request.vias] == ["UDP", "TCP", "UDP"]
    assert request.vias[2].branch == "z9hG4bK30239"
    assert request.contact is not None
    assert request.contact.param("q") == "0.33"
    assert request.get("newfangledheader") == "newfangled value continued newfangled value"
    assert request.get("UnknownHeader_x") == ";;,,;;,;"


def test_raw_bytes_of_old_codecs_come_back_untouched():
    data = MINIMAL.replace(b"Max-Forwards", b'P_Preferred_Identity: "R\xe9union" <sip:a@b>\r\nX')
    data = data.replace(b"From: ", b'From: "Caf\xe9" ')
    request = parse_message(data)
    assert isinstance(request, Request)
    assert request.sender.name == "Café"
    assert b'"R\xe9union"' in request.to_bytes()
    assert parse_message(request.to_bytes()).headers[:-1] == request.headers


def test_compact_names_and_a_blank_missing_or_too_many():
    data = MINIMAL.replace(b"Via: ", b"v:").replace(b"From: ", b"f :").replace(b"Call-ID: ", b"i:")
    request = parse_message(data)
    assert request.call_id == "x@127.0.0.1"
    assert request.via.host == "192.0.2.21"
    assert request.sender.tag == "1"


def test_we_write_strictly():
    request = parse_message(MINIMAL.replace(b"\r\n", b"\n"))
    data = request.to_bytes()
    assert data.endswith(b"\r\nContent-Length: 0\r\n\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    evil = Response((("Warning", "a\r\nInjected: yes"),), b"xy", 200, "O\r\nK")
    assert b"\r\nInjected" not in evil.to_bytes()
    assert b"Content-Length: 2\r\n\r\nxy" in evil.to_bytes()


def test_a_datagram_longer_than_its_length_is_cut_and_a_shorter_one_refused():
    head = MINIMAL[:-2]
    assert parse_message(head + b"l: 3\r\n\r\nabcdef").body == b"abc"
    for bad in (b"l: 7\r\n\r\nabc", b"l: -1\r\n\r\n", b"l: x\r\n\r\n", b"l: 9999999999999\r\n\r\n"):
        with pytest.raises(PeerError):
            parse_message(head + bad)


@pytest.mark.parametrize(
    "change",
    [
        (b"CSeq: 1 INVITE", b"CSeq: 1 BYE"),
        (b"CSeq: 1 INVITE", b"CSeq: 9292394834772304023312 INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: 2147483648 INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: one"),
        (b"To: ", b"X-To: "),
        (b"Call-ID: x@127.0.0.1", b"Call-ID:"),
        (b"From: <sip:a@192.0.2.21>", b"From: <sip:a@192.0.2.21"),
        (b"Max-Forwards: 70", b"Max-Forwards: 256"),
        (b"Max-Forwards: 70", b"Call-ID: second"),
        (b"sip:4201@198.51.100.5 SIP", b"sip:4201@198. 51.100.5 SIP"),
        (b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"),
        (b"sip:4201@198.51.100.5 SIP", b"nobodyKnowsThisScheme:x SIP"),
        (b"SIP/2.0/UDP 192.0.2.21:5060", b"SIP/2.0/UDP 192.0.2.21:99999"),
    ],
)
def test_what_nobody_sends_by_accident_is_refused(change):
    request = parse_message(MINIMAL.replace(change[0], change[1], 1))
    assert isinstance(request, Request)
    with pytest.raises(PeerError):
        check_request(request)


def test_sizes_have_limits():
    for data in (
        MINIMAL + b"x" * MAX_MESSAGE,
        MINIMAL[:-2] + b"A: b\r\n" * MAX_HEADERS + b"\r\n",
        MINIMAL[:-2] + b"A: " + b"b" * 20_000 + b"\r\n\r\n",
    ):
        with pytest.raises(PeerError) as caught:
            parse_message(data)
        assert caught.value.status == 513
    many = parse_message(MINIMAL[:-2] + b"Route: " + b"<sip:a@b>," * 500 + b"\r\n\r\n")
    with pytest.raises(PeerError):
        many.values("Route")


def test_sdp_is_found_in_a_multipart_body():
    body = (
        b"preamble\r\n--sep\r\nContent-Type: application/call-info\r\n\r\nv=1\r\n--sep\r\n"
        b"Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\ns=-\r\n"
        b"\r\n--sep--\r\n"
    )
    head = MINIMAL[:-2] + b'Content-Type: multipart/mixed; boundary="sep"\r\n\r\n'
    assert session_description(parse_message(head + body)) == b"v=0\r\ns=-\r\n"
    assert session_description(parse_message(head + b"--sep\r\n\r\nx\r\n--sep--")) is None


def test_sdp_without_a_type_is_taken_and_other_bodies_are_415():
    assert session_description(parse_message(MINIMAL + b"v=0\r\n")) == b"v=0\r\n"
    assert session_description(parse_message(MINIMAL)) is None
    for kind in (b"Content-Type: text/html", b"e: gzip\r\nc: application/sdp"):
        with pytest.raises(PeerError) as caught:
            session_description(parse_message(MINIMAL[:-2] + kind + b"\r\n\r\nv=0\r\n"))
        assert caught.value.status == 415


def look_at(data: bytes) -> None:
    """Read everything a message can be asked for."""
    message = parse_message(data)
    message.to_bytes()
    views = ("vias", "via", "sender", "to", "call_id", "cseq", "contact", "uri")
    for view in views:
        with contextlib.suppress(PeerError):
            str(getattr(message, view, None))
    if isinstance(message, Request):
        check_request(message)
    session_description(message)


mutations = st.lists(
    st.tuples(st.integers(0, len(TORTURED)), st.integers(0, 12), st.binary(max_size=12)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(mutations, st.booleans())
def test_only_peer_errors_leave_the_parser(changes, plain):
    data = bytearray(MINIMAL if plain else TORTURED)
    for at, length, new in changes:
        data[at : at + length] = new
    with contextlib.suppress(PeerError):
        look_at(bytes(data))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
@example(b"A b SIP/2.0\r\nVia: ,\r\n\r\n")
@example(b"SIP/2.0 200\r\n: x\r\n\r\n")
def test_only_peer_errors_leave_the_parser_on_noise(data):
    with contextlib.suppress(PeerError):
        look_at(data)
