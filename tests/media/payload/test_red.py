"""RFC 2198 as browsers send it; tests/native/test_redundancy.py holds C to the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.payload import red
from sfu.media.payload.red import Block

CHROMIUM = bytes.fromhex("ef0f00036faabbccddeeff00")
"""As Chromium 156 sends it: Opus 111, one packet of 20 ms back."""


def test_a_packet_of_chromium_holds_the_sound_before_and_its_own():
    before, sound = red.parse(CHROMIUM)
    assert before == Block(111, 960, bytes.fromhex("aabbcc"))
    assert sound == Block(111, 0, bytes.fromhex("ddeeff00"))
    assert red.compose(111, 960, before.payload, sound.payload) == CHROMIUM


def test_its_first_packet_holds_one_sound():
    assert red.parse(b"\x6fabc") == (Block(111, 0, b"abc"),)


@pytest.mark.parametrize("cut", range(8))
def test_what_is_cut_off_is_refused(cut):
    with pytest.raises(PeerError):
        red.parse(CHROMIUM[:cut])


def test_many_blocks_are_refused():
    head = bytes.fromhex("ef0f0000")
    assert len(red.parse(3 * head + b"\x6f")) == 4
    with pytest.raises(PeerError):
        red.parse(4 * head + b"\x6f")


def test_what_is_too_old_or_too_large_is_not_sent_twice():
    assert red.compose(111, 0, b"a", b"b") is None
    assert red.compose(111, 1 << 14, b"a", b"b") is None
    assert red.compose(111, 960, bytes(481), b"b") is None
    assert red.compose(111, 960, bytes(480), bytes(716)) is None


@given(st.binary(max_size=60))
def test_any_bytes_may_come(payload):
    try:
        *before, sound = red.parse(payload)
    except PeerError:
        return
    assert sum(len(it.payload) for it in before) + len(sound.payload) < len(payload)


@given(st.integers(1, 16383), st.binary(max_size=480), st.binary(max_size=700))
def test_what_is_composed_is_read_again(offset, before, sound):
    written = red.compose(111, offset, before, sound)
    assert written is not None
    assert red.parse(written) == (Block(111, offset, before), Block(111, 0, sound))
