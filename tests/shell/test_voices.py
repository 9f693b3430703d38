"""The sounds of a member, from its descriptions: what its line must keep for speech."""

from dataclasses import replace

import pytest

from sfu.media.allocation.budget import Sound
from sfu.shell.voices import of_browser, of_codec
from sfu.signalling.webrtc.offer import ExtensionIds
from tests.shell.stage import stage


@pytest.fixture
def audio():
    with stage() as house:
        house.ring(1)
        agreement = house.leg(1).media.agreement
        assert agreement is not None
        yield agreement.audio


def test_a_codec_has_the_mix_and_its_own_voice(audio):
    voices = of_codec(audio, 20, None, ipv6=False)
    assert voices.down == voices.up == (Sound(200, 50.0),)
    assert (voices.forwarded, voices.headers_down) == (None, 40)


def test_a_codec_on_hold_is_sent_nothing(audio):
    held = replace(audio, may_send=False)
    voices = of_codec(held, 20, None, ipv6=False)
    assert (voices.down, len(voices.up)) == ((), 1)


def test_packets_of_forty_ms_and_ipv6_are_counted(audio):
    voices = of_codec(audio, 40, None, ipv6=True)
    assert voices.down == (Sound(380, 25.0),)
    assert voices.headers_down == 60


def test_a_codec_without_sound_costs_none():
    voices = of_codec(None, 20, None, ipv6=False)
    assert (voices.down, voices.up) == ((), ())


def test_a_browser_is_counted_with_its_extensions_and_its_keys():
    ids = ExtensionIds(mid=1, audio_level=2, transport_cc=3, abs_send_time=4)
    voices = of_browser(ids, hears_mix=False, ipv6=False)
    assert (voices.down, voices.up) == ((), (voices.forwarded,))
    # 28 of UDP, 12 of RTP, 16 of extensions, 80 of Opus, 16 of GCM
    assert voices.forwarded == Sound(28 + 12 + 16 + 80 + 16, 50.0)
    mixed = of_browser(ids, hears_mix=True, ipv6=False)
    assert mixed.down == (Sound(28 + 12 + 16 + 60 + 16, 50.0),)
