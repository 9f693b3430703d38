from hypothesis import given
from hypothesis import strategies as st

from sfu.media.payload import vp8

KEY = bytes.fromhex("90e0 8123 07 20 00 9d012a".replace(" ", ""))


def test_picture_numbers_and_key_frames_are_found() -> None:
    assert vp8.look(KEY) == vp8.Look(True, 2, 2, 0x123, 4, 7, sync=True)
    assert vp8.look(b"\x10\x01") == vp8.Look()
    assert vp8.look(b"\x10\x00").keyframe
    assert vp8.look(b"\x90\x80\x05\x00") == vp8.Look(True, 1, 2, 5)


def test_a_later_partition_or_packet_begins_nothing() -> None:
    assert not vp8.look(b"\x00\x00").keyframe
    assert not vp8.look(b"\x11\x00").keyframe


def test_numbers_are_written_where_they_stand() -> None:
    look = vp8.look(KEY)
    assert vp8.look(vp8.renumbered(KEY, look, 0x7FFF, 300)).picture == 0x7FFF
    assert vp8.look(vp8.renumbered(KEY, look, 1, 300)).tl0 == 300 % 256


@given(st.binary(max_size=16))
def test_no_payload_brings_the_look_down(payload: bytes) -> None:
    look = vp8.look(payload)
    assert vp8.renumbered(payload, look, look.picture, look.tl0) == payload
