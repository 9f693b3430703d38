"""Browsers' media over TCP: which connections are taken, kept and closed."""

import socket

import pytest

from sfu.media.engine.command import CloseSocket, OpenSocket, Transmit
from sfu.media.engine.event import DatagramReceived, SocketEnded
from sfu.model import Address, SocketId
from sfu.shell.icetcp import MOST_EACH, PROVE_S, IceTcp, begins_frame
from tests.shell.stage import Stage, stage
from tests.shell.test_icedoor import PRINT, check, sent

REMOTE = Address("192.0.2.50", 4000)


@pytest.fixture
def house():
    with stage() as made:
        yield made


@pytest.fixture
def tcp(house):
    return IceTcp(house.door)


def connect(house: Stage, tcp: IceTcp, host: str = REMOTE.host) -> SocketId:
    ours, theirs = socket.socketpair()
    theirs.close()
    assert tcp.divert(ours, host, 0)
    return SocketId(house.engine.of(OpenSocket)[-1].socket)


def come(house: Stage, stream: SocketId, payload: bytes) -> None:
    house.engine.tell(DatagramReceived(stream, REMOTE, payload, round(house.now * 1e6)))


def wait(house: Stage, tcp: IceTcp, seconds: float) -> None:
    house.engine.now += seconds
    tcp.tick()


def test_a_frame_is_told_from_tls_by_its_first_byte():
    assert [begins_frame(one) for one in (0, 8, 9, 0x16, 0x80, ord("G"))] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def test_a_browser_is_answered_on_the_connection_it_came_by(house, tcp):
    path = house.door.open(lambda event: None, [PRINT], gso=False)
    assert path.over_tcp is None
    stream = connect(house, tcp)
    come(house, stream, check(path))
    answer = house.engine.of(Transmit)[-1]
    assert (answer.socket, answer.remote) == (stream, REMOTE)
    assert house.engine.transports[path.transport].rtp_socket == stream
    assert path.over_tcp is True
    wait(house, tcp, 10 * PROVE_S)
    assert stream in house.engine.sockets
    assert len(tcp) == 1


def test_a_connection_without_an_authentic_check_is_closed(house, tcp):
    path = house.door.open(lambda event: None, [PRINT], gso=False)
    stream = connect(house, tcp)
    come(house, stream, check(path, password="wrongwrongwrongwrong1234"))
    come(house, stream, b"\x16garbage")
    wait(house, tcp, PROVE_S - 1)
    assert stream in house.engine.sockets
    wait(house, tcp, 2)
    assert stream not in house.engine.sockets
    assert len(tcp) == 0


def test_when_its_connection_ends_a_browser_goes_on_by_another_or_waits(house, tcp):
    path = house.door.open(lambda event: None, [PRINT], gso=False)
    first, second = connect(house, tcp), connect(house, tcp)
    come(house, first, check(path))
    come(house, second, check(path, nominate=False))
    house.engine.tell(SocketEnded(first))
    assert house.engine.transports[path.transport].rtp_socket == second
    house.engine.tell(SocketEnded(second))
    stated = house.engine.transports[path.transport]
    assert (stated.rtp_socket, stated.remote) == (house.door.sockets[0], None)
    assert {first, second}.isdisjoint(house.engine.sockets)
    assert not house.door.streams
    house.engine.tell(SocketEnded(first))  # told twice, done once
    assert len(house.engine.of(CloseSocket)) == 2


def test_the_connection_of_a_browser_that_left_is_closed(house, tcp):
    path = house.door.open(lambda event: None, [PRINT], gso=False)
    stream = connect(house, tcp)
    come(house, stream, check(path))
    wait(house, tcp, 2 * PROVE_S)
    path.close()
    wait(house, tcp, 2)
    assert stream not in house.engine.sockets
    assert sent(house) is not None


def test_one_address_has_its_share(house, tcp):
    for _ in range(MOST_EACH):
        connect(house, tcp)
    ours, theirs = socket.socketpair()
    theirs.close()
    tcp.take(ours, REMOTE.host)
    assert (ours.fileno(), tcp.refused, len(tcp)) == (-1, 1, MOST_EACH)
    connect(house, tcp, "192.0.2.99")


def test_what_is_no_frame_is_left_to_the_page(house, tcp):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not tcp.divert(ours, REMOTE.host, 0x16)
        assert ours.fileno() >= 0
        assert len(tcp) == 0
