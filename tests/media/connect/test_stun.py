"""RFC 5769's messages, then round trips, then strangers."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.connect import stun
from sfu.media.connect.stun import Attribute, StunType
from sfu.model import Address

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
REQUEST = bytes.fromhex(
    "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74"
    "00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020"
    "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf"
)
ANSWER_V4 = bytes.fromhex(
    "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220"
    "00200008 0001a147 e112a643 00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7"
    "80280004 c07d4c96"
)
ANSWER_V6 = bytes.fromhex(
    "01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220"
    "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1"
    "1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c"
)


def test_rfc_5769_request_is_authentic():
    message = stun.parse(REQUEST)
    assert message.kind == StunType.REQUEST
    assert message.text(Attribute.USERNAME) == "evtj:h6vY"
    assert message.authentic(PASSWORD)
    assert not message.authentic("another")


@pytest.mark.parametrize(
    ("data", "host"),
    [(ANSWER_V4, "192.0.2.1"), (ANSWER_V6, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_rfc_5769_answers_tell_the_address(data, host):
    message = stun.parse(data)
    value = message.attributes[Attribute.XOR_MAPPED_ADDRESS]
    assert message.authentic(PASSWORD)
    assert stun.parse_xor_address(value, message.transaction) == Address(host, 32853)


def test_what_stands_behind_the_integrity_is_not_believed():
    head = stun.compose(StunType.REQUEST, bytes(12), [], "secret")[:-8]
    forged = head + bytes.fromhex("00250000")
    forged = forged[:2] + (len(forged) - 20).to_bytes(2) + forged[4:]
    message = stun.parse(forged)
    assert message.authentic("secret")
    assert Attribute.USE_CANDIDATE not in message.attributes


attributes = st.dictionaries(
    st.integers(0, 0xFFFF).filter(
        lambda n: n not in (Attribute.MESSAGE_INTEGRITY, Attribute.FINGERPRINT)
    ),
    st.binary(max_size=20),
    max_size=5,
)


@given(st.sampled_from(StunType), st.binary(min_size=12, max_size=12), attributes)
def test_what_we_compose_we_parse(kind, transaction, written):
    message = stun.parse(stun.compose(kind, transaction, written.items(), "secret"))
    assert (message.kind, message.transaction) == (kind, transaction)
    assert written.items() <= message.attributes.items()
    assert message.authentic("secret")


@given(st.ip_addresses(), st.integers(0, 0xFFFF), st.binary(min_size=12, max_size=12))
def test_an_address_survives(ip, port, transaction):
    _, value = stun.compose_xor_address(Address(str(ip), port), transaction)
    wanted = getattr(ip, "ipv4_mapped", None) or ip
    assert stun.parse_xor_address(value, transaction) == Address(str(wanted), port)


@st.composite
def mangled(draw):
    data = bytearray(draw(st.sampled_from([REQUEST, ANSWER_V4, ANSWER_V6])))
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(mangled())
def test_a_single_flipped_bit_is_seen(data):
    if data in (REQUEST, ANSWER_V4, ANSWER_V6):
        return
    with contextlib.suppress(PeerError):
        assert not stun.parse(data).authentic(PASSWORD)


headed = (
    st.binary(max_size=15)
    .map(lambda quarter: quarter * 4)
    .map(
        lambda body: b"\0\1" + len(body).to_bytes(2) + bytes.fromhex("2112a442") + bytes(12) + body
    )
)


@given(st.binary(max_size=60) | headed)
def test_a_stranger_raises_peer_error_and_nothing_else(data):
    with contextlib.suppress(PeerError):
        message = stun.parse(data)
        assert not message.authentic(PASSWORD)
        message.text(Attribute.USERNAME)
        stun.parse_xor_address(message.attributes.get(Attribute.XOR_MAPPED_ADDRESS, b""), bytes(12))
