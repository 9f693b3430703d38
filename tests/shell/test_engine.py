"""The native engine on loopback: real sockets, real thread."""

import asyncio
import copy
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from sfu.media.engine.command import (
    CloseSocket,
    CloseTransport,
    Command,
    Extensions,
    OpenSocket,
    OpenTransport,
    SetKeys,
    SetLine,
    SetMarks,
    SetRoute,
    SetSink,
    SetSource,
    Transmit,
    TransmitRtcp,
)
from sfu.media.engine.event import (
    DatagramReceived,
    Event,
    KeyframePassed,
    RtcpReceived,
    SocketEnded,
    SourceAppeared,
    TelephoneEventReceived,
    TransportLatched,
)
from sfu.media.engine.pacer import PictureClass
from sfu.media.engine.snapshot import Snapshot
from sfu.model import (
    Address,
    Codec,
    Component,
    Framing,
    Keys,
    Kind,
    Latch,
    LineId,
    SinkId,
    SocketId,
    SourceId,
    SrtpSuite,
    Ssrc,
    TransportId,
)
from sfu.shell.engine import Engine

pytestmark = pytest.mark.machine

PATIENCE_S = 2.0
RECEIVER_REPORT = bytes.fromhex("80c90001000000aa")


class Peer:
    """A UDP peer, and the engine's socket it talks to."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.number = number
        ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ours.bind(("127.0.0.1", 0))
        self.server = ours.getsockname()
        engine.apply(OpenSocket(SocketId(number), ours.detach()))
        self.socket = udp()

    @property
    def address(self) -> Address:
        return Address(*self.socket.getsockname())

    def open(self, **changes: object) -> OpenTransport:
        wish: dict[str, object] = {
            "transport": TransportId(self.number),
            "rtp_socket": SocketId(self.number),
            "rtcp_socket": SocketId(self.number),
            "remote": self.address,
            "rtcp_remote": None,
            "latch": Latch.FIXED,
            "secure": False,
            "group": self.number,  # each on a thread of its own, where there are several
        }
        return OpenTransport(**(wish | changes))  # type: ignore[arg-type]

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.server)

    def receive(self, count: int = 1) -> list[bytes]:
        return [receive(self.socket) for _ in range(count)]


def udp() -> socket.socket:
    it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    it.bind(("127.0.0.1", 0))
    it.setblocking(False)
    return it


def receive(from_: socket.socket) -> bytes:
    ready, _, _ = select.select([from_], [], [], PATIENCE_S)
    assert ready, "nothing came"
    return from_.recv(4096)


def silent(peer: Peer, for_s: float = 0.05) -> bool:
    return not select.select([peer.socket], [], [], for_s)[0]


def rtp(sequence: int, payload: bytes = b"x" * 160, *, pt: int = 9, ssrc: int = 1) -> bytes:
    return struct.pack(">BBHII", 0x80, pt, sequence & 0xFFFF, sequence * 160, ssrc) + payload


def sequence_of(packet: bytes) -> int:
    return int.from_bytes(packet[2:4], "big")


def events(engine: Engine, count: int = 1) -> list[Event]:
    until = time.monotonic() + PATIENCE_S
    found: list[Event] = []
    while len(found) < count and time.monotonic() < until:
        found += engine.poll()
    assert len(found) >= count, found
    return found


def eventually(read: Callable[[], int]) -> int:
    """Return what it reads once that is not 0: another thread may be at it still."""
    until = time.monotonic() + PATIENCE_S
    while not (found := read()) and time.monotonic() < until:
        pass
    return found


def source(number: int, transport: int, **changes: object) -> SetSource:
    wish: dict[str, object] = {
        "source": SourceId(number),
        "transport": TransportId(transport),
        "kind": Kind.AUDIO,
        "ssrc": None,
        "payloads": ((9, Codec.G722), (101, Codec.TELEPHONE_EVENT)),
        "clock_hz": 8000,
    }
    return SetSource(**(wish | changes))  # type: ignore[arg-type]


def sink(number: int, transport: int, **changes: object) -> SetSink:
    wish: dict[str, object] = {
        "sink": SinkId(number),
        "transport": TransportId(transport),
        "kind": Kind.AUDIO,
        "ssrc": Ssrc(0xBEEF),
        "payloads": ((Codec.G722, 19),),
        "clock_hz": 8000,
    }
    return SetSink(**(wish | changes))  # type: ignore[arg-type]


def route(sink_number: int, source_number: int | None) -> SetRoute:
    return SetRoute(SinkId(sink_number), SourceId(source_number) if source_number else None)


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    it = Engine(request.param)
    yield it
    it.close()


@pytest.fixture
def pair(engine: Engine) -> tuple[Peer, Peer]:
    one, two = Peer(engine, 1), Peer(engine, 2)
    engine.apply(one.open(), two.open(), source(1, 1), sink(1, 2), route(1, 1))
    return one, two


def test_a_packet_is_forwarded_under_the_sinks_own_numbers(pair: tuple[Peer, Peer]) -> None:
    one, two = pair
    one.send(rtp(7))
    (packet,) = two.receive()
    assert packet[1] == 19
    assert packet[8:12] == b"\0\0\xbe\xef"
    assert packet[12:] == b"x" * 160
    assert sequence_of(packet) < 0x8000


def test_a_run_of_packets_arrives_whole_with_and_without_segmentation(
    engine: Engine, pair: tuple[Peer, Peer]
) -> None:
    one, two = pair
    for gso, start in ((True, 0), (False, 20)):
        engine.apply(two.open(gso=gso))
        for i in range(start, start + 20):
            one.send(rtp(i, bytes([i]) * (100 if i % 7 else 60)))
        got = two.receive(20)
        assert [p[12] for p in got] == list(range(start, start + 20))
    assert engine.snapshot().sockets[SocketId(2)].send_errors == 0


def test_a_switch_leaves_no_gap_in_the_sinks_numbers(
    engine: Engine, pair: tuple[Peer, Peer]
) -> None:
    one, two = pair
    three = Peer(engine, 3)
    engine.apply(three.open(), source(3, 3))
    one.send(rtp(100))
    first = two.receive()[0]
    engine.apply(route(1, 3))
    one.send(rtp(101))
    three.send(rtp(60000))
    second = two.receive()[0]
    assert sequence_of(second) == sequence_of(first) + 1
    assert silent(two)


def test_a_nack_is_answered_with_the_very_packet(engine: Engine, pair: tuple[Peer, Peer]) -> None:
    one, two = pair
    engine.apply(sink(1, 2, history=64))
    one.send(rtp(1))
    (packet,) = two.receive()
    nack = struct.pack(">BBHIIHH", 0x81, 205, 3, 5, 0xBEEF, sequence_of(packet), 0)
    two.send(nack)
    assert two.receive() == [packet]
    (event,) = events(engine)
    assert isinstance(event, RtcpReceived)
    assert event.payload == nack
    row = engine.snapshot().sinks[SinkId(1)]
    assert (row.nacks_received, row.retransmitted) == (1, 1)


def test_rtx_carries_the_original_number_before_the_payload(
    engine: Engine, pair: tuple[Peer, Peer]
) -> None:
    one, two = pair
    engine.apply(sink(1, 2, history=64, rtx_ssrc=Ssrc(0xF00), rtx_payloads=((19, 20),)))
    one.send(rtp(1))
    (packet,) = two.receive()
    two.send(struct.pack(">BBHIIHH", 0x81, 205, 3, 5, 0xBEEF, sequence_of(packet), 0))
    (again,) = two.receive()
    assert again[1] == 20
    assert again[8:12] == b"\0\0\x0f\0"
    assert again[12:] == packet[2:4] + packet[12:]


def test_rtcp_goes_both_ways(engine: Engine, pair: tuple[Peer, Peer]) -> None:
    _, two = pair
    engine.apply(TransmitRtcp(TransportId(2), RECEIVER_REPORT))
    assert two.receive() == [RECEIVER_REPORT]
    two.send(RECEIVER_REPORT)
    (event,) = events(engine)
    assert isinstance(event, RtcpReceived)
    assert (event.transport, event.payload) == (2, RECEIVER_REPORT)


def test_stun_goes_up_and_answers_go_down(engine: Engine) -> None:
    peer = Peer(engine, 1)
    binding = bytes.fromhex("000100002112a442") + bytes(12)
    peer.send(binding)
    (event,) = events(engine)
    assert isinstance(event, DatagramReceived)
    assert (event.socket, event.remote, event.payload) == (1, peer.address, binding)
    assert abs(event.at_us - time.monotonic_ns() // 1000) < 1_000_000
    engine.apply(Transmit(SocketId(1), peer.address, b"\x01\x01answer"))
    assert peer.receive() == [b"\x01\x01answer"]


def test_a_batch_that_only_sends_reaches_peers_of_every_thread_in_order(engine: Engine) -> None:
    """Behind one socket, as browsers are; to a stranger too, and what nobody has is nothing."""
    one = Peer(engine, 1)
    others, stranger = [one, *(udp_behind(one, n) for n in (2, 3))], udp()
    engine.apply(SetLine(LineId(1), 0, Framing.PLAIN, 0))
    for peer in others:
        engine.apply(peer.open(rtp_socket=SocketId(1), rtcp_socket=SocketId(1), line=line_of(peer)))
    engine.apply(
        *(Transmit(SocketId(1), peer.address, b"\x01\x01first") for peer in others),
        Transmit(SocketId(1), Address(*stranger.getsockname()), b"\x01\x01stranger"),
        TransmitRtcp(TransportId(77), RECEIVER_REPORT),
        Transmit(SocketId(77), one.address, b"nobody's"),
        *(TransmitRtcp(TransportId(peer.number), RECEIVER_REPORT) for peer in others),
        *(Transmit(SocketId(1), peer.address, b"\x01\x01last") for peer in others),
    )
    for peer in others:
        first, *rest = peer.receive(3)
        assert first == b"\x01\x01first"
        assert sorted(rest) == [b"\x01\x01last", RECEIVER_REPORT]
        assert silent(peer)
    assert receive(stranger) == b"\x01\x01stranger"
    (line,) = engine.snapshot().lines.values()
    assert line.sent_bytes >= 7 + 6 + len(RECEIVER_REPORT)


def udp_behind(peer: Peer, number: int) -> Peer:
    """Another peer of the same socket of ours."""
    other = copy.copy(peer)
    other.number, other.socket = number, udp()
    return other


def line_of(peer: Peer) -> LineId | None:
    return LineId(1) if peer.number == 3 else None


def test_a_fixed_transport_takes_nothing_from_strangers(
    engine: Engine, pair: tuple[Peer, Peer]
) -> None:
    one, two = pair
    udp().sendto(rtp(1), one.server)
    one.send(rtp(2))
    two.receive()
    assert silent(two)
    assert engine.snapshot().sockets[SocketId(1)].unknown_packets == 1


def test_the_first_valid_packet_is_kept_and_others_refused(engine: Engine) -> None:
    one, two = Peer(engine, 1), Peer(engine, 2)
    engine.apply(
        one.open(remote=None, latch=Latch.FIRST_VALID),
        two.open(),
        source(1, 1),
        sink(1, 2),
        route(1, 1),
    )
    stranger = udp()
    stranger.sendto(rtp(1, pt=77), one.server)  # not a payload we await
    one.send(rtp(1))
    two.receive()
    stranger.sendto(rtp(2), one.server)
    one.send(rtp(3))
    two.receive()
    assert silent(two)
    assert events(engine) == [TransportLatched(TransportId(1), one.address, False)]
    assert engine.snapshot().transports[TransportId(1)].refused == 2
    engine.apply(one.open(remote=None, latch=Latch.FIRST_VALID))  # again: nothing changes
    one.send(rtp(4))
    two.receive()


def test_the_same_host_may_use_another_port_and_is_answered_there(engine: Engine) -> None:
    one = Peer(engine, 1)
    signalled = Address("127.0.0.1", 9)
    engine.apply(one.open(remote=signalled, latch=Latch.SAME_HOST), source(1, 1))
    one.send(rtp(1))
    assert events(engine) == [TransportLatched(TransportId(1), one.address, False)]
    engine.apply(TransmitRtcp(TransportId(1), RECEIVER_REPORT))
    assert one.receive() == [RECEIVER_REPORT]


def test_a_worker_talks_over_a_socket_pair(engine: Engine, pair: tuple[Peer, Peer]) -> None:
    _, two = pair
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    worker = SocketId(9)
    engine.apply(
        OpenSocket(worker, ours.detach()),
        OpenTransport(TransportId(9), worker, worker, None, None, Latch.CONNECTED, False),
        source(9, 9),
        sink(9, 9, ssrc=Ssrc(5)),
        source(2, 2, payloads=((9, Codec.G722),)),
        route(1, 9),
        route(9, 2),
    )
    theirs.send(rtp(1, b"mix"))
    assert two.receive()[0][12:] == b"mix"
    two.send(rtp(1, b"room"))
    assert receive(theirs)[12:] == b"room"
    theirs.close()
    two.send(rtp(2, b"room"))  # nobody there: counted, nothing else


def test_a_dead_worker_costs_nothing(engine: Engine) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    worker = SocketId(9)
    engine.apply(
        OpenSocket(worker, ours.detach()),
        OpenTransport(TransportId(9), worker, worker, None, None, Latch.CONNECTED, False),
    )
    theirs.close()

    def read() -> int:
        return engine.snapshot().sockets[worker].received_packets

    until = time.monotonic() + PATIENCE_S
    while not read() and time.monotonic() < until:  # the end of the stream
        pass
    # it is let go in that same turn: what is looked at still would be read in each that follows
    seen = {read() for _ in range(500)}
    assert len(seen) == 1
    assert seen != {0}


def test_a_picture_of_h261_one_may_begin_with_is_no_key_frame(engine: Engine) -> None:
    one = Peer(engine, 1)
    engine.apply(one.open(), source(1, 1, payloads=((31, Codec.H261),), kind=Kind.VIDEO))
    one.send(rtp(1, bytes.fromhex("00000000000100000000"), pt=31))
    one.send(b"\x00\x01stun")
    assert [type(it) for it in events(engine)] == [DatagramReceived]


def test_unknown_sources_are_told_once_with_their_names(engine: Engine) -> None:
    one = Peer(engine, 1)
    engine.apply(one.open(extensions=Extensions(mid=1, rid=2)))
    extension = bytes.fromhex("bede0002") + b"\x100\x20h" + bytes(4)
    packet = b"\x90" + rtp(1, b"", pt=96, ssrc=77)[1:] + extension + b"pay"
    one.send(packet)
    one.send(packet)
    assert events(engine) == [SourceAppeared(TransportId(1), Ssrc(77), 96, "0", "h", "")]
    engine.snapshot()
    assert engine.poll() == []


def test_digits_go_up_and_leave_no_hole(engine: Engine, pair: tuple[Peer, Peer]) -> None:
    one, two = pair
    one.send(rtp(1))
    one.send(rtp(2, b"\x05\x8a\x03\x20", pt=101))
    one.send(rtp(3))
    first, second = two.receive(2)
    assert sequence_of(second) == sequence_of(first) + 1
    assert events(engine) == [TelephoneEventReceived(SourceId(1), 5, True, 800, 320)]


def test_a_key_frame_is_told_and_starts_a_waiting_sink(engine: Engine) -> None:
    one, two = Peer(engine, 1), Peer(engine, 2)
    video = {"kind": Kind.VIDEO, "clock_hz": 90_000}
    engine.apply(
        one.open(),
        two.open(),
        source(1, 1, payloads=((97, Codec.H264),), **video),
        sink(1, 2, payloads=((Codec.H264, 98),), **video),
        route(1, 1),
    )
    one.send(rtp(1, b"\x41\x9adelta", pt=97))
    one.send(rtp(2, b"\x65\x88idr", pt=97))
    assert two.receive()[0][12:] == b"\x65\x88idr"
    assert silent(two)
    (event,) = events(engine)
    assert isinstance(event, KeyframePassed)
    assert not engine.snapshot().sinks[SinkId(1)].waiting


def test_who_comes_after_the_key_frame_begins_with_it(engine: Engine) -> None:
    """Also from another thread's source: its ghost is lent what came before it."""
    one, two = Peer(engine, 1), Peer(engine, 2)
    picture = b"\x65\x88idr" * 9
    video = {"kind": Kind.VIDEO, "clock_hz": 90_000}
    engine.apply(
        one.open(),
        two.open(),
        source(1, 1, payloads=((97, Codec.H264),), **video),
        sink(1, 2, payloads=((Codec.H264, 98),), **video),
    )
    one.send(rtp(1, picture, pt=97))
    one.send(rtp(2, b"\x41\x9adelta", pt=97))
    assert eventually(lambda: engine.snapshot().sources[SourceId(1)].packets == 2)
    engine.apply(route(1, 1))
    assert engine.served() == (SinkId(1),)
    assert [it[12:] for it in two.receive(2)] == [picture, b"\x41\x9adelta"]
    one.send(rtp(3, b"\x41\x9anext", pt=97))
    assert two.receive()[0][12:] == b"\x41\x9anext"
    assert not engine.snapshot().sinks[SinkId(1)].waiting
    engine.apply(route(1, 1))
    assert engine.served() == ()


