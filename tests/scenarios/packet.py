"""What travels: frames of a picture cut into packets, and sound."""

from dataclasses import dataclass
from enum import IntEnum

from sfu.model import SourceId

PICTURE_BYTES = 1166
"""Most payload of a packet: 1228 bytes of IP on a browser's leg."""
BROWSER_BYTES, PLAIN_BYTES = 62, 40
"""Headers of IPv4, UDP, RTP; a browser's extensions and SRTP."""
OPUS_BYTES, OPUS_US = 60, 20_000
"""Opus of 24 kbit/s each 20 ms: 122 bytes of IP."""
G722_BYTES = 160


class What(IntEnum):
    """What a packet carries."""

    SOUND = 1
    PICTURE = 2
    REPAIR = 3
    PADDING = 4
    REPORT = 5


@dataclass(slots=True, eq=False)
class Frame:
    """One picture of one source."""

    source: SourceId
    number: int
    packets: int
    key: bool
    captured_us: int
    needs: int = -1
    """The number of the frame it is built on."""
    temporal: int = 0


@dataclass(slots=True, eq=False)
class Packet:
    """One packet: payload bytes, without headers."""

    what: What
    source: SourceId
    payload_bytes: int
    sent_us: int
    frame: Frame | None = None
    index: int = 0


def cut(frame_bytes: int) -> list[int]:
    """Cut a frame into payloads of about equal length, as browsers do."""
    count = max(-(-frame_bytes // PICTURE_BYTES), 1)
    each, more = divmod(max(frame_bytes, 30), count)
    return [each + 1] * more + [each] * (count - more)
