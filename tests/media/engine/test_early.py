from sfu.media.engine.early import EARLY_MAX, Early
from sfu.media.engine.past import FRESH_US
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Ssrc


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(97, sequence, 0, Ssrc(1))


def taken(early: Early, now_us: int) -> list[tuple[int, int]]:
    return [(it.sequence, at_us) for it, at_us in early.take(now_us)]


def test_what_came_too_early_goes_once_in_order_and_with_its_time() -> None:
    early = Early()
    early.keep(packet(1), 10)
    early.keep(packet(2), 20)
    assert taken(early, 30) == [(1, 10), (2, 20)]
    assert taken(early, 30) == []


def test_the_first_ones_are_kept_for_they_begin_the_key_frame() -> None:
    early = Early()
    for number in range(EARLY_MAX + 5):
        early.keep(packet(number), number)
    assert [number for number, _ in taken(early, 100)] == list(range(EARLY_MAX))


def test_what_is_stale_makes_room_and_is_never_taken() -> None:
    early = Early()
    for number in range(EARLY_MAX):
        early.keep(packet(number), 0)
    early.keep(packet(99), FRESH_US + 1)
    assert taken(early, FRESH_US + 2) == [(99, FRESH_US + 1)]


def test_who_cannot_use_one_yet_puts_it_back() -> None:
    early = Early()
    early.keep(packet(1), 5)
    for it, at_us in list(early.take(6)):
        early.put_back(it, at_us)
    assert taken(early, 7) == [(1, 5)]
