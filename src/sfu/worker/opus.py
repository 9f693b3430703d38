"""Opus by libopus itself, which PyAV's wheel carries: 16 kHz, mono, with loss hidden.

libopus decodes at whatever rate is asked for, makes up a lost frame from its own state, and
takes the copy of a lost frame out of the next packet (in-band FEC, RFC 6716 section 2.1.7).
PyAV's own face of it has none of the three.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from cffi import FFI  # type: ignore[import-untyped]

from sfu.media.mix import FRAME, RATE_HZ, Samples

BITRATE: Final = 24_000
EXPECTED_LOSS: Final = 5
"""Per cent: above 0 the encoder puts FEC in."""

_VOIP: Final = 2048
_SET_BITRATE: Final = 4002
_SET_COMPLEXITY: Final = 4010
_SET_INBAND_FEC: Final = 4012
_SET_PACKET_LOSS_PERC: Final = 4014
_MOST_OCTETS: Final = 1275
_MOST_SAMPLES: Final = RATE_HZ * 120 // 1000

_ffi = FFI()
_ffi.cdef(
    """
typedef struct OpusEncoder OpusEncoder;
typedef struct OpusDecoder OpusDecoder;
OpusEncoder *opus_encoder_create(int32_t rate, int channels, int application, int *error);
int opus_encoder_ctl(OpusEncoder *encoder, int request, ...);
int32_t opus_encode(OpusEncoder *encoder, const int16_t *pcm, int samples,
                    unsigned char *data, int32_t octets);
void opus_encoder_destroy(OpusEncoder *encoder);
OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
int opus_decode(OpusDecoder *decoder, const unsigned char *data, int32_t octets,
                int16_t *pcm, int samples, int fec);
void opus_decoder_destroy(OpusDecoder *decoder);
"""
)


@cache
def _library() -> Any:
    """Open the wheel's libopus, or the system's."""
    bundled = Path(av.__file__).parent.parent / "av.libs"
    found = sorted(str(path) for path in bundled.glob("libopus-*.so*"))
    return _ffi.dlopen(found[0] if found else "libopus.so.0")


class OpusEncoder:
    """One stream sent; `complexity` 0 to 10 trades quality for time."""

    def __init__(self, complexity: int, bps: int = BITRATE) -> None:
        """Open an encoder for speech, of so many bit/s."""
        opus, error = _library(), _ffi.new("int *")
        self._encoder = _ffi.gc(
            opus.opus_encoder_create(RATE_HZ, 1, _VOIP, error), opus.opus_encoder_destroy
        )
        assert error[0] == 0
        self._out = _ffi.new("unsigned char[]", _MOST_OCTETS)
        self._encode = opus.opus_encode
        self._set(_SET_BITRATE, bps)
        self._set(_SET_COMPLEXITY, complexity)
        self._set(_SET_INBAND_FEC, 1)
        self._set(_SET_PACKET_LOSS_PERC, EXPECTED_LOSS)

    def _set(self, request: int, value: int) -> None:
        status = _library().opus_encoder_ctl(self._encoder, request, _ffi.cast("int", value))
        assert status == 0

    def encode(self, samples: Samples) -> bytes:
        """Return the payload of 10, 20, 40 or 60 ms."""
        pcm = _ffi.from_buffer("int16_t[]", np.ascontiguousarray(samples))
        size = self._encode(self._encoder, pcm, len(samples), self._out, _MOST_OCTETS)
        assert size > 0
        return bytes(_ffi.buffer(self._out, size))


class OpusDecoder:
    """One stream received; stereo comes out as mono."""

    def __init__(self) -> None:
        """Open a decoder."""
        opus, error = _library(), _ffi.new("int *")
        self._decoder = _ffi.gc(
            opus.opus_decoder_create(RATE_HZ, 1, error), opus.opus_decoder_destroy
        )
        assert error[0] == 0
        self._decode = opus.opus_decode
        self._pcm: Samples = np.zeros(_MOST_SAMPLES, dtype=np.int16)
        self._out = _ffi.from_buffer("int16_t[]", self._pcm)

    def decode(self, payload: bytes) -> Samples:
        """Return a payload's samples; of a broken one what libopus makes up for it."""
        size = self._decode(self._decoder, payload, len(payload), self._out, _MOST_SAMPLES, 0)
        return self._pcm[:size].copy() if size > 0 else self.lost(FRAME, None)

    def lost(self, count: int, following: bytes | None) -> Samples:
        """Make up `count` samples, a multiple of 40, by FEC from the next packet if it is there."""
        size = -1
        if following:
            size = self._decode(self._decoder, following, len(following), self._out, count, 1)
        if size <= 0:
            size = self._decode(self._decoder, _ffi.NULL, 0, self._out, count, 0)
        return self._pcm[:size].copy() if size > 0 else np.zeros(count, dtype=np.int16)
