"""One stream received: packets in as they come, 20 ms frames out."""

import struct
from dataclasses import dataclass

import numpy as np

from sfu.errors import PeerError
from sfu.media.mix import FRAME, RATE_HZ, Samples
from sfu.media.mix.dtmf import ToneKeys
from sfu.media.mix.jitter import Conceal, Idle, JitterBuffer, Play, Silence
from sfu.media.mix.level import QUIET, SILENT
from sfu.media.mix.span import ticks
from sfu.model import Codec, Ssrc
from sfu.worker.codec import Decoder, decoder
from sfu.worker.protocol import CODECS

_HEADER = struct.Struct(">BBHII")


@dataclass(frozen=True, slots=True)
class Rtp:
    """What the mix needs of a packet (RFC 3550 section 5.1)."""

    ssrc: Ssrc
    payload_type: int
    sequence: int
    timestamp: int
    payload: bytes


def parse(datagram: bytes) -> Rtp:
    """Read a packet; `PeerError` if it is none."""
    if len(datagram) < _HEADER.size or datagram[0] >> 6 != 2:
        raise PeerError("no RTP")
    flags, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(datagram)
    start, end = _HEADER.size + 4 * (flags & 15), len(datagram)
    if flags & 0x10:
        if start + 4 > end:
            raise PeerError("RTP header extension cut off")
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    if flags & 0x20:
        end -= datagram[-1]
    if start > end:
        raise PeerError("RTP packet shorter than it says")
    return Rtp(Ssrc(ssrc), kind & 0x7F, sequence, timestamp, datagram[start:end])


class Input:
    """Jitter buffer, decoder and what is decoded but not yet mixed."""

    def __init__(self, row: int) -> None:
        """Start idle; `row` is the mixer's place for it."""
        self.row = row
        self.loudest = SILENT
        """Level of the loudest frame since it was last reported."""
        self.heard = False
        """Whether anything was decoded since then."""
        self._codec: Codec | None = None
        self._decoder: Decoder | None = None
        self._jitter = JitterBuffer(8_000)
        self._ready: Samples = np.zeros(0, dtype=np.int16)
        self._quiet = True
        self._keys: ToneKeys | None = None
        self._wanted = False
        """Whether keys are looked for; who is in the middle of one is muted until it is up."""

    @property
    def delay_s(self) -> float:
        """How long what is mixed now has been here."""
        return self._jitter.delay_s + len(self._ready) / RATE_HZ

    def insert(self, packet: Rtp, now: float) -> None:
        """Take a packet; of comfort noise (RFC 3389) and unknown codecs nothing is heard."""
        codec = CODECS.get(packet.payload_type)
        if codec is None or codec is Codec.CN:
            return
        span = ticks(codec, packet.payload)
        if codec is not self._codec:
            self._codec, self._decoder = codec, decoder(codec)
            self._jitter = JitterBuffer(codec.clock_hz)
        self._jitter.insert(packet.sequence, packet.timestamp, span, packet.payload, now)

    def pull(self, now: float) -> Samples | None:
        """Return the next 20 ms, None while nobody sends."""
        while len(self._ready) < FRAME:
            more = self._more(now)
            if more is None:
                break
            self._ready = np.concatenate([self._ready, more]) if len(self._ready) else more
        if not len(self._ready):
            self._quiet = True
            return None
        frame, self._ready = self._ready[:FRAME], self._ready[FRAME:]
        if len(frame) < FRAME:
            frame = np.concatenate([frame, np.zeros(FRAME - len(frame), dtype=np.int16)])
        return frame

    def look_for_keys(self, wanted: bool) -> None:
        """Begin or end looking for keys in the sound."""
        self._wanted = wanted
        if wanted and self._keys is None:
            self._keys = ToneKeys()

    def keys(self, frame: Samples) -> tuple[str, bool]:
        """Return the keys that went down in the frame just pulled, and whether it is for others."""
        if self._keys is None:
            return "", True
        pressed = self._keys.feed(frame)
        sounding = self._keys.sounding
        if not self._wanted and not sounding:
            self._keys = None
        return (pressed if self._wanted else ""), not sounding

    def measured(self, level: int) -> None:
        """Note the level of the frame just pulled."""
        self._quiet = level >= QUIET
        self.loudest, self.heard = min(self.loudest, level), True

    def _more(self, now: float) -> Samples | None:
        if self._decoder is None or self._codec is None:
            return None
        match self._jitter.pull(now, self._quiet):
            case Play(payload):
                return self._decoder.decode(payload)
            case Conceal(span, following):
                return self._decoder.lost(self._samples(span), following)
            case Silence(span):
                return np.zeros(self._samples(span), dtype=np.int16)
            case Idle():
                return None

    def _samples(self, span: int) -> int:
        """Return ticks as samples, whole 2.5 ms for libopus."""
        assert self._codec is not None
        return max(1, span * 400 // self._codec.clock_hz) * (RATE_HZ // 400)
