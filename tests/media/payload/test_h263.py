"""Payloads of a real H.263 sender (tests/vectors/h323, from a capture), and of RFC 4629 by hand."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.media.payload.h263 import begins_keyframe_2190, begins_keyframe_4629

INTRA = bytes.fromhex("00600000 000080020c1f27b5b5b5b5ff".replace(" ", ""))
"""Mode A, as a CallGen323 sends it: CIF, picture coding type 0."""
SECOND_GROUP = bytes.fromhex("006000000000 91fb3c2c29999760434c".replace(" ", ""))
MODE_B = bytes.fromhex("8060000000000000212b58b60b5f7032")


def test_an_intra_picture_begins_where_its_start_code_stands():
    assert begins_keyframe_2190(INTRA)
    assert not begins_keyframe_2190(SECOND_GROUP)
    assert not begins_keyframe_2190(MODE_B)


def test_a_predicted_picture_is_none():
    inter = bytearray(INTRA)
    inter[8] |= 0x02
    assert not begins_keyframe_2190(bytes(inter))


def test_sbit_moves_the_start_code():
    picture = int.from_bytes(INTRA[4:]) << 5  # three bits of the group before stand in front
    shifted = bytes([3 << 3, *INTRA[1:4]]) + picture.to_bytes(len(INTRA) - 3)
    assert begins_keyframe_2190(shifted)


def test_longer_headers_are_passed_over():
    picture = INTRA[4:]
    assert begins_keyframe_2190(b"\x80" + bytes(7) + picture)
    assert begins_keyframe_2190(b"\xc0" + bytes(11) + picture)
    assert not begins_keyframe_2190(b"\xc0" + bytes(7) + picture)


def test_rfc_4629_leaves_out_two_zero_bytes():
    rest = INTRA[6:]
    assert begins_keyframe_4629(b"\x04\x00" + rest)
    assert begins_keyframe_4629(b"\x06\x00\xaa" + rest)
    assert begins_keyframe_4629(b"\x04\x10\xaa\xbb" + rest)
    assert not begins_keyframe_4629(b"\x00\x00" + rest)
    assert not begins_keyframe_4629(b"\x04\x00" + SECOND_GROUP[6:])


def bits(text: str) -> bytes:
    joined = text.replace(" ", "")
    joined += "0" * (-len(joined) % 8)
    return int(joined, 2).to_bytes(len(joined) // 8)


def test_a_plusptype_is_read_with_and_without_its_optional_part():
    head, optional = "100000 00000001 10000111", "0" * 18
    intra, inter = "000000001", "001000001"
    assert begins_keyframe_4629(b"\x04\x00" + bits(f"{head} 001 {optional} {intra}"))
    assert begins_keyframe_4629(b"\x04\x00" + bits(f"{head} 000 {intra}"))
    assert not begins_keyframe_4629(b"\x04\x00" + bits(f"{head} 001 {optional} {inter}"))
    assert not begins_keyframe_4629(b"\x04\x00" + bits(f"{head} 000 {inter}"))
    assert not begins_keyframe_4629(b"\x04\x00" + bits(f"{head} 010 {intra}"))


@given(st.binary(max_size=80))
def test_any_bytes_may_come(payload):
    begins_keyframe_2190(payload)
    begins_keyframe_4629(payload)


def test_what_is_cut_short_is_no_key_frame():
    assert not any(begins_keyframe_2190(INTRA[:size]) for size in range(9))
    assert not any(begins_keyframe_4629(b"\x04\x00" + INTRA[6:][:size]) for size in range(3))
