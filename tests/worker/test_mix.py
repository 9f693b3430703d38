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
from sfu.worker.protocol import (
    PAYLOAD_TYPES,
    Alive,
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

HEADER = struct.Struct(">BBHII")
PARTY = {Codec.G722: 500.0, Codec.OPUS: 900.0, Codec.PCMA: 1300.0}
"""Who speaks what, and at which pitch."""


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
        self.media.settimeout(5)
        self.lines = Lines()
        self.reports = []
        self.received = defaultdict(list)

    def say(self, *orders):
        self.control.sendall(b"".join(map(encode, orders)))

    def listen(self, until):
        """Read media until `until()` holds, reports as they come; 5 s at most."""
        end = time.monotonic() + 5
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
        assert self.process.wait(5) == 0
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


def speak(worker: Process, frames: int) -> None:
    """Send everybody's tone in real time, hearing what comes back meanwhile."""
    encoders = [encoder(codec, 20, 5) for codec in PARTY]
    began = time.monotonic()
    for frame in range(frames):
        for index, (codec, hz) in enumerate(PARTY.items()):
            payload = encoders[index].encode(tone(hz, 320, 320 * frame, 6000))
            stamp = frame * codec.clock_hz // 50
            header = HEADER.pack(0x80, PAYLOAD_TYPES[codec], frame, stamp, index + 1)
            worker.media.send(header + payload)
        worker.listen(lambda due=began + 0.02 * frame: time.monotonic() >= due)


def heard(packets: list[bytes], codec: Codec) -> Samples:
    decode = decoder(codec).decode
    return np.concatenate([decode(packet[12:]) for packet in packets])


def test_everybody_hears_the_others_and_never_itself(worker):
    party(worker)
    worker.listen(lambda: all(worker.received[101 + index] for index in range(3)))
    speak(worker, 50)
    for index, (codec, own) in enumerate(PARTY.items()):
        sound = heard(worker.received[101 + index], codec)[-8000:]
        for hz in PARTY.values():
            if hz == own:
                assert strength(sound, hz) < 60
            else:
                assert 4500 < strength(sound, hz) < 7500
    levels = [report.levels for report in worker.reports if isinstance(report, LevelsMeasured)]
    assert all(15 <= level <= 20 for _, level in levels[-1])
    assert {ssrc for ssrc, _ in levels[-1]} == {1, 2, 3}
    worker.listen(lambda: any(isinstance(report, Alive) for report in worker.reports))
    delays = [report.legs for report in worker.reports if isinstance(report, Delays)]
    assert all(20 <= ms <= 80 for _, ms in delays[-1])


def test_a_leg_alone_still_gets_fifty_packets_a_second_without_a_seam(worker):
    worker.say(SetLeg(1, Ssrc(77), Codec.PCMU, 20, frozenset()))
    worker.listen(lambda: len(worker.received[77]) >= 5)
    began = time.monotonic()
    worker.listen(lambda: len(worker.received[77]) >= 20)
    assert 0.2 < time.monotonic() - began < 0.5
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
