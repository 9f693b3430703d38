"""What comes up a line that a room codec sends on: a queue shows in the sounds behind it."""

from ipaddress import ip_network

import pytest

from sfu.config import Line
from sfu.media.engine.command import OpenTransport
from sfu.media.engine.snapshot import EngineRow, LineRow, Snapshot, SourceRow
from sfu.model import Address, Codec, Latch, SourceId, Ssrc
from sfu.shell.lines import Lines
from sfu.shell.upward import Upward
from tests.shell.stage import stage

TOWN = Line(
    site="town", up_bps=2_000_000, down_bps=2_000_000, networks=(ip_network("192.0.2.0/24"),)
)
SOUND, PICTURE = SourceId(501), SourceId(502)


class Way:
    """A room codec's path, a sound and a picture on it; time passes by 50 ms."""

    def __init__(self, house, *, feeds_back=False):
        self.bay = house.patchbay
        self.lines = Lines((TOWN,), ("town",), self.bay.new_line)
        (self.line,) = self.lines
        self.upward = Upward(self.bay)
        self.transport = self.bay.new_transport()
        socket = self.bay.open_socket(house.spare_fd())
        remote = Address("192.0.2.9", 9)
        self.bay.open_transport(
            OpenTransport(
                self.transport, socket, socket, remote, remote, Latch.FIXED, feeds_back,
                line=self.line.line,
            ),
            lambda event: None,
        )  # fmt: skip
        if feeds_back:
            self.bay._paths[self.transport].fed_back = True
        self.now, self.received = 0.0, 0

    def play(self, seconds, *, queue_s=lambda now: 0.0, bps=1_500_000, timestamp=None):
        """Let packets come, each of them later by the queue."""
        for _ in range(round(seconds * 20)):
            self.now += 0.05
            self.received += int(bps / 8 / 20)
            clock = timestamp if timestamp is not None else round(self.now * 8_000)
            arrived_us = round((self.now + queue_s(self.now)) * 1e6)
            self.tick(clock & 0xFFFFFFFF, arrived_us)

    def tick(self, timestamp, arrived_us, *, codecs=(Codec.PCMA, Codec.H264)):
        rows = {
            source: SourceRow(
                source,
                self.transport,
                Ssrc(7),
                codec,
                1,
                1,
                0,
                1,
                0,
                timestamp,
                arrived_us,
                0,
                127,
                0,
                0,
            )
            for source, codec in zip((SOUND, PICTURE), codecs, strict=False)
        }
        line = LineRow(self.line.line, 0, 0, self.received, 0, 0, 0, 0, 0)
        snapshot = Snapshot(
            EngineRow(1, False, 0, (), 0), sources=rows, lines={self.line.line: line}
        )
        self.upward.tick(self.lines, snapshot, {}, self.now)

    @property
    def estimate(self):
        return self.upward.of(self.line.line)


@pytest.fixture
def way():
    with stage() as house:
        yield Way(house)


def test_a_line_that_is_quiet_bears_what_was_configured(way):
    way.play(10)
    assert way.estimate.capacity_bps == 2_000_000
    assert not way.estimate.congested


def test_a_queue_that_grows_under_a_codec_is_seen_within_half_a_second(way):
    way.play(10)
    way.play(0.5, queue_s=lambda now: 0.4 * (now - 10))
    assert way.estimate.congested
    assert way.estimate.capacity_bps < 1_300_000
    assert way.estimate.queue_s > 0.05


def test_what_is_free_again_is_used_again(way):
    way.play(10)
    way.play(0.5, queue_s=lambda now: 0.4 * (now - 10), bps=1_000_000)
    way.play(2, bps=1_000_000)
    low = way.estimate.capacity_bps
    way.play(60, bps=1_900_000)
    assert low < 1_300_000
    assert way.estimate.capacity_bps == 2_000_000


def test_a_clock_that_stood_while_nothing_was_sent_is_no_queue(way):
    way.play(10)
    before = round(way.now * 8_000)
    way.now += 5
    for n in range(1, 100):
        way.now += 0.05
        way.received += 9_000
        way.tick(before + n * 400, round(way.now * 1e6))
    assert not way.estimate.congested


def test_a_timestamp_that_wraps_is_no_queue(way):
    start = (1 << 32) - 40_000
    for n in range(400):
        way.now += 0.05
        way.received += 9_000
        way.tick(start + n * 400 & 0xFFFFFFFF, round(way.now * 1e6))
    assert not way.estimate.congested
    assert way.estimate.capacity_bps == 2_000_000


def test_who_hears_of_each_packet_slows_down_by_himself():
    with stage() as house:
        way = Way(house, feeds_back=True)
        way.play(1)
        assert way.estimate is None


def test_a_line_nobody_shows_a_picture_from_is_left_alone(way):
    way.tick(0, 1_000, codecs=(Codec.PCMA,))
    assert way.estimate is None
