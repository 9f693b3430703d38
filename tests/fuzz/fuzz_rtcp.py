"""RTCP as the reporter hears it, RTP as the tests and the worker read it.

python tests/fuzz/fuzz_rtcp.py SECONDS [SEED]
"""

import contextlib
import sys

from sfu.errors import PeerError
from sfu.media.engine.event import RtcpReceived
from sfu.media.report import Reporter
from sfu.media.rtp import packet, rtcp
from sfu.media.rtp.rtcp import (
    Bye,
    Fir,
    Limit,
    Nack,
    OldFir,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    SourceDescription,
    Tmmbn,
    Tmmbr,
    TransportFeedback,
)
from sfu.model import Kind, MemberId, SinkId, SourceId, Ssrc, TransportId
from tests.fuzz.datagram import main

ONE, TWO = Ssrc(1), Ssrc(2)
BLOCK = ReportBlock(TWO, 3, -4, 5, 6, 7, 8)
COMPOUNDS: list[list[rtcp.RtcpPacket]] = [
    [SenderReport(ONE, 1 << 63, 2, 3, 4, (BLOCK,)), SourceDescription(((ONE, "name"),))],
    [ReceiverReport(ONE, (BLOCK, BLOCK)), Nack(ONE, TWO, (1, 2, 3, 900)), Pli(ONE, TWO)],
    [Fir(ONE, ((TWO, 1),)), OldFir(TWO), Remb(ONE, 1_000_000, (TWO,)), Bye((ONE,), "gone")],
    [Tmmbr(ONE, (Limit(TWO, 512_000),)), Tmmbr(TWO, (Limit(TWO, 900_000, 20), Limit(ONE, 0, 511)))],
    [Tmmbn(ONE, (Limit(ONE, 512_000), Limit(TWO, 64_000, 80))), Tmmbn(ONE, ())],
    [TransportFeedback(ONE, TWO, 65_530, 0, (256, None, 300, *(range(400, 420)), 20_000))],
]
SEEDS = [rtcp.compose(compound) for compound in COMPOUNDS] + [
    packet.compose(
        packet.RtpPacket(96, 1, 2, ONE, b"payload", True, (TWO,), {1: b"\x7f", 4: b"mid"}, 4)
    )
]


def read(data: bytes) -> None:
    """Read it as both."""
    with contextlib.suppress(PeerError):
        packet.parse(data)
    reporter = Reporter("sfu", 1_700_000_000.0)
    reporter.add_transport(TransportId(1), ONE)
    reporter.add_source(SourceId(1), TransportId(1), 90_000, MemberId("m"), ONE)
    reporter.add_sink(SinkId(1), TransportId(1), TWO, Kind.VIDEO, 90_000)
    reporter.handle(RtcpReceived(TransportId(1), data, 5_000_000))
    reporter.handle(RtcpReceived(TransportId(1), data, 7_000_000))


if __name__ == "__main__":
    sys.exit(main("fuzz_rtcp", SEEDS, read))
