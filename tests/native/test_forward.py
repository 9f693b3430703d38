"""C against Python: the same packets give the same bytes, by stories and by chance."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.media.engine.command import (
    Command,
    Extensions,
    OpenSocket,
    OpenTransport,
    SetRoute,
    SetSink,
    SetSource,
)
from sfu.media.engine.forward import Forwarder
from sfu.media.rtp import packet as rtp
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Address, Codec, Kind, Latch, SinkId, SocketId, SourceId, Ssrc, TransportId
from tests.native.stage import Stage

SOURCES = (1, 2)
SINKS = (11, 12, 13, 14)
"""A plain one, a room that knows mode 0 only, a browser with every extension, RTX and RED, and one
that repairs all it gets by RTX, out of what its source holds for all."""
SOUND = 21
"""A sink for sound on the transport of 12, where a test opens one."""
H264, VP8, G722, DIGIT, RTX = 97, 98, 9, 101, 99
H263, H263_1998, H261, H224 = 34, 96, 31, 102
OPUS, RED = 111, 63
OLD = ((H263, Codec.H263), (H263_1998, Codec.H263_1998), (H261, Codec.H261))
LEVEL_ID = 3
SPS = bytes.fromhex("6742c01fda0280f6c0")
PPS = bytes.fromhex("68ce3c80")


@dataclass
class Both:
    """Feeds the same to C and Python and insists on the same answer."""

    kind: Kind = Kind.VIDEO
    seed: int = 7
    now_us: int = 1_000_000
    answers: dict[int, list[RtpPacket]] = field(default_factory=lambda: defaultdict(list))
    times: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.stage = Stage(self.seed)
        self.python = Forwarder(self.seed)
        self.apply(OpenSocket(SocketId(1), -1))
        for transport in (*SOURCES, *SINKS):
            self.apply(open_transport(transport))
        for number in SOURCES:
            self.apply(source(number, self.kind))
        for name in SINKS:
            self.apply(sink(name, self.kind))

    def apply(self, *commands: Command) -> None:
        for command in commands:
            ours = self.stage.apply(command, now_us=self.now_us)
            self.compare(ours, self.python.apply(command, self.now_us))

    def route(self, sink: int, source: int | None) -> None:
        self.apply(SetRoute(SinkId(sink), SourceId(source) if source else None))

    def feed(self, source: int, datagram: bytes, after_us: int = 10_000) -> None:
        self.now_us += after_us
        ours = self.stage.receive(source, datagram, self.now_us)
        self.compare(ours, self.python.forward(TransportId(source), datagram, self.now_us))

    def pass_time(self, us: int) -> None:
        self.now_us += us
        self.settle()

    def settle(self) -> None:
        """Let leave what time has brought."""
        ours = self.stage.timer(self.now_us)
        self.compare(ours, self.python.release(self.now_us))

    def compare(self, ours: list[tuple[int, bytes]], theirs: list[tuple[SinkId, bytes]]) -> None:
        by_c: dict[int, list[bytes]] = defaultdict(list)
        for transport, sent in ours:
            by_c[transport].append(sent)
        by_python: dict[int, list[bytes]] = defaultdict(list)
        for name, sent in theirs:
            by_python[12 if name == SOUND else name].append(sent)
        assert by_c == by_python
        for number, datagrams in by_c.items():
            self.answers[number] += map(rtp.parse, datagrams)
            self.times[number] += [self.now_us] * len(datagrams)

    def nack(self, sink: int, sequence: int) -> None:
        self.now_us += 1000
        ssrc = (1000 + sink).to_bytes(4)
        compound = bytes.fromhex("81cd000300000001") + ssrc + sequence.to_bytes(2) + bytes(2)
        sent = [it for _, it in self.stage.receive(sink, compound, self.now_us)]
        expected = self.python.resend(SinkId(sink), sequence, self.now_us)
        assert sent == ([] if expected is None else [expected])

    def finish(self) -> None:
        rows = self.stage.snapshot().sinks
        for name in SINKS:
            assert rows[SinkId(name)].dropped == self.python.dropped(SinkId(name))
        self.stage.__exit__(None, None, None)


def open_transport(number: int) -> OpenTransport:
    browser = Extensions(mid=1, audio_level=2, abs_send_time=4, transport_cc=5)
    ids = {13: browser, 1: Extensions(audio_level=LEVEL_ID), 2: Extensions(audio_level=LEVEL_ID)}
    return OpenTransport(
        TransportId(number),
        SocketId(1),
        SocketId(1),
        Address("192.0.2.1", 1000 + number),
        None,
        Latch.FIXED,
        False,
        ids.get(number, Extensions()),
    )


def source(number: int, kind: Kind) -> SetSource:
    video = ((H264, Codec.H264), (VP8, Codec.VP8), *OLD)
    audio = (
        (G722, Codec.G722), (DIGIT, Codec.TELEPHONE_EVENT), (13, Codec.CN), (H224, Codec.H224),
        (OPUS, Codec.OPUS), (RED, Codec.RED),
    )  # fmt: skip
    return SetSource(
        SourceId(number),
        TransportId(number),
        kind,
        None,
        video if kind is Kind.VIDEO else audio,
        90_000 if kind is Kind.VIDEO else 8_000,
        rtx_payloads=((RTX, H264),),
    )


def sink(number: int, kind: Kind) -> SetSink:
    video = ((Codec.H264, 107), (Codec.VP8, 108), *((codec, pt) for pt, codec in OLD))
    audio = ((Codec.G722, 19), (Codec.H224, 100), (Codec.OPUS, 112))
    plain = SetSink(
        SinkId(number),
        TransportId(number),
        kind,
        Ssrc(1000 + number),
        video if kind is Kind.VIDEO else audio,
        90_000 if kind is Kind.VIDEO else 8_000,
        history=32,
    )
    if number == 12:
        return replace(plain, single_nal=True)
    if number == 13 and kind is Kind.AUDIO:
        return replace(plain, mid="v", payloads=(*audio, (Codec.RED, 64)))
    if number == 13:
        return replace(plain, mid="v", rtx_ssrc=Ssrc(5), rtx_payloads=((107, 109),))
    if number == 14 and kind is Kind.VIDEO:
        again = tuple((pt, 110 + place) for place, (_, pt) in enumerate(video))
        return replace(plain, rtx_ssrc=Ssrc(6), rtx_payloads=again)
    return plain


def packet(
    sequence: int,
    payload: bytes,
    pt: int = H264,
    *,
    at: int | None = None,
    marker: bool = False,
    ssrc: int = 1,
    level: int | None = None,
    padding: int = 0,
) -> bytes:
    timestamp = (sequence * 3000 if at is None else at) & 0xFFFFFFFF
    extensions = {} if level is None else {LEVEL_ID: bytes([level])}
    return rtp.compose(
        RtpPacket(
            pt,
            sequence & 0xFFFF,
            timestamp,
            Ssrc(ssrc),
            payload,
            marker,
            extensions=extensions,
            padding=padding,
        )
    )


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2) + unit for unit in units)


def fragments(unit: bytes, size: int) -> list[bytes]:
    parts = [unit[1:][i : i + size] for i in range(0, len(unit) - 1, size)]
    last = len(parts) - 1
    return [
        bytes([unit[0] & 0xE0 | 28, (i == 0) << 7 | (i == last) << 6 | unit[0] & 31]) + part
        for i, part in enumerate(parts)
    ]


def twice(*blocks: tuple[int, bytes], sound: bytes, pt: int = OPUS) -> bytes:
    """Make a payload of RFC 2198: (timestamp offset, earlier sound), oldest first."""
    heads = [(0x80 | pt) << 24 | offset << 10 | len(each) for offset, each in blocks]
    earlier = b"".join(each for _, each in blocks)
    return b"".join(head.to_bytes(4) for head in heads) + bytes([pt]) + earlier + sound


def vp8(picture: int, tl0: int, *, key: bool, begins: bool = True) -> bytes:
    descriptor = bytes([0x80 | begins << 4, 0xC0]) + (0x8000 | picture).to_bytes(2) + bytes([tl0])
    return descriptor + bytes([not key]) + b"frame"


IDR = b"\x65\x88" + b"i" * 60
DELTA = b"\x41\x9a" + b"d" * 40


def numbers(packets: list[RtpPacket]) -> list[int]:
    return [it.sequence for it in packets]


def steps(packets: list[RtpPacket]) -> list[int]:
    found = numbers(packets)
    return [(b - a) & 0xFFFF for a, b in itertools.pairwise(found)]


def test_a_sink_waits_for_a_key_frame_and_gets_the_sets_before_it() -> None:
    both = Both()
    both.route(11, 1)
    for i, payload in enumerate((stap(SPS, PPS), DELTA, IDR, DELTA)):
        both.feed(1, packet(i, payload))
    assert [it.payload for it in both.answers[11]] == [SPS, PPS, IDR, DELTA]
    assert steps(both.answers[11]) == [1, 1, 1]
    both.finish()


def test_the_old_source_goes_on_until_the_new_one_shows_a_key_frame() -> None:
    both = Both()
    both.route(11, 1)
    both.feed(1, packet(1, IDR))
    both.route(11, 2)
    both.feed(2, packet(500, DELTA))
    both.feed(1, packet(2, b"\x41old"))
    both.feed(2, packet(501, IDR))
    both.feed(1, packet(3, b"\x41too late"))
    assert [it.payload for it in both.answers[11]] == [IDR, b"\x41old", IDR]
    assert steps(both.answers[11]) == [1, 1]
    first, second, third = (it.timestamp for it in both.answers[11])
    assert first < second < third
    both.finish()


def test_what_was_lost_leaves_a_hole_and_a_late_packet_fills_it() -> None:
    both = Both(Kind.AUDIO)
    both.route(11, 1)
    for i in (7, 8, 10, 9, 9, 11):
        both.feed(1, packet(i, bytes([i]), G722))
    assert [it.payload[0] for it in both.answers[11]] == [7, 8, 10, 9, 11]
    assert steps(both.answers[11]) == [1, 2, 0xFFFF, 2]
    both.finish()


def test_digits_and_padding_leave_no_hole() -> None:
    both = Both(Kind.AUDIO)
    both.route(11, 1)
    both.feed(1, packet(1, b"a", G722))
    both.feed(1, packet(2, b"\x05\x80\x00\xa0", DIGIT))
    both.feed(1, packet(3, b"", G722, padding=200))
    both.feed(1, packet(4, b"b", G722))
    assert steps(both.answers[11]) == [1]
    both.finish()


def test_a_new_ssrc_goes_on_in_the_same_stream() -> None:
    both = Both(Kind.AUDIO)
    both.route(11, 1)
    both.feed(1, packet(65535, b"a", G722, at=160))
    both.feed(1, packet(9, b"b", G722, at=77_000_000, ssrc=2), 20_000)
    assert steps(both.answers[11]) == [1]
    assert both.answers[11][1].timestamp - both.answers[11][0].timestamp == 160
    both.finish()


def test_a_stap_a_is_split_for_mode_0_with_the_marker_on_the_last() -> None:
    both = Both()
    both.route(11, 1)
    both.route(12, 1)
    both.feed(1, packet(1, stap(SPS, PPS, IDR), marker=True))
    assert [it.payload for it in both.answers[11]] == [stap(SPS, PPS, IDR)]
    assert [it.payload for it in both.answers[12]] == [SPS, PPS, IDR]
    assert [it.marker for it in both.answers[12]] == [False, False, True]
    both.finish()


def test_small_fragmented_units_are_joined_for_mode_0_and_large_ones_dropped() -> None:
    both = Both()
    both.route(12, 1)
    small, large = b"\x65" + b"\x88" * 1399, b"\x41" + b"\x88" * 2999
    sequence = 0
    for unit in (small, large, DELTA):
        for part in fragments(unit, 700) if len(unit) > 700 else [unit]:
            sequence += 1
            both.feed(1, packet(sequence, part))
    assert [it.payload for it in both.answers[12]] == [small, DELTA]
    assert steps(both.answers[12]) == [1]
    assert both.python.dropped(SinkId(12)) == 4
    both.finish()


def test_vp8_pictures_go_on_over_a_switch() -> None:
    both = Both()
    both.route(11, 1)
    both.feed(1, packet(1, vp8(0x7FFF, 255, key=True), VP8))
    both.route(11, 2)
    both.feed(2, packet(1, vp8(1234, 7, key=True), VP8))
    both.feed(2, packet(2, vp8(1235, 8, key=False), VP8))
    assert [it.payload[2:5] for it in both.answers[11]] == [
        b"\xff\xff\xff",
        b"\x80\x00\x00",
        b"\x80\x01\x01",
    ]
    both.finish()


INTRA = bytes.fromhex("000080020c00")
INTER = bytes.fromhex("000080020e00")
PICTURE_261 = bytes.fromhex("000100080000")


def test_h263_waits_for_an_intra_picture_and_h261_for_any() -> None:
    for pt, waits, begins in (
        (H263, bytes(4) + INTER, bytes(4) + INTRA),
        (H263_1998, b"\4\0" + INTER[2:], b"\4\0" + INTRA[2:]),
        (H261, bytes(4) + b"\1" * 6, bytes(4) + PICTURE_261),
    ):
        both = Both()
        both.route(11, 1)
        both.feed(1, packet(1, waits, pt))
        both.feed(1, packet(2, begins, pt))
        both.feed(1, packet(3, waits, pt))
        assert [it.payload for it in both.answers[11]] == [begins, waits]
        both.finish()


def test_payload_number_nought_is_one_like_any_other() -> None:
    """PCMU's own (RFC 3551): a unit that knows nothing else hears, and is heard."""
    both = Both(Kind.AUDIO)
    both.apply(replace(source(1, Kind.AUDIO), payloads=((0, Codec.PCMU),)))
    both.apply(replace(sink(11, Kind.AUDIO), payloads=((Codec.PCMU, 0),)))
    both.route(11, 1)
    for number in range(3):
        both.feed(1, packet(number, b"mu", 0))
    assert [it.payload_type for it in both.answers[11]] == [0, 0, 0]
    both.finish()


