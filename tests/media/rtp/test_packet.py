import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.rtp import packet
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Ssrc

words = st.integers(0, 0xFFFFFFFF)
one_byte = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=6)
two_byte = st.dictionaries(st.integers(1, 255), st.binary(max_size=255), max_size=3)
packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=words,
    ssrc=words,
    payload=st.binary(max_size=40),
    marker=st.booleans(),
    csrcs=st.lists(words, max_size=15).map(tuple),
    extensions=one_byte | two_byte,
    padding=st.integers(0, 255),
)


def test_the_header_stands_as_rfc_3550_draws_it():
    data = bytes.fromhex("90e0 1234 00000bb8 deadbeef bede0002 108122bbcc000000".replace(" ", ""))
    read = packet.parse(data + b"payload")
    assert read == RtpPacket(
        payload_type=96,
        sequence=0x1234,
        timestamp=3000,
        ssrc=Ssrc(0xDEADBEEF),
        payload=b"payload",
        marker=True,
        extensions={1: b"\x81", 2: b"\xbb\xcc\x00"},
    )


def test_padding_is_no_payload():
    header = bytes([0xA0, 8]) + bytes(10)
    assert packet.parse(header + b"sound" + b"\0\0\3").payload == b"sound"
    with pytest.raises(PeerError):
        packet.parse(header + b"\x05")


@given(packets)
def test_what_we_compose_we_parse(written):
    assert packet.parse(packet.compose(written)) == written


@given(st.binary(max_size=60) | packets.map(packet.compose).map(lambda data: data[:-3]))
def test_a_stranger_raises_peer_error_and_nothing_else(data):
    try:
        packet.parse(data)
    except PeerError:
        return
    assert data[0] >> 6 == 2
