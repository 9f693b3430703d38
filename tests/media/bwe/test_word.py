"""Feedback messages become pairs an estimator can match."""

from sfu.media.bwe import Acked, acked
from sfu.media.rtp.rtcp import TransportFeedback
from sfu.model import Ssrc, TransportId


def test_a_message_tells_each_packet_by_its_number_also_over_the_wrap():
    feedback = TransportFeedback(Ssrc(1), Ssrc(2), 0xFFFF, 0, (4, None, 6))
    assert acked(TransportId(7), feedback) == Acked(
        TransportId(7), ((0xFFFF, 1000), (0, None), (1, 1500))
    )
