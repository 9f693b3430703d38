"""The length of a payload, read without decoding it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.errors import PeerError
from sfu.media.mix.span import MAX_S, ticks
from sfu.model import Codec


@pytest.mark.parametrize("ms", [10, 20, 40, 60])
def test_opus_tells_what_its_encoder_made(ms):
    import numpy as np

    from sfu.worker.opus import OpusEncoder

    payload = OpusEncoder(0).encode(np.zeros(16 * ms, dtype=np.int16))
    assert ticks(Codec.OPUS, payload) == 48 * ms


@pytest.mark.parametrize(
    ("payload", "span"),
    [(b"\xf8\xff\xfe", 960), (b"\x03\x03", 1440), (b"\x79\x00", 1920), (b"\xe2\x00", 240)],
)
def test_opus_of_each_shape(payload, span):
    assert ticks(Codec.OPUS, payload) == span


def test_an_octet_of_g711_and_of_g722_is_a_tick():
    assert ticks(Codec.G722, bytes(160)) == ticks(Codec.PCMA, bytes(160)) == 160


@given(st.sampled_from([Codec.OPUS, Codec.G722, Codec.PCMU]), st.binary(max_size=1300))
def test_any_payload_has_a_sane_length_or_is_refused(codec, payload):
    try:
        assert 0 < ticks(codec, payload) <= MAX_S * codec.clock_hz
    except PeerError:
        assert codec is Codec.OPUS or not 0 < len(payload) <= 960
