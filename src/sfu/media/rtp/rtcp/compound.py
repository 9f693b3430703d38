"""Compound packets (RFC 3550 section 6.1), or reduced-size ones (RFC 5506).

::

    |V=2|P| count or format 5 | type 8 | length in words - 1, 16 | body |  next packet...

Types and formats we do not know, APP and XR among them, are passed over.
"""

import struct
from collections.abc import Callable, Iterable
from typing import assert_never

from sfu.errors import PeerError
from sfu.media.rtp.rtcp import description, feedback, rate, report, transport_cc
from sfu.media.rtp.rtcp.description import Bye, SourceDescription
from sfu.media.rtp.rtcp.feedback import Fir, Nack, OldFir, Pli, Remb
from sfu.media.rtp.rtcp.rate import Tmmbn, Tmmbr
from sfu.media.rtp.rtcp.report import ReceiverReport, SenderReport
from sfu.media.rtp.rtcp.transport_cc import RawFeedback, TransportFeedback

RtcpPacket = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Bye
    | Nack
    | Tmmbr
    | Tmmbn
    | TransportFeedback
    | RawFeedback
    | Pli
    | Fir
    | OldFir
    | Remb
)

TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206
MAX_PACKETS = 64
"""More in one datagram than anybody has to say."""

_COUNTED: dict[int, Callable[[int, bytes], RtcpPacket]] = {
    report.SENDER_REPORT: report.parse_sender_report,
    report.RECEIVER_REPORT: report.parse_receiver_report,
    description.SOURCE_DESCRIPTION: description.parse_source_description,
    description.BYE: description.parse_bye,
}
_Formats = dict[tuple[int, int], Callable[[bytes], RtcpPacket | None]]
_FORMATTED: _Formats = {
    (TRANSPORT_FEEDBACK, 1): feedback.parse_nack,
    (TRANSPORT_FEEDBACK, 3): lambda body: Tmmbr(*rate.parse_limits(body)),
    (TRANSPORT_FEEDBACK, 4): lambda body: Tmmbn(*rate.parse_limits(body)),
    (TRANSPORT_FEEDBACK, 15): transport_cc.parse_transport_feedback,
    (PAYLOAD_FEEDBACK, 1): feedback.parse_pli,
    (PAYLOAD_FEEDBACK, 4): feedback.parse_fir,
    (PAYLOAD_FEEDBACK, 15): feedback.parse_remb,
}


_KEPT = {**_FORMATTED, (TRANSPORT_FEEDBACK, 15): transport_cc.keep_transport_feedback}


def parse(data: bytes, *, arrivals: bool = True) -> tuple[RtcpPacket, ...]:
    """Read every packet we know; PeerError when the datagram or one of those is broken.

    Without `arrivals` transport-wide feedback is kept as it is, `RawFeedback`: it tells of each
    packet, and the engine reads it faster.
    """
    formats = _FORMATTED if arrivals else _KEPT
    packets: list[RtcpPacket] = []
    at = 0
    for _ in range(MAX_PACKETS):
        if at == len(data):
            return tuple(packets)
        if at + 4 > len(data) or data[at] >> 6 != 2:
            raise PeerError("not an RTCP packet")
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            raise PeerError("RTCP packet runs over its datagram")
        packet = _parse_one(data[at], data[at + 1], data[at + 4 : end], formats)
        if packet is not None:
            packets.append(packet)
        at = end
    raise PeerError("too many RTCP packets in one datagram")


def _parse_one(first: int, kind: int, body: bytes, formats: _Formats) -> RtcpPacket | None:
    if first & 0x20:
        body = _unpadded(body)
    count = first & 0x1F
    if kind in _COUNTED:
        return _COUNTED[kind](count, body)
    if kind == feedback.OLD_FIR:
        return feedback.parse_old_fir(body)
    formatted = formats.get((kind, count))
    return formatted(body) if formatted else None


def _unpadded(body: bytes) -> bytes:
    if not body or not 0 < body[-1] <= len(body):
        raise PeerError("RTCP padding is longer than the packet")
    return body[: -body[-1]]


def compose(packets: Iterable[RtcpPacket]) -> bytes:
    """Write them one behind the other."""
    return b"".join(_compose_one(packet) for packet in packets)


def _compose_one(packet: RtcpPacket) -> bytes:
    kind, count, body = _compose_body(packet)
    assert len(body) % 4 == 0
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _compose_body(packet: RtcpPacket) -> tuple[int, int, bytes]:
    match packet:
        case SenderReport():
            return report.SENDER_REPORT, *report.compose_sender_report(packet)
        case ReceiverReport():
            return report.RECEIVER_REPORT, *report.compose_receiver_report(packet)
        case SourceDescription():
            return (
                description.SOURCE_DESCRIPTION,
                *description.compose_source_description(packet),
            )
        case Bye():
            return description.BYE, *description.compose_bye(packet)
        case OldFir():
            return feedback.OLD_FIR, 0, packet.media.to_bytes(4)
        case RawFeedback():
            return TRANSPORT_FEEDBACK, 15, packet.body
        case _:
            return _compose_feedback(packet)


def _compose_feedback(
    packet: Nack | Tmmbr | Tmmbn | TransportFeedback | Pli | Fir | Remb,
) -> tuple[int, int, bytes]:
    match packet:
        case Nack():
            return TRANSPORT_FEEDBACK, 1, feedback.compose_nack(packet)
        case Tmmbr():
            return TRANSPORT_FEEDBACK, 3, rate.compose_limits(packet.sender, packet.limits)
        case Tmmbn():
            return TRANSPORT_FEEDBACK, 4, rate.compose_limits(packet.sender, packet.limits)
        case TransportFeedback():
            return TRANSPORT_FEEDBACK, 15, transport_cc.compose_transport_feedback(packet)
        case Pli():
            return PAYLOAD_FEEDBACK, 1, feedback.compose_pli(packet)
        case Fir():
            return PAYLOAD_FEEDBACK, 4, feedback.compose_fir(packet)
        case Remb():
            return PAYLOAD_FEEDBACK, 15, feedback.compose_remb(packet)
        case _:
            assert_never(packet)