@pytest.mark.parametrize("suite", SrtpSuite)
def test_protected_media_comes_out_protected_anew(engine: Engine, suite: SrtpSuite) -> None:
    """Two transports chained back to back: what the first protects the second must take."""
    one, two, end = Peer(engine, 1), Peer(engine, 2), Peer(engine, 3)
    keys = Keys(suite, b"k" * suite.key_bytes, b"s" * suite.salt_bytes)
    commands: list[Command] = [
        one.open(),
        two.open(secure=True),
        OpenTransport(
            TransportId(4), SocketId(3), SocketId(3), two.address, None, Latch.FIXED, True
        ),
        source(1, 1),
        sink(1, 2),
        route(1, 1),
        source(4, 4, payloads=((19, Codec.G722),)),
        end.open(),
        sink(3, 3),
        route(3, 4),
        SetKeys(TransportId(2), True, keys),
        SetKeys(TransportId(4), False, keys),
    ]
    engine.apply(*commands)
    one.send(rtp(1, b"secret" * 20))
    (protected,) = two.receive()
    assert b"secret" not in protected
    two.socket.sendto(protected, end.server)
    assert end.receive()[0][12:] == b"secret" * 20
    two.socket.sendto(protected, end.server)
    forged = protected[:3] + bytes([protected[3] ^ 1]) + protected[4:]
    two.socket.sendto(forged, end.server)
    until = time.monotonic() + PATIENCE_S
    row = engine.snapshot().transports[TransportId(4)]
    while row.replayed + row.auth_failed < 2 and time.monotonic() < until:
        row = engine.snapshot().transports[TransportId(4)]
    assert (row.replayed, row.auth_failed) == (1, 1)


