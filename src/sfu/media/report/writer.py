"""How RTCP packets become datagrams: who speaks, under which name, how many fit."""

from collections.abc import Iterable
from dataclasses import replace

from sfu.media.engine.command import TransmitRtcp
from sfu.media.report.ledger import TransportEntry
from sfu.media.rtp import rtcp
from sfu.media.rtp.rtcp import (
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
)
from sfu.model import Ssrc

MAX_PER_COMPOUND = 12
"""Streams sent and streams received in one datagram: some 900 bytes."""


class Writer:
    """Composes for one CNAME."""

    def __init__(self, cname: str) -> None:
        """Speak under this name on every transport: all we send is on our one clock."""
        self._cname = cname

    def feedback(self, entry: TransportEntry, *packets: RtcpPacket) -> list[TransmitRtcp]:
        """Write what must go now: alone under RFC 5506, else behind an empty RR and our name."""
        head: tuple[RtcpPacket, ...] = ()
        if not entry.reduced_size:
            head = ReceiverReport(entry.ssrc), self._description((entry.ssrc,))
        return [TransmitRtcp(entry.transport, rtcp.compose(head + packets))]

    def reports(
        self, entry: TransportEntry, senders: list[SenderReport], blocks: list[ReportBlock]
    ) -> list[TransmitRtcp]:
        """Write a round of reports in as many datagrams as it takes, one at least."""
        rounds = max(len(senders), len(blocks), 1)
        return [
            TransmitRtcp(
                entry.transport,
                self._compound(
                    entry,
                    senders[at : at + MAX_PER_COMPOUND],
                    tuple(blocks[at : at + MAX_PER_COMPOUND]),
                ),
            )
            for at in range(0, rounds, MAX_PER_COMPOUND)
        ]

    def _compound(
        self, entry: TransportEntry, senders: list[SenderReport], blocks: tuple[ReportBlock, ...]
    ) -> bytes:
        """Begin with an SR where there is one, the blocks within it (RFC 3550 section 6.1)."""
        packets: list[RtcpPacket]
        if senders:
            packets = [replace(senders[0], blocks=blocks), *senders[1:]]
        else:
            packets = [ReceiverReport(entry.ssrc, blocks)]
        packets.append(self._description([each.ssrc for each in senders] or [entry.ssrc]))
        return rtcp.compose(packets)

    def _description(self, ssrcs: Iterable[Ssrc]) -> SourceDescription:
        return SourceDescription(tuple((ssrc, self._cname) for ssrc in ssrcs))
