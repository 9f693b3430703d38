import pytest

from sfu.errors import UseError
from sfu.media.engine import layout, wire
from sfu.media.engine.command import (
    CloseLine,
    CloseSink,
    Probe,
    SetKeys,
    SetLine,
    SetMarks,
    SetRoute,
    Transmit,
)
from sfu.media.engine.event import SinkStarved
from sfu.model import (
    Address,
    Framing,
    Keys,
    LineId,
    SinkId,
    SocketId,
    SrtpSuite,
    TransportId,
)


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::1", "fe80::1%3"])
def test_an_address_survives_the_way_down_and_up(host: str) -> None:
    address = Address(host, 5004)
    assert wire.unpack_address(*wire.pack_address(address)) == address


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_peer() -> None:
    assert wire.pack_address(Address("::ffff:192.0.2.7", 1)) == wire.pack_address(
        Address("192.0.2.7", 1)
    )


def test_a_name_is_no_address() -> None:
    with pytest.raises(UseError):
        wire.pack_address(Address("room.example", 5004))


def test_keys_must_have_the_length_of_their_suite() -> None:
    keys = Keys(SrtpSuite.AEAD_AES_128_GCM, bytes(16), bytes(14))
    with pytest.raises(UseError):
        wire.pack([SetKeys(TransportId(1), True, keys)])


def test_records_are_padded_and_follow_each_other() -> None:
    packed = wire.pack(
        [Transmit(SocketId(1), Address("192.0.2.7", 1), b"odd"), CloseSink(SinkId(9))]
    )
    size, kind = layout.RECORD.unpack_from(packed)
    assert (size % 8, kind) == (0, layout.Down.TRANSMIT)
    assert layout.RECORD.unpack_from(packed, size)[1] == layout.Down.CLOSE_SINK
    assert len(packed) == size + 16


def test_an_engine_of_other_sources_is_refused() -> None:
    wire.check_abi(layout.SIZES)
    with pytest.raises(UseError):
        wire.check_abi((*layout.SIZES[:-1], 0))


def test_lines_probes_and_marks_go_down_as_the_engine_reads_them() -> None:
    packed = wire.pack(
        [
            SetLine(LineId(3), 1_900_000, Framing.ATM, 10),
            SetMarks(sound=46, picture=34, slides=26, other=24),
            Probe(LineId(3), SinkId(9), 2_200_000, 300_000),
            CloseLine(LineId(3)),
            SetRoute(SinkId(9), None, temporal=1),
        ]
    )
    bodies, at = [], 0
    while at < len(packed):
        size, kind = layout.RECORD.unpack_from(packed, at)
        bodies.append((kind, packed[at + 8 : at + size]))
        at += size
    assert [kind for kind, _ in bodies] == [
        layout.Down.SET_LINE,
        layout.Down.SET_MARKS,
        layout.Down.PROBE,
        layout.Down.CLOSE_LINE,
        layout.Down.SET_ROUTE,
    ]
    assert layout.SET_LINE.unpack(bodies[0][1]) == (3, 10, 1_900_000, 2)
    assert layout.SET_MARKS.unpack(bodies[1][1]) == (46, 34, 26, 24)
    assert layout.PROBE.unpack(bodies[2][1]) == (3, 9, 2_200_000, 300_000)
    assert layout.SET_ROUTE.unpack(bodies[4][1]) == (9, 0, 1)


def test_a_starved_sink_is_told_by_its_name() -> None:
    body = layout.SINK_STARVED.pack(9, 40, 77)
    packed = layout.RECORD.pack(8 + len(body), layout.Up.SINK_STARVED) + body
    assert list(wire.unpack_events(packed)) == [SinkStarved(SinkId(9), 40, 77)]