def test_rtp_and_rtcp_may_have_keys_of_their_own(engine: Engine) -> None:
    """As DTLS makes them, one association for each port (RFC 5764 section 4.1)."""
    far, near = Peer(engine, 1), Peer(engine, 2)
    suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80

    def keys(one: bytes) -> Keys:
        return Keys(suite, one * suite.key_bytes, one * suite.salt_bytes)

    engine.apply(
        far.open(secure=True),
        near.open(secure=True, remote=far.address),
        SetKeys(TransportId(1), True, keys(b"m"), Component.RTP),
        SetKeys(TransportId(2), False, keys(b"m"), Component.RTP),
        TransmitRtcp(TransportId(1), RECEIVER_REPORT),
    )
    assert silent(far), "RTCP left under the keys of RTP"
    engine.apply(
        SetKeys(TransportId(1), True, keys(b"c"), Component.RTCP),
        TransmitRtcp(TransportId(1), RECEIVER_REPORT),
    )
    (report,) = far.receive()
    far.socket.sendto(report, near.server)
    until = time.monotonic() + PATIENCE_S
    while not engine.snapshot().transports[TransportId(2)].refused and time.monotonic() < until:
        pass  # no keys for it yet
    engine.apply(SetKeys(TransportId(2), False, keys(b"c"), Component.RTCP))
    far.socket.sendto(report, near.server)
    (heard,) = events(engine)
    assert isinstance(heard, RtcpReceived)
    assert heard.payload == RECEIVER_REPORT
    engine.apply(
        SetKeys(TransportId(1), True, keys(b"b")),
        TransmitRtcp(TransportId(1), RECEIVER_REPORT),
        SetKeys(TransportId(2), False, keys(b"b")),
    )
    far.socket.sendto(far.receive()[0], near.server)
    (heard,) = events(engine)
    assert isinstance(heard, RtcpReceived)


