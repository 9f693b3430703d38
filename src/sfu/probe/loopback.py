"""ICE on a host's own address: aioice leaves 127.0.0.1 and ::1 out, we put them in."""

import ipaddress
import socket

import aioice.ice

_gather = aioice.ice.get_host_addresses


def is_loopback(host: str) -> bool:
    """Tell whether a name or address is this host's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reach(host: str) -> None:
    """Let ICE gather what reaches `host`; holds for the process."""
    aioice.ice.get_host_addresses = _with_loopback if is_loopback(host) else _gather


def _with_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    own = ["127.0.0.1"] if use_ipv4 else []
    if use_ipv6 and _has_ipv6():
        own.append("::1")
    return own + list(_gather(use_ipv4, use_ipv6))


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
