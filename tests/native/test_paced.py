"""C against Python behind a line: what waits, leaves and is dropped is the same, to the byte."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.allocation.encapsulation import Encapsulation, ip_bytes
from sfu.media.engine.command import CloseSink, CloseSource, Probe, SetLine, SetRoute
from sfu.media.engine.event import SinkStarved
from sfu.media.engine.pacer import PictureClass
from sfu.media.rtp import packet as rtp
from sfu.model import Framing, Kind, LineId, SinkId, SourceId, Ssrc, TransportId
from tests.native.test_forward import (
    DELTA,
    G722,
    H264,
    IDR,
    PPS,
    RTX,
    SINKS,
    SOUND,
    SOURCES,
    SPS,
    VP8,
    Both,
    h264_payloads,
    join_late,
    joins,
    open_transport,
    packet,
    sink,
    source,
    stap,
    steps,
    vp8_payloads,
)
from tests.scenarios.line import AccessLine

LINE = LineId(1)
ALONE = LineId(2)
MAIN, THUMBNAIL, SLIDES = PictureClass.MAIN, PictureClass.THUMBNAIL, PictureClass.SLIDES
PPPOA = Encapsulation(Framing.ATM, 10)


@dataclass
class Behind(Both):
    """Two rooms behind one line, and a browser alone on another; time passes by deadlines."""

    rate_bps: int = 1_900_000
    starved: list[SinkStarved] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        for line in (LINE, ALONE):
            self.rate(line, self.rate_bps)
        for number in SINKS:
            line = ALONE if number == 13 else LINE
            self.apply(replace(open_transport(number), line=line))

    def hear(self) -> None:
        """Have transport 12 hear source 3, a microphone on transport 2."""
        voice = replace(source(3, Kind.AUDIO), transport=TransportId(2))
        room = replace(sink(12, Kind.AUDIO), sink=SinkId(SOUND), ssrc=Ssrc(SOUND))
        self.apply(voice, room)
        self.route(SOUND, 3)

    def rate(self, line: LineId, bps: int) -> None:
        self.apply(SetLine(line, bps, Framing.ATM, 10))

    def thin(self, sink: int, source: int, temporal: int) -> None:
        self.apply(SetRoute(SinkId(sink), SourceId(source), temporal))

    def feed(self, source: int, datagram: bytes, after_us: int = 0) -> None:
        self.now_us += after_us
        ours = self.stage.receive(source, datagram, self.now_us)
        self.compare(ours, self.python.forward(TransportId(source), datagram, self.now_us))

    def nack(self, sink: int, sequence: int) -> None:
        ssrc = (1000 + sink).to_bytes(4)
        compound = bytes.fromhex("81cd000300000001") + ssrc + sequence.to_bytes(2) + bytes(2)
        ours = self.stage.receive(sink, compound, self.now_us)
        at_once = self.python.resend(SinkId(sink), sequence, self.now_us)
        theirs = [] if at_once is None else [(SinkId(sink), at_once)]
        self.compare(ours, theirs + self.python.release(self.now_us))

    def pass_time(self, us: int, late_us: int = 0) -> None:
        """Let time pass, woken when both ask for it, or a little later."""
        until = self.now_us + us
        while True:
            deadline = self.python.deadline_us
            assert self.stage.deadline() == deadline
            if deadline is None or max(deadline, self.now_us) + late_us > until:
                break
            self.now_us = max(deadline, self.now_us) + late_us
            self.settle()
        self.now_us = until
        self.settle()

    def compare(self, ours: list[tuple[int, bytes]], theirs: list[tuple[SinkId, bytes]]) -> None:
        super().compare(ours, theirs)
        told = [it for it in self.stage.events() if isinstance(it, SinkStarved)]
        assert told == list(self.python.poll())
        self.starved += told

    def finish(self) -> None:
        shot = self.stage.snapshot()
        for line in (LINE, ALONE):
            row, state = shot.lines[line], self.python.line(line)
            assert (row.sent_bytes, row.sound_bytes) == (state.sent_bytes, state.sound_bytes)
            assert (row.probe_bytes, row.waiting_packets) == (state.probe_bytes, len(state.pacer))
            assert row.dropped_packets == state.pacer.dropped
            assert row.waiting_packets or not row.waiting_bytes
        super().finish()


def nal(kind: int, size: int) -> bytes:
    return bytes([kind, 0x88]) + b"x" * size


def key_frame(both: Behind, source: int, first: int, count: int) -> None:
    """An IDR picture in slices of 1,100 bytes, all at once."""
    for n in range(count):
        both.feed(
            source, packet(first + n, nal(0x65, 1100), at=first * 3000, marker=n == count - 1)
        )


@pytest.mark.parametrize("framing", Framing)
def test_a_line_counts_what_the_arithmetic_says(framing: Framing) -> None:
    both = Behind(Kind.AUDIO)
    both.apply(SetLine(LINE, 0, framing, 18))
    both.route(11, 1)
    sizes = (1, 20, 33, 160, 161, 1000)
    for n, size in enumerate(sizes):
        both.feed(1, packet(n, bytes(size), G722))
    line = Encapsulation(framing, 18)
    expected = sum(line.line_bytes(ip_bytes(12 + size, ipv6=False)) for size in sizes)
    row = both.stage.snapshot().lines[LINE]
    assert row.sent_bytes == row.sound_bytes == expected
    both.finish()


def test_a_key_frame_leaves_as_the_line_takes_it() -> None:
    both = Behind()
    both.route(11, 1)
    key_frame(both, 1, 1, 50)
    assert len(both.answers[11]) == 1
    assert both.stage.snapshot().lines[LINE].waiting_packets == 49
    both.pass_time(1_000_000)
    assert steps(both.answers[11]) == [1] * 49
    size = PPPOA.line_bytes(ip_bytes(12 + 1102, ipv6=False))
    gaps = {after - before for before, after in pairwise(both.times[11])}
    assert gaps == {-(-size * 8_000_000 // 1_900_000)}
    both.finish()


def test_a_key_frame_beside_sound_keeps_to_the_line_in_any_tenth_of_a_second() -> None:
    """60 kB at 2 Mbit/s of ATM: what leaves never builds a queue, and sound leaves as it came."""
    both = Behind()
    both.hear()
    both.route(11, 1)
    sent: list[tuple[int, int]] = []

    def count() -> None:
        sent.append((both.now_us, both.stage.snapshot().lines[LINE].sent_bytes))

    key_frame(both, 1, 1, 55)
    count()
    for n in range(50):
        both.feed(2, packet(n, bytes(80), G722, ssrc=9))
        count()
        for _ in range(40):
            both.pass_time(500)
            count()
    heard = [
        at for at, it in zip(both.times[12], both.answers[12], strict=True) if it.ssrc == SOUND
    ]
    assert heard == [1_000_000 + 20_000 * n for n in range(50)]
    assert len(both.answers[11]) == 55
    changes = [(at, after - before) for (_, before), (at, after) in pairwise(sent)]
    changes.insert(0, sent[0])
    for begin, _ in changes:
        window = sum(size for at, size in changes if begin <= at < begin + 100_000)
        assert window <= 1.05 * 2_000_000 / 8 * 0.1
    line = AccessLine(2_000_000, PPPOA)
    departures = sorted(
        (at, len(rtp.compose(it)))
        for number in (11, 12)
        for at, it in zip(both.times[number], both.answers[number], strict=True)
    )
    for at, size in departures:
        line.send(size + 28, at)
    assert line.worst_queue_us < 8_000
    assert line.dropped == 0
    both.finish()


def test_what_waited_too_long_is_dropped_and_the_sink_begins_anew_at_a_key_frame() -> None:
    both = Behind(rate_bps=100_000)
    both.route(11, 1)
    both.feed(1, packet(1, IDR))
    for n in range(2, 40):
        both.feed(1, packet(n, nal(0x41, 1100)))
    both.pass_time(1_200_000)
    assert [it.sink for it in both.starved] == [11]
    before = len(both.answers[11])
    assert before + both.starved[0].packets == 39
    row = both.stage.snapshot().sinks[SinkId(11)]
    assert (row.source, row.waiting) == (None, True)
    both.feed(1, packet(40, nal(0x41, 100)))
    both.pass_time(100_000)
    both.feed(1, packet(41, IDR))
    both.pass_time(100_000)
    assert len(both.answers[11]) == before + 1
    assert set(steps(both.answers[11])) == {1}
    both.finish()


def test_a_key_frame_has_three_times_the_patience() -> None:
    both = Behind(rate_bps=100_000)
    both.route(11, 1)
    key_frame(both, 1, 1, 20)
    both.pass_time(2_500_000)
    assert both.starved == []
    assert len(both.answers[11]) == 20
    both.finish()


def test_a_switch_does_not_wait_behind_the_picture_it_leaves() -> None:
    both = Behind()
    both.route(11, 1)
    both.feed(1, packet(1, IDR))
    both.route(11, 2)
    for n in range(2, 30):
        both.feed(1, packet(n, nal(0x41, 1100)))
    both.feed(2, packet(7, nal(0x65, 900)))
    both.pass_time(100_000)
    assert [len(it.payload) for it in both.answers[11]] == [62, 902]
    assert steps(both.answers[11]) == [1]
    assert both.starved == []
    both.finish()


def test_slides_first_then_the_speaker_then_thumbnails_and_a_class_may_change() -> None:
    both = Behind()
    both.apply(replace(sink(12, Kind.VIDEO), picture_class=THUMBNAIL))
    both.route(11, 1)
    both.route(12, 2)
    both.feed(1, packet(1, IDR))
    both.feed(2, packet(1, IDR))
    for n in range(2, 8):
        both.feed(2, packet(n, nal(0x41, 1100)))
        both.feed(1, packet(n, nal(0x41, 1100)))
    both.pass_time(30_000)
    assert len(both.answers[11]) > len(both.answers[12])
    both.apply(replace(sink(12, Kind.VIDEO), picture_class=SLIDES))
    held = len(both.answers[11])
    both.pass_time(20_000)
    assert len(both.answers[11]) == held
    both.pass_time(100_000)
    assert len(both.answers[11]) == len(both.answers[12]) == 7
    both.finish()


def test_a_repair_goes_first_but_not_when_it_comes_too_late() -> None:
    both = Behind()
    both.route(13, 1)
    key_frame(both, 1, 1, 60)
    both.pass_time(50_000)
    lost = [it.sequence for it in both.answers[13][2:5]]
    for sequence in (*lost, *lost):
        both.nack(13, sequence)
    both.pass_time(30_000)
    assert [it.ssrc for it in both.answers[13]].count(Ssrc(5)) == 3
    both.rate(ALONE, 30_000)
    for sequence in lost:
        both.nack(13, sequence)
    both.pass_time(400_000)
    assert [it.ssrc for it in both.answers[13]].count(Ssrc(5)) <= 4
    assert both.starved == []
    both.finish()


def test_layers_are_left_out_without_a_trace_and_come_back_where_they_may() -> None:
    both = Behind()
    both.route(11, 1)
    script = [(0, True), (2, True), (1, True), (2, False)] * 3
    for n, (layer, sync) in enumerate(script):
        if n == 4:
            both.thin(11, 1, 1)
        if n == 8:
            both.thin(11, 1, 7)
        payload = layered(n, n // 4, layer, sync=sync, key=n == 0)
        both.feed(1, packet(n, payload, VP8), 40_000)
    assert [it.payload[5] >> 6 for it in both.answers[11]] == [0, 2, 1, 2, 0, 1, 0, 2, 1, 2]
    assert steps(both.answers[11]) == [1] * 9
    pictures = [int.from_bytes(it.payload[2:4]) & 0x7FFF for it in both.answers[11]]
    assert pictures == list(range(10))
    both.finish()


def test_a_late_packet_gets_the_number_its_picture_was_to_have() -> None:
    both = Behind()
    both.route(11, 1)
    both.thin(11, 1, 0)
    order = [0, 1, 2, 3, 5, 4, 7, 6, 8]  # 4 and 6 late: a base picture, and one left out
    for n in order:
        layer = n % 2 if n != 6 else 1
        payload = layered(100 + n, n // 2, layer, sync=False, key=n == 0)
        both.feed(1, packet(n, payload, VP8), 40_000)
    pictures = [int.from_bytes(it.payload[2:4]) & 0x7FFF for it in both.answers[11]]
    assert pictures == [100, 101, 102, 103] or sorted(pictures) == pictures
    assert len(set(pictures)) == len(pictures)
    both.finish()


def test_pictures_of_h264_that_nothing_refers_to_are_left_out() -> None:
    both = Behind()
    both.route(11, 1)
    both.thin(11, 1, 0)
    for n, payload in enumerate((stap(SPS, PPS), IDR, nal(0x01, 50), nal(0x41, 60), nal(0x01, 70))):
        both.feed(1, packet(n, payload), 40_000)
    both.thin(11, 1, 7)
    both.feed(1, packet(5, nal(0x01, 80)), 40_000)
    assert [it.payload[0] for it in both.answers[11]] == [0x67, 0x68, 0x65, 0x41, 0x01]
    assert steps(both.answers[11]) == [1] * 4
    both.finish()


def test_a_probe_sends_old_packets_again_up_to_its_rate_and_ends() -> None:
    both = Behind()
    both.route(13, 1)
    key_frame(both, 1, 1, 20)
    both.pass_time(1_000_000)
    before = both.stage.snapshot().lines[ALONE].sent_bytes
    both.apply(Probe(ALONE, SinkId(13), 1_000_000, 10_000_000))
    both.pass_time(2_000_000)
    row = both.stage.snapshot().lines[ALONE]
    assert row.sent_bytes - before == row.probe_bytes
    assert 0.97 <= row.probe_bytes * 8 / 500_000 <= 1.03  # Mbit/s over half a second
    assert {it.ssrc for it in both.answers[13][20:]} == {5}
    assert all(len(it.payload) > 1000 for it in both.answers[13][20:])
    both.apply(Probe(ALONE, SinkId(13), 9_000_000, 500_000))
    both.pass_time(100_000)
    both.apply(Probe(ALONE, SinkId(13), 0, 0))
    more = both.stage.snapshot().lines[ALONE].probe_bytes - row.probe_bytes
    assert 0.95 <= more * 8 / 100_000 / (1.9 * 1.25) <= 1.05
    both.pass_time(100_000)
    assert both.stage.snapshot().lines[ALONE].probe_bytes == row.probe_bytes + more
    both.finish()


def test_a_probe_keeps_to_a_new_pace_and_ends_where_there_is_none() -> None:
    both = Behind()
    both.route(13, 1)
    key_frame(both, 1, 1, 20)
    both.pass_time(1_000_000)
    both.apply(Probe(ALONE, SinkId(13), 2_000_000, 500_000))
    both.pass_time(100_000)
    both.rate(ALONE, 400_000)
    before = both.stage.snapshot().lines[ALONE].probe_bytes
    both.pass_time(200_000)
    slower = both.stage.snapshot().lines[ALONE].probe_bytes - before
    assert 0.9 <= slower * 8 / 200_000 / 0.5 <= 1.1  # five quarters of the new pace
    both.rate(ALONE, 0)
    before = both.stage.snapshot().lines[ALONE].probe_bytes
    both.pass_time(200_000)
    assert both.stage.snapshot().lines[ALONE].probe_bytes == before
    both.finish()


def test_a_probe_without_old_packets_is_padding_and_without_rtx_nothing() -> None:
    both = Behind()
    for name in (11, 13):
        both.route(name, 1)
    both.feed(1, packet(1, IDR))
    both.apply(
        Probe(ALONE, SinkId(13), 500_000, 100_000), Probe(LINE, SinkId(11), 500_000, 100_000)
    )
    both.pass_time(200_000)
    assert len(both.answers[11]) == 1
    padding = both.answers[13][1:]
    assert {(it.payload, it.padding, it.payload_type, it.ssrc) for it in padding} == {
        (b"", 255, 109, 5)
    }
    assert 15 <= len(padding) <= 20
    both.finish()


def test_more_than_a_thousand_packets_never_wait() -> None:
    both = Behind(rate_bps=1_000_000)
    both.apply(replace(sink(12, Kind.VIDEO), picture_class=THUMBNAIL))
    for name in (11, 12):
        both.route(name, 1)
    both.feed(1, packet(1, IDR))
    for n in range(2, 700):
        both.feed(1, packet(n, DELTA))
        assert both.stage.snapshot().lines[LINE].waiting_packets <= 1024
    assert both.starved[0].sink == 12
    both.finish()


def test_what_waits_moves_along_with_its_transport() -> None:
    both = Behind()
    both.route(11, 1)
    key_frame(both, 1, 1, 20)
    both.apply(replace(open_transport(11), line=ALONE))
    rows = both.stage.snapshot().lines
    assert (rows[LINE].waiting_packets, rows[ALONE].waiting_packets) == (0, 19)
    both.pass_time(200_000)
    assert len(both.answers[11]) == 20
    both.finish()


def layered(picture: int, tl0: int, layer: int, *, sync: bool, key: bool) -> bytes:
    """VP8 with TID and Y, one packet for each picture."""
    head = bytes([0x90, 0xE0]) + (0x8000 | picture & 0x7FFF).to_bytes(2) + bytes([tl0 & 0xFF])
    return head + bytes([layer << 6 | sync << 5]) + bytes([not key]) + b"frame"


layers = st.builds(
    lambda p, t, layer, sync, key: [layered(p, t, layer, sync=sync, key=key)],
    st.integers(0, 40),
    st.integers(0, 255),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)
large = st.builds(
    lambda kind, count: [nal(kind, 1000)] * count,
    st.sampled_from([0x65, 0x41, 0x41, 0x01]),
    st.integers(1, 12),
)
feeds = st.tuples(
    st.just("feed"),
    st.sampled_from(SOURCES),
    st.sampled_from([H264, H264, H264, VP8, VP8, RTX, 101]),
    st.one_of(large, large, layers, layers, h264_payloads, vp8_payloads),
    st.sampled_from([0, 0, 0, 0, 1, 3, 4000, -1, -2, -60]),
    st.sampled_from([0, 3000, 3000, -3000]),
    st.sampled_from([1, 1, 1, 1, 1, 2]),
    st.booleans(),
)
others = st.one_of(
    st.tuples(
        st.just("route"),
        st.sampled_from(SINKS),
        st.sampled_from([None, *SOURCES, *SOURCES]),
        st.sampled_from([0, 1, 2, 7, 7]),
    ),
    st.tuples(st.just("nack"), st.sampled_from(SINKS), st.integers(0, 40)),
    st.tuples(st.just("class"), st.sampled_from(SINKS), st.sampled_from([MAIN, THUMBNAIL, SLIDES])),
    st.tuples(st.just("rate"), st.sampled_from([0, 60_000, 300_000, 1_900_000])),
    st.tuples(st.just("probe"), st.integers(0, 3_000_000), st.integers(0, 700_000)),
    st.tuples(st.just("voice"), st.integers(1, 5)),
    joins,
    joins,
    joins,
    st.tuples(st.just("close"), st.sampled_from(SINKS)),
    st.tuples(st.just("lose"), st.sampled_from(SOURCES)),
)
waits = st.tuples(
    st.just("wait"),
    st.sampled_from([0, 1, 500, 20_000, 20_000, 300_000, 1_500_000]),
    st.sampled_from([0, 0, 0, 150, 9_000]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(feeds, feeds, feeds, waits, waits, others), max_size=60))
def test_c_and_python_agree_on_what_waits(script: list[tuple]) -> None:  # type: ignore[type-arg]
    both = Behind(rate_bps=300_000)
    both.hear()
    sequence, stamp, voice = dict.fromkeys(SOURCES, 100), dict.fromkeys(SOURCES, 1000), 0
    for name in SINKS:
        both.route(name, 1)
    for step in script:
        match step:
            case ("route", name, number, temporal):
                both.apply(SetRoute(SinkId(name), SourceId(number) if number else None, temporal))
            case ("join", number, *how):
                sequence[number] = join_late(both, number, sequence[number], *how)
            case ("nack", name, back):
                sent = [it for it in both.answers[name] if it.ssrc == 1000 + name]
                if back < len(sent):
                    both.nack(name, sent[-1 - back].sequence)
            case ("class", name, picture_class):
                both.apply(replace(sink(name, Kind.VIDEO), picture_class=picture_class))
            case ("rate", bps):
                both.rate(LINE, bps)
                both.rate(ALONE, bps)
                both.pass_time(0)
            case ("probe", bps, us):
                both.apply(Probe(ALONE, SinkId(13), bps, us))
                both.pass_time(0)
            case ("voice", count):
                for _ in range(count):
                    voice += 1
                    both.feed(2, packet(voice, bytes(80), G722, ssrc=9))
            case ("close", name):
                both.apply(CloseSink(SinkId(name)), sink(name, Kind.VIDEO))
            case ("lose", number):
                both.apply(CloseSource(SourceId(number)), source(number, Kind.VIDEO))
            case ("wait", us, late_us):
                both.pass_time(us, late_us)
            case ("feed", number, pt, payloads, jump, ticks, ssrc, marker):
                sequence[number] += jump if jump > 0 else 0
                stamp[number] += ticks
                for payload in payloads:
                    if jump >= 0:
                        sequence[number] += 1
                    at = sequence[number] + min(jump, 0)
                    both.feed(
                        number,
                        packet(at, payload, pt, at=stamp[number], ssrc=ssrc, marker=marker),
                        100,
                    )
    both.finish()