def test_the_snapshot_counts_what_passed(engine: Engine, pair: tuple[Peer, Peer]) -> None:
    one, two = pair
    for i in (1, 2, 4):
        one.send(rtp(i))
    two.receive(3)
    shot: Snapshot = engine.snapshot()
    heard, sent = shot.sources[SourceId(1)], shot.sinks[SinkId(1)]
    assert (heard.packets, heard.lost, heard.codec, heard.ssrc) == (3, 1, Codec.G722, 1)
    assert (sent.packets, sent.octets, sent.source) == (3, 480, 1)
    assert sum(shot.engine.latency_counts) == 3
    assert shot.transports[TransportId(2)].sent_packets == 3


def test_events_wake_the_loop(engine: Engine) -> None:
    peer = Peer(engine, 1)

    async def wait() -> Event:
        heard: asyncio.Queue[Event] = asyncio.Queue()
        engine.on_event(heard.put_nowait)
        peer.send(b"\x00\x01stun")
        return await asyncio.wait_for(heard.get(), PATIENCE_S)

    assert isinstance(asyncio.run(wait()), DatagramReceived)


def test_a_report_waits_for_the_snapshot_a_wish_or_arrivals(
    engine: Engine, pair: tuple[Peer, Peer]
) -> None:
    _, two = pair
    wish = RECEIVER_REPORT + bytes.fromhex("81ce0002000000aa0000beef")
    arrivals = RECEIVER_REPORT + bytes.fromhex("8fcd0005000000aa0000beef000100010000000020010000")
    report = RECEIVER_REPORT

    async def story() -> None:
        heard: list[Event] = []
        engine.on_event(heard.append)
        for payloads, ask in (([report, wish], None), ([report, arrivals], None), ([report], 1)):
            for payload in payloads:
                assert heard == []
                two.send(payload)
                await asyncio.sleep(0.05)
            if ask:
                assert heard == []
                engine.snapshot()
            assert [one.payload for one in heard if isinstance(one, RtcpReceived)] == payloads
            heard.clear()

    asyncio.run(story())


