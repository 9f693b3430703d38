"""What who begins late may begin with; `tests/native/test_catchup.py` tells it to the C too."""

import pytest

from sfu.media.engine.past import FRESH_US, Past
from sfu.media.engine.sink import Arrived
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, SourceId, Ssrc

KEY = b"\x65\x88" + bytes(998)
DELTA = b"\x41\x9a" + bytes(498)


def arrived(
    number: int, payload: bytes = DELTA, *, us: int = 0, late: bool = False, restarted: bool = False
) -> Arrived:
    packet = RtpPacket(97, number & 0xFFFF, number * 3000, Ssrc(1), payload)
    return Arrived(SourceId(1), packet, Codec.H264, number, late, None, (), us, restarted)


def numbers(past: Past, now_us: int = 0) -> list[int]:
    return [it.extended for it in past.since_key(now_us)]


def past_of(*packets: Arrived) -> Past:
    past = Past()
    for packet in packets:
        past.take(packet)
    return past


def test_all_since_the_key_frame_and_nothing_before_it() -> None:
    past = past_of(arrived(5), arrived(6, KEY), arrived(7), arrived(8))
    assert numbers(past) == [6, 7, 8]
    assert not any(it.late or it.restarted for it in past.since_key(0))


@pytest.mark.parametrize("deltas", [14, 15])
def test_little_more_behind_it_than_it_was_itself(deltas: int) -> None:
    past = past_of(arrived(1, KEY), *(arrived(2 + n) for n in range(deltas)))
    assert bool(numbers(past)) == (deltas == 14)  # 1,000 B, and 6,000 beside it


def test_a_second_and_no_longer() -> None:
    past = past_of(arrived(1, KEY, us=7))
    assert numbers(past, FRESH_US + 7) == [1]
    assert numbers(past, FRESH_US + 8) == []


def test_not_with_a_hole_until_it_is_closed() -> None:
    past = past_of(arrived(1, KEY), arrived(3, bytes(9)))
    assert numbers(past) == []
    past.take(arrived(2, bytes(9), late=True))
    assert numbers(past) == [1, 2, 3]


def test_what_takes_its_number_along_and_nothing_else_is_no_hole() -> None:
    assert numbers(past_of(arrived(1, KEY), arrived(2, b""), arrived(3))) == [1, 2, 3]


def test_another_stream_s_numbers_are_not_mistaken_for_this_one_s() -> None:
    past = past_of(arrived(1, KEY), arrived(2), arrived(1, KEY, restarted=True), arrived(3))
    assert numbers(past) == []


def test_what_is_older_than_all_that_is_held_is_gone() -> None:
    small = [arrived(2 + n, b"") for n in range(512)]
    assert numbers(past_of(arrived(1, KEY), *small)) == []
    assert len(numbers(past_of(arrived(1, KEY), *small[:511]))) == 512
