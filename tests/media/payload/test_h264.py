import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.payload import h264

SPS = bytes.fromhex("6742c01fda0280f6c0")
PPS = bytes.fromhex("68ce3c80")
IDR = b"\x65\x88first slice"


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2) + unit for unit in units)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (IDR, h264.Look(keyframe=True)),
        (b"\x65\x48a later slice", h264.Look()),
        (b"\x41\x9adelta", h264.Look()),
        (SPS, h264.Look(sps=True)),
        (stap(SPS, PPS, IDR), h264.Look(True, True, True)),
        (b"\x7c\x85\x88start", h264.Look(keyframe=True)),
        (b"\x7c\x05\x88middle", h264.Look()),
        (b"\x7c\x85", h264.Look()),
        (b"", h264.Look()),
    ],
)
def test_a_key_frame_begins_with_the_first_slice_of_an_idr_picture(
    payload: bytes, expected: h264.Look
) -> None:
    assert h264.look(payload) == expected


def test_a_stap_a_falls_into_its_units() -> None:
    assert h264.units(stap(SPS, PPS)) == [SPS, PPS]
    assert h264.parameter_sets(stap(SPS, IDR, PPS)) == [SPS, PPS]


@pytest.mark.parametrize(
    "payload", [b"\x78", stap(SPS)[:-1], stap(SPS) + b"\0", b"\x78\0\0", stap(*[b"\x41"] * 33)]
)
def test_a_stap_a_that_does_not_add_up_is_refused(payload: bytes) -> None:
    with pytest.raises(PeerError):
        h264.units(payload)


def test_sets_are_known_by_their_ids() -> None:
    assert h264.parameter_set_id(SPS) == 0
    assert h264.parameter_set_id(b"\x68\x40") == 1  # 010
    assert h264.parameter_set_id(b"\x68\x60") == 2  # 011
    assert h264.parameter_set_id(b"\x68") is None


@given(st.binary(min_size=1, max_size=64))
def test_no_payload_brings_the_look_down(payload: bytes) -> None:
    h264.look(payload)
    for unit in h264.parameter_sets(payload):
        h264.parameter_set_id(unit)
