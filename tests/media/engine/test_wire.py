import pytest

from sfu.errors import UseError
from sfu.media.engine import layout, wire
from sfu.media.engine.command import CloseSink, SetKeys, Transmit
from sfu.model import Address, Keys, SinkId, SocketId, SrtpSuite, TransportId


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
