"""Every packet we know survives, whatever else comes raises PeerError."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.rtp import rtcp
from sfu.media.rtp.rtcp import (
    Bye,
    Fir,
    Limit,
    Nack,
    OldFir,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    SourceDescription,
    Tmmbn,
    Tmmbr,
)

words = st.integers(0, 0xFFFFFFFF)
texts = st.text(max_size=30)
blocks = st.lists(
    st.builds(
        ReportBlock,
        words,
        st.integers(0, 255),
        st.integers(-0x800000, 0x7FFFFF),
        words,
        words,
        words,
        words,
    ),
    max_size=31,
).map(tuple)
limits = st.lists(
    st.builds(Limit, words, st.integers(0, 0x1FFFF), st.integers(0, 511)), max_size=4
).map(tuple)
known = st.one_of(
    st.builds(SenderReport, words, st.integers(0, 2**64 - 1), words, words, words, blocks),
    st.builds(ReceiverReport, words, blocks),
    st.builds(SourceDescription, st.lists(st.tuples(words, texts), max_size=31).map(tuple)),
    st.builds(Bye, st.lists(words, max_size=31).map(tuple), texts),
    st.builds(Pli, words, words),
    st.builds(OldFir, words),
    st.builds(
        Fir,
        words,
        st.lists(st.tuples(words, st.integers(0, 255)), min_size=1, max_size=4).map(tuple),
    ),
    st.builds(Remb, words, st.integers(0, 0x3FFFF), st.lists(words, max_size=9).map(tuple)),
    st.builds(Tmmbr, words, limits),
    st.builds(Tmmbn, words, limits),
)


@given(st.lists(known, max_size=5).map(tuple))
def test_a_compound_survives(packets):
    assert rtcp.parse(rtcp.compose(packets)) == packets


@given(words, words, st.sets(st.integers(0, 0xFFFF), max_size=60))
def test_a_nack_keeps_its_numbers(sender, media, sequences):
    written = Nack(sender, media, tuple(sorted(sequences)))
    (read,) = rtcp.parse(rtcp.compose([written]))
    assert read == written


def test_a_nack_is_short_also_over_the_wrap():
    data = rtcp.compose([Nack(1, 2, (0xFFFF, 0, 15))])  # type: ignore[arg-type]
    assert data[12:] == struct.pack("!HH", 0xFFFF, 1 | 1 << 15)
    assert rtcp.parse(data) == (Nack(1, 2, (0xFFFF, 0, 15)),)  # type: ignore[arg-type]


@given(st.integers(0, 2**40))
def test_rates_lose_their_last_bits_only(bps):
    remb, tmmbr = Remb(1, bps, ()), Tmmbr(1, (Limit(2, bps),))  # type: ignore[arg-type]
    for written in (remb, tmmbr):
        (read,) = rtcp.parse(rtcp.compose([written]))
        kept = read.bps if isinstance(read, Remb) else read.limits[0].bps  # type: ignore[union-attr]
        assert kept <= bps <= kept * (1 + 2**-16) + 1


@st.composite
def mangled(draw):
    data = bytearray(rtcp.compose(draw(st.lists(known, min_size=1, max_size=3))))
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


headed = st.builds(
    lambda count, kind, body: struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body,
    st.integers(0, 63),
    st.sampled_from([192, 200, 201, 202, 203, 204, 205, 206, 207]),
    st.binary(max_size=16).map(lambda half: half * 4),
)


@given(st.binary(max_size=80) | mangled() | headed)
def test_a_stranger_raises_peer_error_and_nothing_else(data):
    try:
        packets = rtcp.parse(data)
    except PeerError:
        return
    assert isinstance(packets, tuple)


def test_what_we_do_not_know_is_passed_over():
    app = struct.pack("!BBHI4s", 0x80, 204, 2, 7, b"name")
    xr = struct.pack("!BBHI", 0x80, 207, 1, 7)
    afb = struct.pack("!BBHII4s", 0x8F, 206, 3, 7, 0, b"ELSE")
    pli = rtcp.compose([Pli(1, 2)])  # type: ignore[arg-type]
    assert rtcp.parse(app + xr + afb + pli) == (Pli(1, 2),)  # type: ignore[arg-type]


def test_padding_of_the_last_packet_is_cut():
    data = struct.pack("!BBHII4B", 0xA1, 206, 3, 1, 2, 0, 0, 0, 4)
    assert rtcp.parse(data) == (Pli(1, 2),)  # type: ignore[arg-type]
    with pytest.raises(PeerError):
        rtcp.parse(data[:-1] + b"\x20")


def test_a_room_codecs_fir_without_entries_names_the_media_in_its_header():
    data = struct.pack("!BBHII", 0x84, 206, 2, 1, 2)
    assert rtcp.parse(data) == (Fir(1, ((2, 0),)),)  # type: ignore[arg-type]


def test_the_fir_of_rfc_2032_is_understood():
    assert rtcp.parse(struct.pack("!BBHI", 0x80, 192, 1, 9)) == (OldFir(9),)  # type: ignore[arg-type]


def test_an_sdes_without_its_last_zero_is_taken():
    chunk = struct.pack("!I", 5) + b"\x01\x02ab"
    data = struct.pack("!BBH", 0x81, 202, len(chunk) // 4) + chunk
    assert rtcp.parse(data) == (SourceDescription(((5, "ab"),)),)  # type: ignore[arg-type]


def test_a_datagram_has_a_bounded_number_of_packets():
    with pytest.raises(PeerError):
        rtcp.parse(struct.pack("!BBHI", 0x80, 192, 1, 9) * 65)
