"""What one endpoint can send and receive, whatever protocol told us."""

from dataclasses import dataclass
from enum import StrEnum

from sfu.model import Codec


class Feedback(StrEnum):
    """Ways an endpoint takes a wish for a key frame or a lower rate."""

    NACK = "nack"
    PLI = "nack pli"
    FIR = "ccm fir"
    TMMBR = "ccm tmmbr"
    REMB = "goog-remb"
    TRANSPORT_CC = "transport-cc"


@dataclass(frozen=True, slots=True)
class H264Limits:
    """What an H.264 decoder takes (RFC 6184 section 8.1), level and max-* united.

    Units: macroblocks/s, macroblocks, kbit/s, macroblocks.
    """

    profile: int
    """profile_idc: 66, 77, 88 or 100."""
    constraints: int
    """The constraint_set byte."""
    level: int
    """level_idc byte as offered."""
    mbps: int
    fs: int
    br_kbps: int
    dpb: int
    modes: frozenset[int]
    """Packetization modes of the payload types we may use."""
    smbps: int = 0
    """Macroblocks/s where they only repeat what was there (max-smbps); `mbps` where not told."""

    def fits(self, width: int, height: int) -> bool:
        """Tell whether a picture of this size may be sent."""
        wide, high = -(-width // 16), -(-height // 16)
        return wide * high <= self.fs and max(wide, high) ** 2 <= 8 * self.fs


@dataclass(frozen=True, slots=True)
class Capability:
    """Everything a room must know of a member to decide who sees and hears whom."""

    audio_send: frozenset[Codec]
    audio_receive: frozenset[Codec]
    video_send: frozenset[Codec]
    video_receive: frozenset[Codec]
    h264: H264Limits | None
    single_nal: bool
    """It can receive H.264 in packetization-mode 0 only."""
    can_send_single_nal: bool
    """It can be asked to send mode 0."""
    pictures: int
    """Streams of video it can show at once: 1 for a room codec, 0 for none."""
    video_bps: int
    """Most it will take of video, RTP payload; 0 for unknown."""
    forwarded_sounds: bool
    """It plays several streams side by side (a browser); otherwise it needs the mix."""
    old_size: tuple[int, int, int] | None = None
    """The one picture of H.263 or H.261 it sends and shows: width, height and least interval in
    units of 1/29.97 s.  None: it has neither."""


NOTHING = Capability(
    audio_send=frozenset(),
    audio_receive=frozenset(),
    video_send=frozenset(),
    video_receive=frozenset(),
    h264=None,
    single_nal=False,
    can_send_single_nal=False,
    pictures=0,
    video_bps=0,
    forwarded_sounds=False,
)
"""What an endpoint can before anything is negotiated."""
