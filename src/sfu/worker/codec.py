"""Payload to 16 kHz samples and back, the same face for every codec."""

from typing import Final, Protocol

import av
import numpy as np

from sfu.media.mix import RATE_HZ, Samples, g711
from sfu.media.mix.conceal import Concealer
from sfu.media.mix.resample import Doubler, Halver
from sfu.model import Codec
from sfu.worker.opus import BITRATE, OpusDecoder, OpusEncoder

SETTLED: Final = 10
"""After this many silent payloads an encoder has settled: the last one says silence for ever."""


class Decoder(Protocol):
    """A stream received."""

    def decode(self, payload: bytes) -> Samples:
        """Return a payload's samples."""

    def lost(self, count: int, following: bytes | None) -> Samples:
        """Make up samples; `following` is the next payload if it is there already."""


class Encoder(Protocol):
    """A stream sent."""

    def encode(self, samples: Samples) -> bytes:
        """Return the payload of one ptime."""


class _G711Decoder:
    def __init__(self, table: Samples) -> None:
        self._table, self._double, self._conceal = table, Doubler(), Concealer()

    def decode(self, payload: bytes) -> Samples:
        return self._conceal.heard(self._double(g711.decode(self._table, payload)))

    def lost(self, count: int, following: bytes | None) -> Samples:
        return self._conceal.lost(count)


class _G722Decoder:
    """A lost frame leaves the predictor as it was: it finds back sooner than from nothing."""

    def __init__(self) -> None:
        self._context = av.CodecContext.create("g722", "r")
        _describe(self._context)
        self._conceal = Concealer()

    def decode(self, payload: bytes) -> Samples:
        frames = self._context.decode(av.Packet(payload))
        parts = [np.frombuffer(bytes(frame.planes[0]), np.int16, frame.samples) for frame in frames]
        return self._conceal.heard(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def lost(self, count: int, following: bytes | None) -> Samples:
        return self._conceal.lost(count)


class _G722Encoder:
    def __init__(self, ptime_ms: int) -> None:
        self._context = av.CodecContext.create("g722", "w")
        _describe(self._context)
        size = RATE_HZ * ptime_ms // 1000
        self._context.options = {"frame_size": str(size)}
        self._context.open()
        self._frame = av.AudioFrame("s16", "mono", size)
        self._frame.sample_rate = RATE_HZ

    def encode(self, samples: Samples) -> bytes:
        self._frame.planes[0].update(samples.tobytes())
        self._frame.pts = None
        return b"".join(bytes(packet) for packet in self._context.encode(self._frame))


class _G711Encoder:
    def __init__(self, codec: Codec) -> None:
        self._table = g711.ALAW_ENCODE if codec is Codec.PCMA else g711.MULAW_ENCODE
        self._halve = Halver()

    def encode(self, samples: Samples) -> bytes:
        return g711.encode(self._table, self._halve(samples))


class Thrifty:
    """Spends nothing on silence that has lasted: old codecs want their 50 packets a second."""

    def __init__(self, encoder: Encoder) -> None:
        """Start with an encoder that has heard nothing."""
        self._encoder = encoder
        self._silent = 0
        self._last = b""

    def encode(self, samples: Samples) -> bytes:
        """Return the payload of one ptime."""
        if samples.any():
            self._silent = 0
        elif self._silent >= SETTLED:
            return self._last
        else:
            self._silent += 1
        self._last = self._encoder.encode(samples)
        return self._last


def _describe(context: "av.AudioCodecContext") -> None:
    context.format = "s16"
    context.layout = "mono"
    context.sample_rate = RATE_HZ


def decoder(codec: Codec) -> Decoder:
    """Open a decoder."""
    match codec:
        case Codec.OPUS:
            return OpusDecoder()
        case Codec.G722:
            return _G722Decoder()
        case Codec.PCMA:
            return _G711Decoder(g711.ALAW_DECODE)
        case Codec.PCMU:
            return _G711Decoder(g711.MULAW_DECODE)
        case _:
            raise AssertionError(codec)


def encoder(codec: Codec, ptime_ms: int, complexity: int, opus_bps: int = BITRATE) -> Encoder:
    """Open an encoder that is cheap while it hears silence; `complexity` is for Opus."""
    match codec:
        case Codec.OPUS:
            return Thrifty(OpusEncoder(complexity, opus_bps))
        case Codec.G722:
            return Thrifty(_G722Encoder(ptime_ms))
        case Codec.PCMA | Codec.PCMU:
            return Thrifty(_G711Encoder(codec))
        case _:
            raise AssertionError(codec)
