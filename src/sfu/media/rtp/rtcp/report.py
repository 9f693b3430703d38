"""Sender and receiver reports (RFC 3550 sections 6.4.1 and 6.4.2)."""

import struct
from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.model import Ssrc

SENDER_REPORT = 200
RECEIVER_REPORT = 201
MAX_BLOCKS = 31
"""The count has five bits."""

_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one stream arrives."""

    ssrc: Ssrc
    fraction_lost: int
    """Of 256, since the report before."""
    lost: int
    """Cumulative; negative when duplicates arrive."""
    highest_sequence: int
    """Extended: cycles in the upper 16 bits."""
    jitter: int
    """RTP clock units."""
    last_sr: int
    """Middle 32 bits of the NTP time of the last SR, 0 for none."""
    delay: int
    """1/65536 s between that SR and this report."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a stream sent, and which RTP time belongs to which NTP time."""

    ssrc: Ssrc
    ntp: int
    """64 bits; 0 where the sender has no wall clock."""
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """A report of somebody who sends nothing."""

    ssrc: Ssrc
    blocks: tuple[ReportBlock, ...] = ()


def parse_sender_report(count: int, body: bytes) -> SenderReport:
    """Read what follows the common header; profile extensions are passed over."""
    if len(body) < _SENDER.size:
        raise PeerError("sender report too short")
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    blocks = _parse_blocks(count, body[_SENDER.size :])
    return SenderReport(Ssrc(ssrc), ntp, timestamp, packets, octets, blocks)


def parse_receiver_report(count: int, body: bytes) -> ReceiverReport:
    """Read what follows the common header."""
    if len(body) < 4:
        raise PeerError("receiver report too short")
    return ReceiverReport(Ssrc(int.from_bytes(body[:4])), _parse_blocks(count, body[4:]))


def _parse_blocks(count: int, data: bytes) -> tuple[ReportBlock, ...]:
    if len(data) < count * _BLOCK.size:
        raise PeerError("report blocks missing")
    return tuple(_parse_block(data, at * _BLOCK.size) for at in range(count))


def _parse_block(data: bytes, at: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, at)
    lost = (loss & 0xFFFFFF ^ 0x800000) - 0x800000  # 24 bits, signed
    return ReportBlock(Ssrc(ssrc), loss >> 24, lost, highest, jitter, last_sr, delay)


def compose_sender_report(report: SenderReport) -> tuple[int, bytes]:
    """Write count and body."""
    head = _SENDER.pack(
        report.ssrc, report.ntp, report.rtp_timestamp, report.packets, report.octets
    )
    return len(report.blocks), head + _compose_blocks(report.blocks)


def compose_receiver_report(report: ReceiverReport) -> tuple[int, bytes]:
    """Write count and body."""
    return len(report.blocks), report.ssrc.to_bytes(4) + _compose_blocks(report.blocks)


def _compose_blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    assert len(blocks) <= MAX_BLOCKS
    return b"".join(_compose_block(block) for block in blocks)


def _compose_block(block: ReportBlock) -> bytes:
    lost = max(-0x800000, min(block.lost, 0x7FFFFF)) & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc,
        block.fraction_lost << 24 | lost,
        block.highest_sequence,
        block.jitter,
        block.last_sr,
        block.delay,
    )
