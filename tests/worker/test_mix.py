"""The mix worker as a real process, spoken to over its two sockets only."""

import socket
import struct
import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from sfu.media.mix import Samples
from sfu.model import Codec, Ssrc
from sfu.worker.codec import decoder, encoder
from sfu.worker.mix import Beat
from sfu.worker.protocol import (
    PAYLOAD_TYPES,
    CloseLeg,
    Delays,
    LevelsMeasured,
    Lines,
    PlayTone,
    SetInput,
    SetLeg,
    encode,
)
from tests.media.mix.sounds import strength, tone

pytestmark = pytest.mark.machine

HEADER = struct.Struct(">BBHII")
PARTY = {Codec.G722: 500.0, Codec.OPUS: 900.0, Codec.PCMA: 1300.0}
"""Who speaks what, and at which pitch."""
PATIENCE_S = 20.0
"""Of a machine with other things to do."""


class Process:
    """A worker and our ends of its sockets."""

    def __init__(self):
        self.media, media = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        numbers = [media.fileno(), control.fileno()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sfu.worker.mix", *map(str, numbers)], pass_fds=numbers
        )
        media.close()
        control.close()
        self.media.settimeout(PATIENCE_S)
        self.lines = Lines()
        self.reports = []
        self.received = defaultdict(list)

    def say(self, *orders):
        self.control.sendall(b"".join(map(encode, orders)))

    def listen(self, until):
        """Read media until `until()` holds, reports as they come."""
        end = time.monotonic() + PATIENCE_S
        while not until():
            assert time.monotonic() < end, "the worker did not do it in time"
            packet = self.media.recv(2048)
            self.received[HEADER.unpack_from(packet)[4]].append(packet)
            while True:
                try:
                    data = self.control.recv(1 << 16, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                self.reports += self.lines.feed(data)

    def close(self):
        self.control.close()
        assert self.process.wait(PATIENCE_S) == 0
        self.media.close()


@pytest.fixture
def worker():
    process = Process()
    yield process
    process.close()


def party(worker: Process) -> None:
    """Everybody hears the others: inputs 1, 2, 3 and legs 101, 102, 103."""
    ssrcs = [Ssrc(number) for number in range(1, len(PARTY) + 1)]
    worker.say(*map(SetInput, ssrcs))
    for own, codec in zip(ssrcs, PARTY, strict=True):
        others = frozenset(ssrcs) - {own}
        worker.say(SetLeg(own, Ssrc(100 + own), codec, 20, others))


def speak(worker: Process, until) -> None:
    """Send everybody's tone in real time until all is heard as it should be."""
    encoders = [encoder(codec, 20, 5) for codec in PARTY]
    began = time.monotonic()
    for frame in range(int(PATIENCE_S / 0.02)):
        for index, (codec, hz) in enumerate(PARTY.items()):
            payload = encoders[index].encode(tone(hz, 320, 320 * frame, 6000))
            stamp = frame * codec.clock_hz // 50
            header = HEADER.pack(0x80, PAYLOAD_TYPES[codec], frame, stamp, index + 1)
            worker.media.send(header + payload)
        worker.listen(lambda due=began + 0.02 * frame: time.monotonic() >= due)
        if frame % 10 == 0 and until():
            return
    raise AssertionError("nobody hears the others in time")


def heard(packets: list[bytes], codec: Codec) -> Samples:
    decode = decoder(codec).decode
    return np.concatenate([decode(packet[12:]) for packet in packets])


def test_everybody_hears_the_others_and_never_itself(worker):
    party(worker)
    worker.listen(lambda: all(worker.received[101 + index] for index in range(3)))
    strengths = {}

    def all_hear_the_others() -> bool:
        for index, codec in enumerate(PARTY):
            sound = heard(worker.received[101 + index][-30:], codec)[-6400:]
            strengths[codec] = {hz: strength(sound, hz) for hz in PARTY.values()}
        return all(
            3000 < size < 9000
            for codec, sizes in strengths.items()
            for hz, size in sizes.items()
            if hz != PARTY[codec]
        )

    def delays_are_told() -> bool:
        reports = [report.legs for report in worker.reports if isinstance(report, Delays)]
        return any(all(10 < ms <= 300 for _, ms in legs) for legs in reports)

    speak(worker, lambda: delays_are_told() and all_hear_the_others())
    assert all(strengths[codec][own] < 150 for codec, own in PARTY.items()), strengths
    levels = [report.levels for report in worker.reports if isinstance(report, LevelsMeasured)]
    loud = [{ssrc for ssrc, level in one if 15 <= level <= 20} for one in levels]
    assert {1, 2, 3} in loud


def test_a_leg_alone_still_gets_packets_without_a_seam(worker):
    worker.say(SetLeg(1, Ssrc(77), Codec.PCMU, 20, frozenset()))
    worker.listen(lambda: len(worker.received[77]) >= 20)
    headers = [HEADER.unpack_from(packet) for packet in worker.received[77]]
    assert [header[1] for header in headers] == [0x80] + [0] * (len(headers) - 1)
    steps = pairwise(headers)
    assert {((b[2] - a[2]) & 0xFFFF, (b[3] - a[3]) & 0xFFFFFFFF) for a, b in steps} == {(1, 160)}


def test_a_tone_reaches_one_leg_only(worker):
    for leg in (1, 2):
        worker.say(SetLeg(leg, Ssrc(leg), Codec.PCMA, 20, frozenset()))
    worker.say(PlayTone(1, "joined"))
    worker.listen(lambda: len(worker.received[2]) >= 10 and len(worker.received[1]) >= 10)
    beeped, other = (heard(worker.received[leg], Codec.PCMA) for leg in (1, 2))
    assert strength(beeped[:1600], 880) > 1500
    assert np.abs(other).max() <= 16  # A-law has no zero


def test_a_closed_leg_falls_silent_and_the_worker_ends_with_its_server(worker):
    for leg in (1, 2):
        worker.say(SetLeg(leg, Ssrc(leg), Codec.PCMA, 20, frozenset()))
    worker.listen(lambda: worker.received[1] and worker.received[2])
    worker.say(CloseLeg(1))
    worker.listen(lambda: len(worker.received[2]) >= 5)
    count = len(worker.received[1])
    worker.listen(lambda: len(worker.received[2]) >= 10)
    assert len(worker.received[1]) == count
    assert worker.process.poll() is None


def test_the_beat_never_drifts_however_late_it_is_looked_at():
    beat, ticks = Beat(0.0), 0
    for now in (0.019, 0.0205, 0.041, 0.095, 0.1, 0.1999, 0.2001):
        skipped, due = beat.passed(now)
        assert skipped == 0
        ticks += due
        assert ticks == int(now / 0.02 + 1e-9)


def test_after_a_standstill_one_tick_is_done_and_the_rest_left_out():
    beat = Beat(0.0)
    assert beat.passed(1.005) == (49, 1)
    assert beat.passed(1.015) == (0, 0)
    assert beat.passed(1.0201) == (0, 1)
