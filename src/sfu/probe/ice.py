"""Two things aiortc's ICE needs a hand with.

aioice leaves 127.0.0.1 and ::1 out when it gathers.  aiortc looks for the candidates of a bundle
in its last part, where RFC 8843 section 7.1.3 has them in the first only.
"""

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


def spread_candidates(sdp: str) -> str:
    """Return an answer whose every part holds the first part's candidates."""
    head, *parts = sdp.split("\r\nm=")
    lines = parts[0].split("\r\n") if parts else []
    candidates = [one for one in lines if one.startswith(("a=candidate:", "a=end-of-cand"))]
    spread = [
        part if "a=candidate:" in part else "\r\n".join([part.rstrip(), *candidates])
        for part in parts
    ]
    return "\r\nm=".join([head, *(part.rstrip() for part in spread)]) + "\r\n"