def test_closing_gives_the_port_back(engine: Engine, pair: tuple[Peer, Peer]) -> None:
    one, _ = pair
    engine.apply(CloseTransport(TransportId(1)), CloseSocket(SocketId(1)))
    again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    again.bind(one.server)
    again.close()
    assert set(engine.snapshot().sockets) == {2}


def test_a_key_frame_beside_sound_is_spread_over_the_line(engine: Engine) -> None:
    """60 kB at once on 2 Mbit/s of ATM: speech comes as it was sent, the picture over 0.3 s."""
    one, two = Peer(engine, 1), Peer(engine, 2)
    video = {"kind": Kind.VIDEO, "clock_hz": 90_000}
    engine.apply(
        SetLine(LineId(1), 1_900_000, Framing.ATM, 10),
        one.open(),
        two.open(line=LineId(1)),
        source(1, 1),
        source(2, 1, payloads=((97, Codec.H264),), **video),
        sink(1, 2),
        sink(2, 2, payloads=((Codec.H264, 98),), ssrc=Ssrc(0xCAFE), **video),
        route(1, 1),
        route(2, 2),
    )
    begun = time.monotonic()
    for n in range(50):
        one.send(rtp(n, b"\x65\x88" + bytes(1198), pt=97, ssrc=2))
    for n in range(10):
        one.send(rtp(n))
    kinds = [packet[1] for packet in two.receive(60)]
    assert (kinds.count(19), kinds.count(98)) == (10, 50)
    assert time.monotonic() - begun >= 0.27
    shot = engine.snapshot()
    assert sum(shot.engine.latency_counts[:-1]) >= 11  # sound, the first slice: at once
    row = shot.lines[LineId(1)]
    assert row.sent_bytes == 50 * 27 * 53 + 10 * 5 * 53
    assert row.sound_bytes == 10 * 5 * 53
    assert (row.waiting_packets, row.dropped_packets) == (0, 0)
    assert 0 < row.worst_wait_us < 2_000_000
    two.send(RECEIVER_REPORT)
    assert eventually(lambda: engine.snapshot().lines[LineId(1)].received_bytes) == 53


