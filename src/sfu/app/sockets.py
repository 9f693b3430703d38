"""The sockets of a start: which addresses, and one clear line for one that cannot be had."""

import contextlib
import ipaddress
import socket
from collections.abc import Sequence

from sfu.config.address import IpAddress
from sfu.model import Address
from sfu.shell.fault import naming
from sfu.shell.ports import bind_udp

BACKLOG = 128
MEDIA_BUFFER_BYTES = 4 * 1024 * 1024
"""The kernel grants less on most machines; the engine reads what it got."""


def listen_hosts(configured: Sequence[IpAddress]) -> list[str]:
    """Give the addresses to bind: the configured ones, else all, IPv6 where this host has it."""
    if configured:
        return [str(one) for one in configured]
    return ["0.0.0.0", "::"] if has_ipv6() else ["0.0.0.0"]


def has_ipv6() -> bool:
    """Tell whether an IPv6 socket can be bound."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        return True
    return False


def bind_listener(what: str, host: str, port: int) -> socket.socket:
    """Bind a TCP port; UseError of one line where it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with naming(f"{what}, TCP {Address(host, port)}"):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, port))
            sock.listen(BACKLOG)
            sock.setblocking(False)
        except OSError:
            sock.close()
            raise
    return sock


def udp_socket(host: str, port: int) -> socket.socket:
    """Bind the browsers' media port on one address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with naming(f"browsers' media, UDP {Address(host, port)}"):
        return bind_udp(family, host, port, MEDIA_BUFFER_BYTES)


def all_addresses() -> list[str]:
    """Give this host's addresses, those others reach first, loopback last."""
    found: list[str] = []
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            found.append(str(probe.getsockname()[0]))
    with contextlib.suppress(OSError):
        found += [
            str(entry[4][0]).partition("%")[0]
            for entry in socket.getaddrinfo(socket.gethostname(), None)
        ]
    found += interface_addresses()
    found += ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
    usable = [one for one in dict.fromkeys(found) if not ipaddress.ip_address(one).is_link_local]
    return sorted(usable, key=lambda one: ipaddress.ip_address(one).is_loopback)


def interface_addresses() -> list[str]:
    """Give the IPv4 addresses of all interfaces (SIOCGIFADDR), for hosts without a route out."""
    import fcntl
    import struct

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                packed = fcntl.ioctl(sock.fileno(), 0x8915, struct.pack("256s", name.encode()[:15]))
                found.append(socket.inet_ntoa(packed[20:24]))
    return found
