"""The mixer in virtual time: who hears whom, what is shared, what costs nothing."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.mix import FRAME, g711
from sfu.model import Codec, Ssrc
from sfu.worker import prompt
from sfu.worker.input import parse
from sfu.worker.mixer import Mixer
from sfu.worker.protocol import (
    PAYLOAD_TYPES,
    Alive,
    CloseInput,
    CloseLeg,
    Delays,
    KeyHeard,
    LevelsMeasured,
    PlayTone,
    SetInput,
    SetLeg,
    Speak,
    Spoken,
)
from tests.media.mix.sounds import strength, tone

HEADER = struct.Struct(">BBHII")


class Desk:
    """A mixer, its clock, and speakers of A-law tones."""

    def __init__(self):
        self.mixer = Mixer()
        self.now = 1000.0
        self.count = 0
        self.sent: dict[int, list[bytes]] = {}
        self.reports = []

    def order(self, *orders):
        for one in orders:
            self.mixer.apply(one, self.now)

    def leg(self, ssrc, codec, *inputs, ptime_ms=20, max_bps=0):
        self.order(SetLeg(ssrc, Ssrc(ssrc), codec, ptime_ms, frozenset(map(Ssrc, inputs)), max_bps))

    def run(self, frames, tones=None, kind=8):
        """Let time pass in 20 ms steps while some inputs sound."""
        for _ in range(frames):
            for ssrc, hz in (tones or {}).items():
                wave = tone(hz * 2, 160, 160 * self.count, 6000)
                header = HEADER.pack(0x80, kind, self.count & 0xFFFF, self.count * 160, ssrc)
                self.mixer.receive(header + g711.encode(g711.ALAW_ENCODE, wave), self.now)
            self.now += 0.02
            self.count += 1
            for packet in self.mixer.tick(self.now):
                self.sent.setdefault(HEADER.unpack_from(packet)[4], []).append(packet)
            self.reports += self.mixer.reports()

    def heard(self, ssrc, last=25):
        """Return the last samples of a leg of A-law, 8 kHz."""
        return g711.decode(
            g711.ALAW_DECODE, b"".join(packet[12:] for packet in self.sent[ssrc][-last:])
        )

    def strength(self, ssrc, hz):
        return strength(self.heard(ssrc), hz, 8000)


@pytest.fixture
def desk():
    desk = Desk()
    desk.order(*(SetInput(Ssrc(n)) for n in (1, 2, 3)))
    return desk


def test_a_room_of_three(desk):
    for own in (1, 2, 3):
        desk.leg(100 + own, Codec.PCMA, *({1, 2, 3} - {own}))
    tones = {1: 400, 2: 700, 3: 1100}
    desk.run(40, tones)
    for own in tones:
        for other, hz in tones.items():
            if other == own:
                assert desk.strength(100 + own, hz) < 80  # what A-law adds by itself
            else:
                assert desk.strength(100 + own, hz) == pytest.approx(6000, rel=0.1)


def test_two_rooms_in_one_worker_do_not_hear_each_other(desk):
    desk.leg(101, Codec.PCMA, 1)
    desk.leg(102, Codec.PCMA, 2)
    desk.run(40, {1: 400, 2: 700})
    assert desk.strength(101, 400) > 5000
    assert desk.strength(101, 700) < 40
    assert desk.strength(102, 400) < 40


def test_legs_that_hear_the_same_share_an_encoder_and_the_octets(desk):
    desk.leg(101, Codec.G722, 1, 2)
    desk.leg(102, Codec.G722, 2, 1)
    desk.leg(103, Codec.G722, 1)
    desk.run(20, {1: 400, 2: 700})
    payloads = [[packet[12:] for packet in desk.sent[ssrc]] for ssrc in (101, 102, 103)]
    assert payloads[0] == payloads[1] != payloads[2]
    assert len(desk.mixer._streams) == 2


def test_a_newcomer_takes_no_encoders_memory_away(desk):
    desk.leg(101, Codec.G722, 1)
    desk.run(10, {1: 400})
    before = next(iter(desk.mixer._streams.values()))
    desk.leg(101, Codec.G722, 1, 2)
    desk.run(1, {1: 400})
    assert list(desk.mixer._streams.values()) == [before]
    numbers = [HEADER.unpack_from(packet)[2] for packet in desk.sent[101]]
    assert numbers == list(range(numbers[0], numbers[0] + 11))


def test_who_is_silent_is_decoded_by_nobody_and_heard_as_silence(desk):
    desk.leg(101, Codec.PCMA, 1, 2)
    desk.run(60)
    assert len(desk.sent[101]) == 60
    assert abs(desk.heard(101).astype(int)).max() <= 8
    assert all(source._decoder is None for source in desk.mixer._inputs.values())
    assert not any(isinstance(report, LevelsMeasured) for report in desk.reports)


def test_an_input_that_dies_is_silent_after_a_moment_and_reported_no_more(desk):
    desk.leg(101, Codec.PCMA, 1)
    desk.run(30, {1: 400})
    desk.run(60)
    assert abs(desk.heard(101).astype(int)).max() <= 8
    levels = [report for report in desk.reports if isinstance(report, LevelsMeasured)]
    assert levels[-1] == LevelsMeasured(())
    assert [ssrc for ssrc, _ in levels[0].levels] == [1]
    assert any(level == 18 for report in levels for _, level in report.levels)


def test_closing_an_input_takes_it_out_of_every_mix(desk):
    desk.leg(101, Codec.PCMA, 1, 2)
    desk.run(30, {1: 400, 2: 700})
    desk.order(CloseInput(Ssrc(1)))
    desk.run(40, {1: 400, 2: 700})
    assert desk.strength(101, 400) < 40
    assert desk.strength(101, 700) > 5000


def test_an_input_may_change_its_codec_in_mid_stream(desk):
    desk.leg(101, Codec.PCMA, 1)
    desk.run(20, {1: 400}, kind=PAYLOAD_TYPES[Codec.PCMU])
    desk.run(40, {1: 400}, kind=PAYLOAD_TYPES[Codec.PCMA])
    assert desk.strength(101, 400) == pytest.approx(6000, rel=0.1)


def test_comfort_noise_is_silence(desk):
    desk.leg(101, Codec.PCMA, 1)
    desk.run(30, {1: 400}, kind=PAYLOAD_TYPES[Codec.CN])
    assert abs(desk.heard(101).astype(int)).max() <= 8


def test_a_tone_is_heard_by_its_leg_alone_though_it_shares_its_mix(desk):
    desk.leg(101, Codec.PCMA, 1, 2)
    desk.leg(102, Codec.PCMA, 1, 2)
    desk.order(PlayTone(101, "pin"), PlayTone(102, "no such tone"))
    desk.run(5)
    beeped = strength(desk.heard(101, 5), 880, 8000)
    assert beeped > 1500
    assert abs(desk.heard(102, 5).astype(int)).max() <= 8
    desk.run(60)
    assert len(desk.mixer._streams) == 1
    assert len(desk.sent[101]) == len(desk.sent[102])


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("codec", [Codec.OPUS, Codec.G722, Codec.PCMU])
def test_each_ptime_keeps_a_continuous_timeline(desk, ptime_ms, codec):
    desk.leg(101, codec, 1, ptime_ms=ptime_ms)
    desk.run(30)
    sent = 20 if codec is Codec.OPUS and ptime_ms == 30 else ptime_ms
    headers = [HEADER.unpack_from(packet) for packet in desk.sent[101]]
    assert len(headers) == 600 // sent
    step = codec.clock_hz * sent // 1000
    assert [h[3] for h in headers] == [headers[0][3] + step * n for n in range(len(headers))]
    assert [h[1] >> 7 for h in headers] == [1] + [0] * (len(headers) - 1)


def test_after_a_standstill_the_timeline_jumps_with_the_clock(desk):
    desk.leg(101, Codec.PCMU, 1)
    desk.run(1)
    desk.mixer.skip(50)
    desk.run(1)
    first, second = (HEADER.unpack_from(packet) for packet in desk.sent[101])
    assert second[3] - first[3] == 160 * 51
    assert second[1] >> 7 == 1


def test_a_restarted_worker_goes_on_where_the_clock_is(desk):
    desk.leg(101, Codec.PCMU, 1)
    desk.run(50)
    other = Desk()
    other.now = desk.now + 0.2
    other.leg(101, Codec.PCMU, 1)
    other.run(1)
    last, first = (HEADER.unpack_from(one.sent[101][-1]) for one in (desk, other))
    assert 10 <= (first[2] - last[2]) & 0xFFFF <= 12
    assert 1600 <= (first[3] - last[3]) & 0xFFFFFFFF <= 1920


def test_reports_tell_delay_and_life_each_second(desk):
    desk.leg(101, Codec.PCMA, 1)
    desk.run(100, {1: 400})
    delays = [report for report in desk.reports if isinstance(report, Delays)]
    assert len(delays) == 2
    assert 20 <= dict(delays[-1].legs)[101] <= 60
    assert sum(isinstance(report, Alive) for report in desk.reports) == 2


def test_with_no_leg_and_no_input_the_mixer_rests(desk):
    desk.leg(101, Codec.PCMA, 1)
    assert not desk.mixer.resting
    desk.order(CloseLeg(101), *(CloseInput(Ssrc(n)) for n in (1, 2, 3)))
    assert desk.mixer.resting
    assert not desk.mixer._streams


@settings(max_examples=60)
@given(st.binary(max_size=64), st.integers(0, 255))
def test_no_datagram_upsets_the_mixer(tail, flags):
    desk = Desk()
    desk.order(SetInput(Ssrc(1)))
    desk.leg(101, Codec.PCMA, 1)
    for kind in (8, 9, 13, 111, 127):
        desk.mixer.receive(bytes([flags, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) + tail, desk.now)
        desk.mixer.receive(tail, desk.now)
    desk.run(4)
    assert len(desk.sent[101]) == 4


def test_a_packet_with_csrcs_an_extension_and_padding_is_read():
    datagram = HEADER.pack(0xB1, 0x88, 7, 8, 9) + bytes(4) + b"\xbe\xde\x00\x01" + bytes(4)
    packet = parse(datagram + b"sound" + b"\x00\x00\x03")
    assert (packet.ssrc, packet.payload_type, packet.sequence, packet.timestamp) == (9, 8, 7, 8)
    assert packet.payload == b"sound"


def test_the_frame_of_an_input_is_20_ms_whatever_it_sent():
    assert FRAME == 320
    desk = Desk()
    desk.order(SetInput(Ssrc(1)))
    for n in range(10):
        header = HEADER.pack(0x80, 8, n, 240 * n, 1)
        desk.mixer.receive(header + bytes([0xD5]) * 240, desk.now + 0.03 * n)
    frame = desk.mixer._inputs[Ssrc(1)].pull(desk.now + 0.3)
    assert frame is not None
    assert frame.shape == (FRAME,)
    assert np.abs(frame).max() <= 16


def of(desk, kind):
    return [one for one in desk.reports if isinstance(one, kind)]


def test_prompts_are_said_behind_the_tone_and_their_end_is_told_once(desk):
    desk.leg(101, Codec.PCMA)
    desk.leg(102, Codec.PCMA)
    desk.order(PlayTone(101, "pin"), Speak(101, ("fr/welcome", "en/welcome")))
    ticks = len(prompt.speech(("fr/welcome", "en/welcome"))) // FRAME
    desk.run(ticks)
    assert of(desk, Spoken) == []
    assert np.abs(desk.heard(101, ticks)).max() > 5000
    assert np.abs(desk.heard(102, ticks)).max() < 20
    desk.run(80)
    assert of(desk, Spoken) == [Spoken(101)]
    assert np.abs(desk.heard(101)).max() < 20
    assert len(desk.mixer._streams) == 1


def test_what_is_cut_off_is_silent_at_once_and_its_end_not_told(desk):
    desk.leg(101, Codec.PCMA)
    desk.order(Speak(101, ("fr/number",)))
    desk.run(30)
    desk.order(Speak(101, ()))
    desk.run(50)
    assert np.abs(desk.heard(101)).max() < 20
    assert of(desk, Spoken) == []


def test_prompts_nobody_knows_end_at_once(desk):
    desk.leg(101, Codec.PCMA)
    desk.order(Speak(101, ("xx/nothing",)), Speak(999, ("fr/number",)))
    desk.run(2)
    assert of(desk, Spoken) == [Spoken(101)]


def dial(desk, keys):
    """Press keys as tones on input 1, 100 ms each."""
    for key in keys:
        place = "123A456B789C*0#D".index(key)
        low, high = (697, 770, 852, 941)[place // 4], (1209, 1336, 1477, 1633)[place % 4]
        for number in range(10):
            time = np.arange(number * 160, number * 160 + 160) / 8000
            wave = 4000 * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time))
            wave = (wave if number < 5 else 0 * wave).astype(np.int16)
            header = HEADER.pack(0x80, 8, desk.count & 0xFFFF, desk.count * 160, 1)
            desk.mixer.receive(header + g711.encode(g711.ALAW_ENCODE, wave), desk.now)
            desk.run(1)


def test_keys_pressed_as_tones_are_told_and_muted(desk):
    desk.order(SetInput(Ssrc(1), keys=True))
    desk.leg(101, Codec.PCMA, 1)
    dial(desk, "42#")
    desk.run(20)
    assert of(desk, KeyHeard) == [KeyHeard(Ssrc(1), key) for key in "42#"]
    loud = sum(np.abs(g711.decode(g711.ALAW_DECODE, one[12:])).max() > 500
               for one in desk.sent[101])  # fmt: skip
    assert loud <= 3 * 2  # of 15 packets of tones: what sounds before a key is known


def test_keys_are_told_only_where_they_are_looked_for(desk):
    desk.leg(101, Codec.PCMA, 1)
    dial(desk, "42")
    desk.order(SetInput(Ssrc(1), keys=True), SetInput(Ssrc(1)))
    dial(desk, "42")
    assert of(desk, KeyHeard) == []
    assert desk.strength(101, 770) > 500


def test_the_mix_of_one_leg_takes_less_while_another_has_it_whole():
    desk = Desk()
    desk.order(SetInput(Ssrc(7)))
    desk.leg(1, Codec.OPUS, 7)
    desk.leg(2, Codec.OPUS, 7, max_bps=12_000)
    desk.leg(3, Codec.PCMA, 7, max_bps=12_000)
    desk.leg(4, Codec.PCMA, 7)
    desk.run(60, {7: 400})
    whole, thin = (sum(map(len, desk.sent[leg][10:])) for leg in (1, 2))
    assert thin < whole
    assert len(desk.mixer._streams) == 3  # what is no Opus has one rate and is shared
    before = len(desk.sent[2])
    desk.leg(2, Codec.OPUS, 7)
    desk.run(20, {7: 400})
    assert len(desk.sent[2]) == before + 20
    assert desk.sent[2][-1][12:] == desk.sent[1][-1][12:]
