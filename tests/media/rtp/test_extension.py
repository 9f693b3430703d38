import pytest

from sfu.errors import PeerError
from sfu.media.rtp import extension
from sfu.media.rtp.extension import AudioLevel


def test_padding_between_elements_is_passed_over():
    block = bytes.fromhex("10aa0000 21bbcc00".replace(" ", ""))
    assert extension.parse(0xBEDE, block) == {1: b"\xaa", 2: b"\xbb\xcc"}


def test_id_fifteen_ends_a_one_byte_block():
    assert extension.parse(0xBEDE, bytes.fromhex("10aaf0bb20cc0000")) == {1: b"\xaa"}


def test_two_byte_elements_may_be_empty_and_long():
    block = bytes([20, 0, 21, 20]) + bytes(20)
    assert extension.parse(0x1000, block) == {20: b"", 21: bytes(20)}


def test_an_unknown_profile_has_no_elements():
    assert extension.parse(0x1234, b"\x11\x22\x33\x44") == {}


@pytest.mark.parametrize(("profile", "block"), [(0xBEDE, b"\x1f\0\0\0"), (0x1000, b"\1\4\0\0")])
def test_an_element_longer_than_its_block_is_refused(profile, block):
    with pytest.raises(PeerError):
        extension.parse(profile, block)


def test_the_short_form_is_used_where_it_can_be():
    assert extension.compose({3: b"ab"}) == bytes.fromhex("bede0001") + b"\x31ab\0"
    assert extension.compose({3: b""})[:2] == b"\x10\x00"
    assert extension.compose({16: b"a"})[:2] == b"\x10\x00"


def test_an_audio_level_is_seven_bits_and_a_guess():
    assert AudioLevel.parse(b"\x9e") == AudioLevel(30, voice=True)
    assert AudioLevel(127).compose() == b"\x7f"
    with pytest.raises(PeerError):
        AudioLevel.parse(b"")


def test_abs_send_time_wraps_each_64_seconds():
    assert extension.compose_abs_send_time(1.5) == b"\x06\x00\x00"
    assert extension.compose_abs_send_time(65.5) == b"\x06\x00\x00"


def test_a_mid_is_ascii_without_its_padding():
    assert extension.parse_text(b"v0\0\0") == "v0"
    with pytest.raises(PeerError):
        extension.parse_text(b"\xff")
