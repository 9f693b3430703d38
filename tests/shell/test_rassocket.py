"""What the kernel says of a datagram, read."""

import socket
import struct

import pytest

from sfu.shell.rassocket import IP_PKTINFO, IPV6_PKTINFO, at

HEARD_BY_ALL = struct.pack("@i4s4s", 2, b"\xc0\0\2\1", b"\xe0\0\1)")
HEARD_BY_US = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + bytes(4)


@pytest.mark.parametrize(
    ("ancillary", "address"),
    [
        ([], ""),
        ([(socket.SOL_SOCKET, 29, bytes(16))], ""),
        ([(socket.IPPROTO_IP, IP_PKTINFO, bytes(3))], ""),
        (
            [(socket.IPPROTO_IP, IP_PKTINFO, HEARD_BY_ALL)],
            "192.0.2.1",  # where it came to all, the interface's own
        ),
        (
            [(socket.IPPROTO_IPV6, IPV6_PKTINFO, HEARD_BY_US)],
            "2001:db8::1",
        ),
    ],
)  # fmt: skip
def test_the_address_a_datagram_came_to_is_read(ancillary, address):
    assert at(ancillary) == address
