"""What is sent: streams, which are mixed and encoded, and legs, which carry them.

Legs that hear the same inputs in the same codec share a stream, so a room's muted members cost
one encoder.  A leg that hears other inputs from now on takes its stream along if nobody shares
it: the encoder's memory goes on, and the far end hears no seam.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sfu.media.mix import FRAME, RATE_HZ, Samples
from sfu.model import Codec, Ssrc
from sfu.worker.codec import Encoder
from sfu.worker.protocol import PAYLOAD_TYPES, SetLeg

_HEADER = struct.Struct(">BBHII")


class Key(NamedTuple):
    """What legs must agree in to share a stream."""

    codec: Codec
    ptime_ms: int
    bps: int
    """Of Opus; 0 for a codec of one rate."""
    inputs: frozenset[Ssrc]
    alone: int
    """The leg's number while it hears a tone of its own, else 0."""


class Stream:
    """An encoder and what waits to fill its next packet."""

    def __init__(self, key: Key, encoder: Encoder) -> None:
        """Start with nothing waiting."""
        self.key = key
        self.legs = 0
        self._encoder = encoder
        self._size = RATE_HZ * key.ptime_ms // 1000
        self._waiting: Samples = np.zeros(0, dtype=np.int16)

    def feed(self, frame: Samples) -> list[bytes]:
        """Take 20 ms of the mix; return the payloads now full."""
        if self._size == FRAME:
            return [self._encoder.encode(frame)]
        waiting = np.concatenate([self._waiting, frame])
        whole = len(waiting) // self._size * self._size
        self._waiting = waiting[whole:]
        return [self._encoder.encode(part) for part in _cut(waiting[:whole], self._size)]


def _cut(samples: Samples, size: int) -> Iterator[Samples]:
    return (samples[start : start + size] for start in range(0, len(samples), size))


@dataclass(slots=True)
class Leg:
    """One receiver of the mix and its RTP numbers."""

    order: SetLeg
    stream: Stream
    sequence: int
    timestamp: int
    started: bool = False
    tone: Samples | None = None
    """What is left of a beep, and of what is spoken behind it."""
    speaking: bool = False
    """Somebody waits for its end."""

    def packet(self, payload: bytes) -> bytes:
        """Return the next RTP packet; the marker opens the one talkspurt (RFC 3551 4.1)."""
        codec = self.order.codec
        kind = PAYLOAD_TYPES[codec] | (0 if self.started else 0x80)
        self.started = True
        header = _HEADER.pack(0x80, kind, self.sequence, self.timestamp, self.order.ssrc)
        self.sequence = (self.sequence + 1) & 0xFFFF
        span = codec.clock_hz * self.stream.key.ptime_ms // 1000
        self.timestamp = (self.timestamp + span) & 0xFFFFFFFF
        return header + payload

    def skip(self, ticks_20ms: int) -> None:
        """Let time pass unsent, after the machine stood still."""
        span = self.order.codec.clock_hz // 50 * ticks_20ms
        self.timestamp = (self.timestamp + span) & 0xFFFFFFFF
        self.started = False

    def beep(self) -> Samples | None:
        """Return the next 20 ms of the tone, None when it is over."""
        if self.tone is None or not len(self.tone):
            self.tone = None
            return None
        frame, self.tone = self.tone[:FRAME], self.tone[FRAME:]
        return np.concatenate([frame, np.zeros(FRAME - len(frame), dtype=np.int16)])


def numbers_at(now: float, codec: Codec, ptime_ms: int) -> tuple[int, int]:
    """Return first sequence number and timestamp of a leg.

    They follow the clock, so that a worker that was started again goes on where the one before
    would be: the engine sees a loss, no new stream.
    """
    return int(now * 1000 / ptime_ms) & 0xFFFF, int(now * codec.clock_hz) & 0xFFFFFFFF