def test_keys_for_a_camera_pass_at_once_and_unread() -> None:
    both = Both(Kind.CAMERA)
    both.route(11, 1)
    for number, pressed in enumerate((b"\x00\x01left", b"\xff" * 20)):
        both.feed(1, packet(number, pressed, H224))
    assert [it.payload for it in both.answers[11]] == [b"\x00\x01left", b"\xff" * 20]
    assert {it.payload_type for it in both.answers[11]} == {100}
    both.finish()


def test_a_pause_and_resume_leave_no_hole() -> None:
    both = Both(Kind.AUDIO)
    both.route(11, 1)
    both.feed(1, packet(1, b"a", G722, at=0))
    both.route(11, None)
    both.feed(1, packet(2, b"b", G722, at=160))
    both.route(11, 1)
    both.feed(1, packet(3, b"c", G722, at=320))
    assert steps(both.answers[11]) == [1]
    assert both.answers[11][1].timestamp == 160  # 20 ms later by the clock
    both.finish()


def test_the_browser_gets_its_extensions_and_rtx() -> None:
    both = Both()
    both.route(13, 1)
    both.feed(1, packet(1, IDR, level=0x8A))
    (sent,) = both.answers[13]
    assert (sent.extensions[1], sent.extensions[2], sent.extensions[5]) == (b"v", b"\x8a", b"\0\0")
    both.nack(13, sent.sequence)
    both.nack(13, sent.sequence)  # a moment later: not again
    both.nack(13, sent.sequence + 1 & 0xFFFF)  # never sent
    both.finish()


