from sfu.media.engine.history import History
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Ssrc


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(97, sequence, 0, Ssrc(1))


def test_a_packet_is_kept_until_its_slot_is_needed() -> None:
    history = History(3)
    assert history.size == 4
    for sequence in range(5):
        history.put(packet(sequence), bytes([sequence]))
    assert history.take(0, 1) is None
    kept = history.take(4, 1)
    assert kept is not None
    assert kept.datagram == b"\4"


def test_the_same_packet_is_not_sent_again_at_once() -> None:
    history = History(4)
    history.put(packet(1), b"")
    assert history.take(1, 100_000) is not None
    assert history.take(1, 105_000) is None
    assert history.take(1, 110_000) is not None


def test_without_room_nothing_is_kept() -> None:
    history = History()
    history.put(packet(1), b"")
    assert history.take(1, 0) is None
