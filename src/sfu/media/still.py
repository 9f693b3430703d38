"""A short film that shows a still picture, sent as RTP in a loop from a file.

The file is an H.264 byte stream (ITU-T H.264 annex B) of key frames and the few bytes by which an
encoder says "as before" in between, its NAL units small enough to be sent as they are (RFC 6184
packetization mode 0)::

    IDR p p p p p p p p p IDR p p p p p p p p p  -> from the beginning
     ^ a viewer who wishes for a key frame is given the next one now, and all others with it
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sfu.errors import UseError
from sfu.media.payload import h264
from sfu.media.rtp.packet import RtpPacket, compose
from sfu.model import Ssrc

FRAME_S = 0.2
"""Five pictures a second: a decoder that holds some back before it shows one shows it soon."""
BURST = 8
"""Packets sent at once, so that no queue on their way overflows: the kernel's may hold ten."""
PACE_S = 0.02
"""Pause behind a burst: 8 packets of 1100 bytes in 20 ms are 3.5 Mbit/s."""
MOST_BYTES = 1_200
START = b"\0\0\1"

Picture = tuple[bytes, ...]
"""NAL units of one picture, parameter sets among them."""


@dataclass(frozen=True, slots=True)
class Wished:
    """A viewer needs a key frame."""


def pictures(stream: bytes) -> tuple[Picture, ...]:
    """Cut a byte stream into pictures; UseError for one that cannot be sent as it is."""
    found: list[list[bytes]] = []
    whole = True  # the last picture has its slices: parameter sets belong to the next
    for unit in (part.rstrip(b"\0") for part in stream.split(START)[1:]):
        if not 0 < len(unit) <= MOST_BYTES:
            raise UseError(f"a NAL unit of {len(unit)} bytes")
        slices = h264.nal_type(unit) <= h264.IDR
        # first_mb_in_slice is ue(v): zero, where a picture begins, is a leading one bit
        if not found or (whole and (not slices or unit[1] & 0x80)):
            found.append([])
        found[-1].append(unit)
        whole = slices
    if not found or h264.nal_type(found[0][0]) != h264.SPS:
        raise UseError("a picture that does not begin with its parameters")
    return tuple(map(tuple, found))


class Still:
    """One film; `now` is monotonic seconds."""

    def __init__(self, film: Sequence[Picture], payload_type: int, ssrc: Ssrc, now: float) -> None:
        """Begin with a key frame."""
        self._film = film
        self._keys = [at for at, one in enumerate(film) if h264.nal_type(one[0]) == h264.SPS]
        self._at = 0
        self._payload_type, self._ssrc = payload_type, ssrc
        self._sequence = 0
        self._frame_at = now
        self._waiting: deque[RtpPacket] = deque()
        self._burst_at = now

    @property
    def deadline(self) -> float:
        """When `tick` and `poll` have something to do."""
        return self._burst_at if self._waiting else max(self._burst_at, self._frame_at)

    def handle(self, event: Wished, now: float) -> None:
        """Go on with the next key frame, at once."""
        if self._waiting and self._at - 1 in self._keys:
            return  # it is being sent
        # the next one, not the last again: two in a row must differ in idr_pic_id (7.4.3)
        self._at = next((key for key in self._keys if key >= self._at), 0)
        self._frame_at = now

    def tick(self, now: float) -> None:
        """Let time pass: the next picture is due."""
        if now < self._frame_at or self._waiting:
            return
        picture = self._film[self._at]
        self._at = (self._at + 1) % len(self._film)
        self._frame_at = max(self._frame_at + FRAME_S, now)
        timestamp = int(now * 90_000) & 0xFFFFFFFF
        for unit in picture:
            self._waiting.append(
                RtpPacket(
                    self._payload_type, self._sequence, timestamp, self._ssrc, unit,
                    marker=unit is picture[-1],
                )
            )  # fmt: skip
            self._sequence = (self._sequence + 1) & 0xFFFF

    def poll(self, now: float) -> Iterator[bytes]:
        """Yield the packets that may leave now."""
        if now < self._burst_at:
            return
        for _ in range(min(BURST, len(self._waiting))):
            self._burst_at = now + PACE_S
            yield compose(self._waiting.popleft())
