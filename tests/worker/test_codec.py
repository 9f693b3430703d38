"""Every codec there and back, over losses and over silence."""

import numpy as np
import pytest

from sfu.media.mix import FRAME
from sfu.model import Codec
from sfu.worker.codec import SETTLED, decoder, encoder
from tests.media.mix.sounds import strength, tone

CODECS = [Codec.OPUS, Codec.G722, Codec.PCMA, Codec.PCMU]
SILENT = np.zeros(FRAME, dtype=np.int16)


def frames(hz: float, first: int, last: int):
    return [tone(hz, FRAME, FRAME * n) for n in range(first, last)]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
def test_a_tone_comes_through(codec, ptime_ms):
    encode, decode = encoder(codec, ptime_ms, 5).encode, decoder(codec).decode
    whole = tone(600, 16 * 600)
    sound = [decode(encode(part)) for part in np.split(whole, 600 // ptime_ms)]
    assert len(np.concatenate(sound)) == len(whole)
    assert strength(np.concatenate(sound)[4000:], 600) == pytest.approx(8000, rel=0.2)


@pytest.mark.parametrize("codec", CODECS)
def test_a_lost_frame_is_filled_with_what_was_before(codec):
    encode, receive = encoder(codec, 20, 5).encode, decoder(codec)
    payloads = [encode(frame) for frame in frames(300, 0, 20)]
    for payload in payloads[:15]:
        receive.decode(payload)
    made = receive.lost(FRAME, payloads[16])
    assert len(made) == FRAME
    assert strength(made, 300) > 4000
    after = np.concatenate([receive.decode(payload) for payload in payloads[16:]])
    assert strength(after, 300) > 5000


@pytest.mark.parametrize("codec", CODECS)
def test_lasting_silence_is_said_by_the_same_octets_and_heard_as_silence(codec):
    encode, decode = encoder(codec, 20, 5).encode, decoder(codec).decode
    for frame in frames(600, 0, 10):
        decode(encode(frame))
    payloads = [encode(SILENT) for _ in range(SETTLED + 50)]
    assert len(set(payloads[SETTLED - 1 :])) == 1
    heard = [decode(payload) for payload in payloads]
    assert abs(np.concatenate(heard[SETTLED:]).astype(int)).max() <= 32


@pytest.mark.parametrize("codec", CODECS)
def test_after_lasting_silence_speech_comes_back_clean(codec):
    encode, decode = encoder(codec, 20, 5).encode, decoder(codec).decode
    for frame in [*frames(600, 0, 10), *[SILENT] * 200]:
        decode(encode(frame))
    sound = np.concatenate([decode(encode(frame)) for frame in frames(600, 0, 20)])
    assert strength(sound[1600:], 600) == pytest.approx(8000, rel=0.2)
    assert abs(sound.astype(int)).max() < 11_000


@pytest.mark.parametrize("codec", CODECS)
def test_any_octets_decode_to_something(codec):
    decode = decoder(codec).decode
    random = np.random.default_rng(1)
    for size in (1, 2, 40, 160, 400):
        assert decode(random.bytes(size)).dtype == np.int16


@pytest.mark.parametrize(("ptime_ms", "bps"), [(20, 24_000), (40, 16_000), (60, 12_000)])
def test_opus_keeps_to_the_rate_it_is_given(ptime_ms, bps):
    noise = np.random.default_rng(1).integers(-9000, 9000, 16 * 4800, dtype=np.int16)
    encode = encoder(Codec.OPUS, ptime_ms, 5, bps).encode
    sizes = [len(encode(part)) for part in np.split(noise, 4800 // ptime_ms)]
    mean_bps = 8000 * np.mean(sizes[10:]) / ptime_ms
    assert 0.7 * bps < mean_bps < 1.05 * bps
