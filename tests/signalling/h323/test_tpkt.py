"""TPKT in a stream: whole packets whatever the segments, keep-alives of every maker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.signalling.h323 import tpkt


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.lists(st.integers(1, 50)))
def test_payloads_come_back_whole_however_they_are_cut(payloads, cuts):
    stream = b"".join(tpkt.write(one) for one in payloads)
    framer, found = tpkt.Framer(), []
    for size in cuts:
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert found + framer.feed(stream) == payloads


def test_keep_alives_of_all_makers():
    framer = tpkt.Framer()
    tandberg, cisco = bytes.fromhex("00030004"), bytes.fromhex("03070005aa")
    assert framer.feed(tpkt.KEEP_ALIVE + tandberg + cisco) == [b"\xaa"]
    assert framer.keep_alives == 2


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1", b"\x03\x00\x00\x03", b"\x00\x03\x00\x05"])
def test_what_is_no_tpkt_ends_the_stream(start):
    framer = tpkt.Framer()
    assert framer.feed(start) == []
    assert framer.error is not None
    assert framer.feed(tpkt.write(b"late")) == []


@given(st.binary(max_size=4_000))
def test_any_bytes_are_taken(data):
    tpkt.Framer().feed(data)