def test_what_a_source_holds_is_sent_again_by_each_sink_as_its_own() -> None:
    both = Both()
    both.route(14, 1)
    both.feed(1, packet(1, SPS))
    both.feed(1, packet(2, PPS))
    both.feed(1, packet(5, IDR))
    both.feed(1, packet(7, DELTA))
    sps, pps, picture, delta = both.answers[14]
    for sent in (sps, pps, picture, delta):
        both.nack(14, sent.sequence)
    both.nack(14, delta.sequence - 1 & 0xFFFF)  # kept for what may yet come
    both.feed(1, packet(6, DELTA))
    both.nack(14, delta.sequence - 1 & 0xFFFF)
    both.route(14, 2)
    both.feed(2, packet(900, IDR))
    both.nack(14, delta.sequence)  # of a source it carries no more
    both.nack(14, both.answers[14][-1].sequence)
    both.finish()


def test_an_rtx_packet_takes_the_place_of_the_lost_one() -> None:
    both = Both()
    both.route(11, 1)
    both.feed(1, packet(1, IDR))
    both.feed(1, packet(3, DELTA))
    both.feed(1, packet(900, (2).to_bytes(2) + b"\x41repaired", RTX, ssrc=99))
    assert [it.payload for it in both.answers[11]] == [IDR, DELTA, b"\x41repaired"]
    assert steps(both.answers[11]) == [2, 0xFFFF]
    both.finish()