def test_a_line_bears_no_more_when_those_behind_it_stand_on_several_threads(engine: Engine) -> None:
    """Two who were opened apart and came behind one line later: 30 kB for each take 0.3 s."""
    one, *others = (Peer(engine, n) for n in (1, 2, 3))
    video = {"kind": Kind.VIDEO, "clock_hz": 90_000}
    engine.apply(
        SetLine(LineId(1), 1_900_000, Framing.ATM, 10),
        one.open(),
        source(2, 1, payloads=((97, Codec.H264),), **video),
    )
    for peer in others:
        engine.apply(peer.open())
        engine.apply(
            peer.open(line=LineId(1)),
            sink(peer.number, peer.number, payloads=((Codec.H264, 98),), **video),
            route(peer.number, 2),
        )
    begun = time.monotonic()
    for n in range(25):
        one.send(rtp(n, b"\x65\x88" + bytes(1198), pt=97, ssrc=2))
    for peer in others:
        assert len(peer.receive(25)) == 25
    assert 0.27 <= time.monotonic() - begun < 1.2


def test_packets_are_marked_by_their_kind_also_in_one_go(engine: Engine) -> None:
    one, two = Peer(engine, 1), Peer(engine, 2)
    two.socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    video = {"kind": Kind.VIDEO, "clock_hz": 90_000}
    slides = {"picture_class": PictureClass.SLIDES, "payloads": ((Codec.H264, 99),)}
    engine.apply(
        SetMarks(sound=46, picture=34, slides=26, other=24),
        one.open(),
        two.open(),
        source(1, 1),
        source(2, 1, payloads=((97, Codec.H264),), **video),
        sink(1, 2),
        sink(2, 2, payloads=((Codec.H264, 98),), ssrc=Ssrc(0xCAFE), **video),
        sink(3, 2, ssrc=Ssrc(0xF00D), **(video | slides)),
        *(route(number, min(number, 2)) for number in (1, 2, 3)),
        TransmitRtcp(TransportId(2), RECEIVER_REPORT),
        Transmit(SocketId(2), two.address, b"\x01\x01answer"),
    )
    for n in range(8):
        one.send(rtp(n))
        one.send(rtp(n, b"\x65\x88" + bytes(158), pt=97, ssrc=2))
    marks: dict[int, set[int]] = {}
    for _ in range(26):
        assert select.select([two.socket], [], [], PATIENCE_S)[0]
        datagram, ancillary, _, _ = two.socket.recvmsg(4096, 64)
        marks.setdefault(datagram[1], set()).update(value[0] >> 2 for _, _, value in ancillary)
    assert marks == {19: {46}, 98: {34}, 99: {26}, 201: {24}, 1: {24}}
    engine.apply(SetMarks())
    one.send(rtp(100))
    assert select.select([two.socket], [], [], PATIENCE_S)[0]
    assert {value[0] for _, _, value in two.socket.recvmsg(4096, 64)[1]} == {0}


