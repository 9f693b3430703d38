"""What the kernel drops for us: the real kernel, on loopback."""

import socket
from contextlib import ExitStack

import pytest

from sfu.shell.sieve import block

FLOODER, NEIGHBOUR = "127.0.0.66", "127.0.0.67"


def heard(sock: socket.socket, *senders: socket.socket) -> list[bytes]:
    """Have each sender say its place, and return what arrives."""
    for number, sender in enumerate(senders):
        sender.sendto(str(number).encode(), sock.getsockname())
    arrived = []
    sock.setblocking(False)
    while True:
        try:
            arrived.append(sock.recv(100))
        except BlockingIOError:
            return arrived


@pytest.fixture
def udp():
    with ExitStack() as stack:

        def bind(host: str) -> socket.socket:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.bind((host, 0))
            return sock

        yield bind


def test_a_blocked_address_is_not_heard_and_its_neighbours_are(udp):
    sock, *senders = map(udp, ("127.0.0.1", FLOODER, NEIGHBOUR, "127.0.0.1"))
    block(sock, {FLOODER, "127.0.0.99", "2001:db8::/64"})
    assert heard(sock, *senders) == [b"1", b"2"]
    block(sock, {NEIGHBOUR})
    assert heard(sock, *senders) == [b"0", b"2"]
    block(sock, set())
    assert heard(sock, *senders) == [b"0", b"1", b"2"]


def test_of_ipv6_the_whole_network_is_blocked(udp):
    try:
        sock, sender = udp("::1"), udp("::1")
    except OSError:
        pytest.skip("no IPv6 here")
    block(sock, {"2001:db8::/64", "127.0.0.1"})
    assert heard(sock, sender) == [b"0"]
    block(sock, {"2001:db8::/64", "::/64"})
    assert heard(sock, sender) == []


def test_as_many_as_there_may_be_fit(udp):
    sock, sender = udp("127.0.0.1"), udp(FLOODER)
    block(sock, {FLOODER, *(f"10.0.0.{n}" for n in range(63))})
    assert heard(sock, sender) == []
    sock6 = udp("::1")
    block(sock6, {f"2001:db8:{n:x}::/64" for n in range(64)})