def test_a_signalled_ssrc_and_its_rtx_are_told_from_all_others() -> None:
    both = Both()
    signalled = replace(source(1, Kind.VIDEO), ssrc=Ssrc(41), rtx_ssrc=Ssrc(42))
    both.apply(signalled)
    both.route(11, 1)
    both.feed(1, packet(1, IDR, ssrc=41))
    both.feed(1, packet(2, DELTA, ssrc=40))
    both.feed(1, packet(3, DELTA, ssrc=41))
    both.feed(1, packet(900, (2).to_bytes(2) + b"\x41repaired", RTX, ssrc=42))
    both.feed(1, packet(901, (2).to_bytes(2) + b"\x41stranger", RTX, ssrc=43))
    assert [it.payload for it in both.answers[11]] == [IDR, DELTA, b"\x41repaired"]
    both.finish()


units = st.one_of(
    st.just(SPS),
    st.just(PPS),
    st.builds(lambda n: b"\x65\x88" + b"i" * n, st.integers(0, 300)),
    st.builds(lambda n: b"\x65\x08" + b"j" * n, st.integers(0, 300)),
    st.builds(lambda n: b"\x41\x9a" + b"d" * n, st.integers(0, 300)),
)
h264_payloads = st.one_of(
    units.map(lambda unit: [unit]),
    st.lists(units, min_size=1, max_size=4).map(lambda them: [stap(*them)]),
    st.builds(
        lambda head, size, cut: fragments(bytes([head]) + b"\x88" * size, cut),
        st.sampled_from([0x65, 0x41]),
        st.integers(2, 1800),
        st.integers(100, 900),
    ),
    st.binary(max_size=12).map(lambda it: [it]),
    st.binary(max_size=12).map(lambda it: [b"\x78" + it]),
    st.binary(max_size=4).map(lambda it: [b"\x7c" + it]),
)
vp8_payloads = st.one_of(
    st.builds(
        lambda p, t, k, b: [vp8(p, t, key=k, begins=b)],
        st.integers(0, 0x7FFF),
        st.integers(0, 255),
        st.booleans(),
        st.booleans(),
    ),
    st.binary(max_size=8).map(lambda it: [it]),
)
starts = st.sampled_from(["00000080", "0000817f", "80", "00010000", "00010180", "00"])
old_payloads = st.builds(
    lambda head, start, rest: [head + bytes.fromhex(start) + rest],
    st.one_of(st.binary(max_size=12), st.just(bytes(4)), st.just(b"\4\0"), st.just(b"\xc0" * 12)),
    starts,
    st.binary(max_size=8),
)
audio_payloads = st.binary(max_size=40).map(lambda it: [it])
red_payloads = st.builds(
    lambda blocks, sound, pt, cut: [twice(*blocks, sound=sound, pt=pt)[: cut or None]],
    st.lists(st.tuples(st.integers(0, 16383), st.binary(max_size=30)), max_size=9),
    st.binary(max_size=600),
    st.sampled_from([OPUS, OPUS, OPUS, RED, G722, 5]),
    st.sampled_from([0, 0, 0, 1, 4, 5, 9, -1, -30]),
)

