"""A room codec: plain RTP, G.722, one stream of H.264, receiver reports and nothing quicker."""

from dataclasses import dataclass

from sfu.model import SourceId
from tests.scenarios.encoder import Encoder
from tests.scenarios.member import Member
from tests.scenarios.packet import G722_BYTES, PLAIN_BYTES, Frame, Packet, What, cut

FPS = 25.0
BURST_BPS = 1_700_000
"""How fast it sends a frame: bit/s of payload."""
OBEY_US = 400_000
"""From a TMMBR, or a new offer, to the first frame that heeds it."""
REPORT_S = 5.0


@dataclass
class Codec(Member):
    """With a camera if it has a source."""

    source: SourceId | None = None
    offer_bps: int = 0
    keyframe_bytes: int = 0
    keyframe_every_s: float = 0.0
    deaf: bool = False
    """A replay: heeds no limit and no wish."""
    stubborn: bool = False
    """Goes on sending when nothing is taken of it."""
    report_s: float = REPORT_S
    fps: float = FPS
    headers_bytes: int = PLAIN_BYTES
    sound_bytes: int = G722_BYTES

    def __post_init__(self) -> None:
        super().__post_init__()
        self.limit_bps = self.offer_bps
        self.active = True
        self.number = 0
        self._free_at_us = 0
        self._wished = True
        self._encoder = Encoder(
            self.dice, self.fps, max(self.offer_bps, 1), key_bytes=self.keyframe_bytes
        )
        self._got = self._expected = 0

    def join(self) -> None:
        super().join()
        if self.source is not None:
            phase_us = self.dice.randrange(40_000)
            self.clock.every(int(1e6 / self.fps), self._capture, self.clock.now_us + phase_us)
            if self.keyframe_every_s:
                self.clock.every(int(self.keyframe_every_s * 1e6), self.wish)
        self.clock.every(int(self.report_s * 1e6), self._send_report)

    def wish(self) -> None:
        """Make a key frame next."""
        self._wished = True

    def limit(self, bps: int) -> None:
        """Be told to send less, or more again: bit/s of payload."""
        self.clock.at(self.clock.now_us + OBEY_US, self._obey, bps)

    def _obey(self, bps: int) -> None:
        self.limit_bps = min(bps, self.offer_bps)

    def _capture(self) -> None:
        if not self.active:
            return
        self._encoder.target_bps = self.limit_bps
        key = self._wished and not (self.deaf and self.number)
        size = self._encoder.encode(key)
        self._wished = False
        assert self.source is not None
        pieces = cut(size)
        now_us = self.clock.now_us
        frame = Frame(self.source, self.number, len(pieces), key, now_us, self.number - 1)
        self.number += 1
        at_us = max(now_us, self._free_at_us)
        for index, payload in enumerate(pieces):
            packet = Packet(What.PICTURE, self.source, payload, at_us, frame, index)
            self.clock.at(at_us, self.send_picture, packet)
            at_us += payload * 8_000_000 // max(BURST_BPS, self.offer_bps)
        self._free_at_us = at_us

    def _send_report(self) -> None:
        self.report(120, self.engine.reported, self)
