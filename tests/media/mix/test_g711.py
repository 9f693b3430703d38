"""G.711 by table against FFmpeg's."""

import av
import numpy as np
import pytest

from sfu.media.mix import g711

LAWS = [
    ("pcm_alaw", g711.ALAW_DECODE, g711.ALAW_ENCODE),
    ("pcm_mulaw", g711.MULAW_DECODE, g711.MULAW_ENCODE),
]


@pytest.mark.parametrize(("name", "decoding", "encoding"), LAWS)
def test_all_codes_decode_as_ffmpeg_does(name, decoding, encoding):
    context = av.CodecContext.create(name, "r")
    context.format, context.layout, context.sample_rate = "s16", "mono", 8000
    codes = bytes(range(256))
    theirs = np.frombuffer(bytes(context.decode(av.Packet(codes))[0].planes[0]), np.int16)[:256]
    assert (g711.decode(decoding, codes) == theirs).all()


@pytest.mark.parametrize(("name", "decoding", "encoding"), LAWS)
def test_encoding_takes_the_nearest_value(name, decoding, encoding):
    samples = np.arange(-32768, 32768, dtype=np.int32)
    ours = g711.decode(decoding, g711.encode(encoding, samples.astype(np.int16))).astype(int)
    values = np.unique(decoding.astype(int))
    place = np.clip(np.searchsorted(values, samples), 1, len(values) - 1)
    best = np.minimum(abs(values[place] - samples), abs(values[place - 1] - samples))
    assert (abs(ours - samples) == best).all()