feeds = st.tuples(
    st.just("feed"),
    st.sampled_from(SOURCES),
    st.sampled_from([H264, H264, VP8, G722, DIGIT, RTX, H263, H263_1998, H261, OPUS, OPUS, RED]),
    st.one_of(h264_payloads, vp8_payloads, old_payloads, audio_payloads, red_payloads),
    st.sampled_from([0, 0, 0, 0, 1, 2, 5, 300, 4000, -1, -2, -3, -60, -700]),
    st.sampled_from([0, 0, 3000, 3000, 90_000, -3000, 1 << 31]),
    st.sampled_from([1, 1, 1, 1, 1, 1, 2]),
    st.booleans(),
)
routes = st.tuples(
    st.just("route"), st.sampled_from(SINKS), st.sampled_from([None, *SOURCES, *SOURCES])
)
nacks = st.tuples(st.just("nack"), st.sampled_from(SINKS), st.integers(0, 40))
joins = st.tuples(
    st.just("join"),
    st.sampled_from(SOURCES),
    st.sampled_from(SINKS),
    st.sampled_from([H264, H264, VP8]),
    st.integers(1, 4),
    st.integers(0, 5),
    st.sampled_from([None, None, None, 0, 1, 2, 5]),
    st.sampled_from([0, 0, 300_000, 990_000, 1_100_000]),
    st.booleans(),
)
"""A key frame of so many packets and so many behind it, one lost; then a sink begins, or the source
is named at last."""
sets = st.tuples(st.just("set"), st.sampled_from(SINKS), st.integers(2000, 2001))


