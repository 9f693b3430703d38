"""RTCP (RFC 3550 section 6): `parse` a compound into packets, `compose` packets into one."""

from sfu.media.rtp.rtcp.compound import RtcpPacket, compose, parse
from sfu.media.rtp.rtcp.description import Bye, SourceDescription
from sfu.media.rtp.rtcp.feedback import Fir, Nack, OldFir, Pli, Remb
from sfu.media.rtp.rtcp.rate import Limit, Tmmbn, Tmmbr
from sfu.media.rtp.rtcp.report import ReceiverReport, ReportBlock, SenderReport
from sfu.media.rtp.rtcp.transport_cc import RawFeedback, TransportFeedback

__all__ = [
    "Bye",
    "Fir",
    "Limit",
    "Nack",
    "OldFir",
    "Pli",
    "RawFeedback",
    "ReceiverReport",
    "Remb",
    "ReportBlock",
    "RtcpPacket",
    "SenderReport",
    "SourceDescription",
    "Tmmbn",
    "Tmmbr",
    "TransportFeedback",
    "compose",
    "parse",
]
