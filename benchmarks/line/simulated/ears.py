"""What a simulated browser receives: counted as getStats counts it, acknowledged as browsers do."""

from dataclasses import dataclass, field
from typing import Any

from sfu.media.rtp.packet import RtpPacket
from sfu.media.rtp.rtcp.transport_cc import TransportFeedback
from sfu.model import Ssrc

PLAYOUT_S = 0.1
"""A sound that comes so much later than the quickest is not played."""
FRAME_SAMPLES = 960
KEY_START = b"\x9d\x01\x2a"


@dataclass
class Stream:
    """One place, by its mid."""

    mid: str
    kind: str
    packets: int = 0
    lost: int = 0
    octets: int = 0
    frames: int = 0
    height: int = 0
    concealed: int = 0
    samples: int = 0
    _last: int | None = None
    _whole: bool = False
    _source: int = 0
    _quickest: float = float("inf")

    def take(self, packet: RtpPacket, now: float) -> None:
        """Count a packet; sequence numbers are one stream's, whoever is shown."""
        missing = 0
        if self._last is not None:
            step = packet.sequence - self._last & 0xFFFF
            if step == 0 or step > 0x8000:
                return
            missing = step - 1
        self._last = packet.sequence
        self.packets += 1
        self.lost += missing
        self.octets += len(packet.payload)
        if self.kind == "audio":
            self._sound(packet, missing, now)
        else:
            self._picture(packet, missing)

    def _sound(self, packet: RtpPacket, missing: int, now: float) -> None:
        delay = now - packet.timestamp / 48_000
        if abs(delay - self._quickest) > 5:
            self._quickest = delay  # another clock
        self._quickest = min(self._quickest, delay)
        late = delay - self._quickest > PLAYOUT_S
        missing = missing if missing < 50 else 0
        self.samples += FRAME_SAMPLES * (1 + missing)
        self.concealed += FRAME_SAMPLES * (late + missing)

    def _picture(self, packet: RtpPacket, missing: int) -> None:
        payload = packet.payload
        if missing:
            self._whole = False
        begins = len(payload) > 4 and payload[0] & 0x17 == 0x10
        at = payload.find(KEY_START, 4, 16) if begins else -1
        if at > 0:
            self._whole = True
            self.height = int.from_bytes(payload[at + 5 : at + 7], "little") & 0x3FFF
        if packet.marker and self._whole:
            self.frames += 1

    def row(self) -> dict[str, Any]:
        """Return it in the words of getStats."""
        return {
            "id": f"0/{self.mid}", "from": 0, "kind": self.kind, "mid": self.mid,
            "packetsReceived": self.packets, "packetsLost": self.lost,
            "bytesReceived": self.octets, "framesDecoded": self.frames,
            "frameHeight": self.height, "totalFreezesDuration": 0.0,
            "concealedSamples": self.concealed, "totalSamplesReceived": self.samples,
        }  # fmt: skip


@dataclass
class Arrivals:
    """What has come since the last feedback."""

    _ticks: dict[int, int] = field(default_factory=dict)
    _next: int | None = None
    _number: int = 0

    def take(self, sequence: int, now: float) -> None:
        """Note a packet's transport-wide number."""
        if self._next is None:
            self._next = sequence
        if (sequence - self._next & 0xFFFF) < 0x8000:
            self._ticks[sequence] = int(now * 4_000) & 0xFFFFFFFF

    def feedback(self, media: int) -> TransportFeedback | None:
        """Return the message that tells of them; None of nothing."""
        if not self._ticks or self._next is None:
            return None
        base = self._next
        span = max(one - base & 0xFFFF for one in self._ticks) + 1
        arrivals = tuple(self._ticks.get(base + n & 0xFFFF) for n in range(span))
        self._ticks, self._next = {}, base + span & 0xFFFF
        self._number = self._number + 1 & 0xFF
        return TransportFeedback(Ssrc(1), Ssrc(media), base, self._number, arrivals)
