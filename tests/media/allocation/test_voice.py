"""Voices against the table of docs/line.md: bytes of IP, and what they take of real lines."""

import pytest

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.allocation.voice import extension_bytes, protection_bytes, voice
from sfu.model import Codec, Framing, Keys, SrtpSuite

ATM_PPPOE = Encapsulation(Framing.ATM, 40)


def keys(suite: SrtpSuite, mki: bytes = b"") -> Keys:
    return Keys(suite, bytes(suite.key_bytes), bytes(suite.salt_bytes), mki)


@pytest.mark.parametrize(
    ("codec", "ptime_ms", "headers", "bps", "line_bps"),
    [
        (Codec.G722, 20, 0, 0, 106_000),
        (Codec.PCMA, 40, 0, 0, 95_400),
        (Codec.G722, 60, 0, 0, 84_800),
        (Codec.G722, 20, 10, 0, 127_200),
        (Codec.OPUS, 20, 22, 24_000, 84_800),
        (Codec.OPUS, 40, 22, 24_000, 53_000),
        (Codec.OPUS, 20, 22, 16_000, 63_600),
    ],
)
def test_a_voice_costs_what_the_table_says(codec, ptime_ms, headers, bps, line_bps):
    sound = voice(codec, ptime_ms, headers_bytes=headers, opus_bps=bps)
    assert ATM_PPPOE.line_bps(sound.ip_bytes, sound.packets_per_s) == pytest.approx(
        line_bps, rel=0.001
    )


def test_ipv6_costs_twenty_bytes_more():
    assert voice(Codec.G722, ipv6=True).ip_bytes - voice(Codec.G722).ip_bytes == 20


@pytest.mark.parametrize(
    ("suite", "size"),
    [
        (SrtpSuite.AES_CM_128_HMAC_SHA1_80, 10),
        (SrtpSuite.AES_CM_128_HMAC_SHA1_32, 4),
        (SrtpSuite.AES_256_CM_HMAC_SHA1_80, 10),
        (SrtpSuite.AEAD_AES_256_GCM, 16),
    ],
)
def test_a_suite_adds_its_tag(suite, size):
    assert protection_bytes(keys(suite)) == size
    assert protection_bytes(keys(suite, b"1234")) == size + 4
    assert protection_bytes(None) == 0


def test_extensions_fill_whole_words():
    assert extension_bytes([]) == 0
    assert extension_bytes([1]) == 8  # the head, then one element and two bytes of padding
    assert extension_bytes([1, 2, 3]) == 4 + 12