# ---- connections over TCP (RFC 4571)


def stream_pair() -> tuple[socket.socket, socket.socket]:
    """Return our end of a connection over loopback, and the peer's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        peer = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    return ours, peer


def frame(datagram: bytes) -> bytes:
    return struct.pack("!H", len(datagram)) + datagram


def read_frames(peer: socket.socket, count: int) -> list[bytes]:
    peer.settimeout(PATIENCE_S)
    found: list[bytes] = []
    kept = b""
    while len(found) < count:
        kept += peer.recv(65536)
        while len(kept) >= 2 and len(kept) >= 2 + int.from_bytes(kept[:2]):
            size = int.from_bytes(kept[:2])
            found.append(kept[2 : 2 + size])
            kept = kept[2 + size :]
    return found


def test_a_connection_carries_media_in_frames_both_ways(engine: Engine) -> None:
    ours, peer = stream_pair()
    remote = Address(*peer.getsockname())
    room = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    room.bind(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    port = udp.getsockname()[1]
    there = Address(*room.getsockname())
    stream, plain = SocketId(91), SocketId(92)
    engine.apply(
        OpenSocket(stream, ours.detach()),
        OpenSocket(plain, udp.detach()),
        OpenTransport(TransportId(91), stream, stream, remote, remote, Latch.FIXED, False),
        OpenTransport(TransportId(92), plain, plain, there, there, Latch.FIXED, False),
        SetSource(SourceId(91), TransportId(91), Kind.AUDIO, None, ((9, Codec.G722),), 8000),
        SetSource(SourceId(92), TransportId(92), Kind.AUDIO, None, ((9, Codec.G722),), 8000),
        SetSink(SinkId(91), TransportId(91), Kind.AUDIO, Ssrc(7), ((Codec.G722, 9),), 8000),
        SetSink(SinkId(92), TransportId(92), Kind.AUDIO, Ssrc(8), ((Codec.G722, 9),), 8000),
        SetRoute(SinkId(91), SourceId(92)),
        SetRoute(SinkId(92), SourceId(91)),
    )
    room.settimeout(PATIENCE_S)
    with room, peer:
        for number in range(50):
            packet = rtp(number, bytes(160))
            room.sendto(packet, ("127.0.0.1", port))
            peer.sendall(frame(packet))
        payloads = [one[12:] for one in read_frames(peer, 50)]
        assert payloads == [bytes(160)] * 50
        assert [room.recv(2048)[12:] for _ in range(50)] == [bytes(160)] * 50
        row = engine.snapshot().sockets[stream]
        assert (row.received_packets, row.sent_packets, row.send_errors) == (50, 50, 0)
    engine.apply(CloseTransport(TransportId(91)), CloseTransport(TransportId(92)))
    engine.apply(CloseSocket(stream), CloseSocket(plain))


def test_stun_over_tcp_is_told_with_where_it_came_from_and_answered_in_a_frame(
    engine: Engine,
) -> None:
    ours, peer = stream_pair()
    remote = Address(*peer.getsockname())
    engine.apply(OpenSocket(SocketId(93), ours.detach()))
    with peer:
        check = b"\x00\x01" + bytes(18)
        for byte in frame(check):
            peer.sendall(bytes([byte]))
        event = events(engine)[0]
        assert isinstance(event, DatagramReceived)
        assert (event.socket, event.remote, event.payload) == (SocketId(93), remote, check)
        engine.apply(Transmit(SocketId(93), remote, b"\x01\x01answer"))
        assert read_frames(peer, 1) == [b"\x01\x01answer"]
    assert events(engine)[0] == SocketEnded(SocketId(93))
    engine.apply(CloseSocket(SocketId(93)))
    assert SocketId(93) not in engine.snapshot().sockets


def test_a_frame_too_long_for_any_datagram_ends_the_connection(engine: Engine) -> None:
    ours, peer = stream_pair()
    engine.apply(OpenSocket(SocketId(94), ours.detach()))
    with peer:
        peer.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert events(engine)[0] == SocketEnded(SocketId(94))
    engine.apply(CloseSocket(SocketId(94)))
