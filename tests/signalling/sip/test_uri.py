import pytest

from sfu.errors import PeerError
from sfu.signalling.sip.address import parse_name_addr, parse_via
from sfu.signalling.sip.uri import escape, parse_uri


@pytest.mark.parametrize(
    ("text", "name", "host", "port"),
    [
        ("sip:4201@198.51.100.5", "4201", "198.51.100.5", None),
        ("sip:4201##1234@host", "4201##1234", "host", None),
        ("sip:4201%23%231234@host:5070;transport=tcp", "4201##1234", "host", 5070),
        ("sip:c20%40example.org@192.0.2.23;gr=urn:uuid:0", "c20@example.org", "192.0.2.23", None),
        ("sip:c20@example.org@192.0.2.23", "c20@example.org", "192.0.2.23", None),
        ("sip:user:secret@[2001:db8::1]:5061", "user", "2001:db8::1", 5061),
        ("sips:host", "", "host", None),
        ("sip:1;phone-context=x@h?Route=%3Csip:a%40b%3E", "1;phone-context=x", "h", None),
        ("tel:+33-1;ext=2", "+33-1", "", None),
        ("sip:R%E9union@h", "Réunion", "h", None),
    ],
)
def test_uris_are_read_and_written(text, name, host, port):
    uri = parse_uri(text)
    assert (uri.name, uri.host, uri.port) == (name, host, port)
    assert str(uri) == text


@pytest.mark.parametrize(
    "text", ["", "sip:", "4201", "sip:a@", "sip:a@[::1", "sip:a@h:x", "sip:a b@h", "sip:a@h:70000"]
)
def test_what_is_no_uri(text):
    with pytest.raises(PeerError):
        parse_uri(text)


def test_a_user_part_is_escaped():
    assert escape('a b"<@é') == "a%20b%22%3C%40%C3%A9"
    assert parse_uri(f"sip:{escape('4201##12@x')}@h").name == "4201##12@x"


def test_addresses_in_each_form():
    assert parse_name_addr("sip:a@h;tag=1").tag == "1"
    assert parse_name_addr("<sip:a@h;lr> ;tag=2").tag == "2"
    assert parse_name_addr("<sip:a@h;lr>").uri.param("lr") == ""
    quoted = parse_name_addr('"a \\"<b>, ;c\\"" <sip:a@h>;x="1;2"')
    assert quoted.name == 'a "<b>, ;c"'
    assert quoted.param("x") == "1;2"
    assert str(parse_name_addr("Salle <sip:a@h>;tag=3;")) == "Salle <sip:a@h>;tag=3"


def test_a_via_notes_where_it_came_from():
    via = parse_via("SIP/2.0/UDP 10.0.0.8:5060;rport;branch=z9hG4bK1")
    seen = via.seen_from("203.0.113.7", 40123)
    assert str(seen) == (
        "SIP/2.0/UDP 10.0.0.8:5060;branch=z9hG4bK1;received=203.0.113.7;rport=40123"
    )
    plain = parse_via("SIP/2.0/UDP 192.0.2.21;branch=x")
    assert plain.seen_from("192.0.2.21", 5060) == plain
    assert parse_via("SIP/2.0/TLS [2001:db8::1]:5061;branch=x").host == "2001:db8::1"