def join_late(
    both: Both, number: int, sequence: int, name: int, pt: int, slices: int, behind: int,
    lost: int | None, wait_us: int, early: bool,
) -> int:  # fmt: skip
    """Tell the story of `joins`; return the newest sequence number."""
    named = source(number, both.kind)
    large = DELTA + bytes(1460 if behind > 3 else 0)  # four of them are cheap, five are not
    both.route(name, None)
    if early:
        both.apply(replace(named, ssrc=Ssrc(50)))
    for n in range(slices + behind):
        key = n < slices
        payload = vp8(sequence & 0x7FFF, n, key=key, begins=not n or not key)
        if pt == H264:
            payload = (b"\x65\x08" if n else b"\x65\x88") + b"k" * 90 if key else large
        stamp = sequence * 9000 + (0 if key else n * 90)
        if n != lost:
            both.feed(number, packet(sequence + n + 1, payload, pt, at=stamp), 3_000)
    both.pass_time(wait_us)
    if early:
        both.apply(replace(named, ssrc=Ssrc(1)), named)
    both.route(name, number)
    return sequence + slices + behind


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(Kind),
    st.integers(0, 0xFFFF),
    st.lists(
        st.one_of(feeds, feeds, feeds, feeds, feeds, feeds, routes, joins, joins, nacks, sets),
        max_size=60,
    ),
)
def test_c_and_python_agree_on_any_packets(kind: Kind, start: int, script: list[tuple]) -> None:  # type: ignore[type-arg]
    both = Both(kind)
    sequence = dict.fromkeys(SOURCES, start)
    stamp = dict.fromkeys(SOURCES, 1000)
    both.route(11, 1)
    both.route(12, 1)
    for step in script:
        match step:
            case ("route", sink_number, source_number):
                both.route(sink_number, source_number)
            case ("join", number, *how):
                sequence[number] = join_late(both, number, sequence[number], *how)
            case ("nack", sink_number, back):
                sent = both.answers[sink_number]
                if back < len(sent):
                    both.nack(sink_number, sent[-1 - back].sequence)
            case ("set", sink_number, ssrc):
                renamed = replace(sink(sink_number, kind), ssrc=Ssrc(ssrc + sink_number * 10))
                both.apply(renamed, sink(sink_number, kind))
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
                    )
    both.finish()
