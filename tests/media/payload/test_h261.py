"""Payloads of a real H.261 sender (tests/vectors/h323, from a capture)."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.payload.h261 import Look, look

PICTURE = bytes.fromhex("19000000 0001000e00011523334cd334".replace(" ", ""))
"""The first packet of a picture of CallGen323, which releases no freeze and sets no I."""
MIDDLE = bytes.fromhex("452ba800a2f2083ba08c18095f009c0d")


def test_a_receiver_may_begin_at_any_picture():
    assert look(PICTURE) == Look(picture=True, keyframe=False)
    assert look(MIDDLE) == Look()


def test_released_freeze_or_an_intra_stream_makes_a_key_frame():
    released = bytearray(PICTURE)
    released[7] |= 0x10
    assert look(bytes(released)) == Look(picture=True, keyframe=True)
    intra = bytearray(PICTURE)
    intra[0] |= 2
    assert look(bytes(intra)) == Look(picture=True, keyframe=True)


def test_sbit_moves_the_start_code():
    shifted = (int.from_bytes(PICTURE[4:]) << 3).to_bytes(len(PICTURE) - 3)
    assert look(bytes([5 << 5, *PICTURE[1:4]]) + shifted).picture


@given(st.binary(max_size=12))
def test_any_bytes_may_come(payload):
    look(payload)
    look(bytes(4) + b"\x00\x01" + payload)
