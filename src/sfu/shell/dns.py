"""Where a SIP name is served: SRV, then A and AAAA (RFC 3263 section 4, without NAPTR)."""

import asyncio
import socket
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from sfu.model import Address
from sfu.signalling.sip.flow import Carrier, Hop, literal

MAX_TARGETS = 8
_SERVICES = {
    Carrier.TLS: "_sips._tcp",
    Carrier.UDP: "_sip._udp",
    Carrier.TCP: "_sip._tcp",
}


@dataclass(frozen=True, slots=True)
class Target:
    """One place to try."""

    carrier: Carrier
    address: Address


async def resolve(hop: Hop, timeout_s: float = 5.0) -> list[Target]:
    """Return places to try, the best first; empty where the name is unknown."""
    carrier = hop.carrier or Carrier.UDP
    if literal(hop.host):
        return [Target(carrier, Address(hop.host, hop.port or carrier.port))]
    if hop.port is None:
        for served in await _services(hop, timeout_s):
            found = await _addresses(served[1])
            if found:
                return [Target(served[0], Address(host, served[2])) for host in found]
    hosts = await _addresses(hop.host)
    port = hop.port or carrier.port
    return [Target(carrier, Address(host, port)) for host in hosts]


async def _services(hop: Hop, timeout_s: float) -> list[tuple[Carrier, str, int]]:
    """Look for SRV records, of the wanted carrier or of each."""
    carriers = [hop.carrier] if hop.carrier else [Carrier.UDP, Carrier.TCP]
    found: list[tuple[int, int, Carrier, str, int]] = []
    for carrier in carriers:
        for record in await _query(f"{_SERVICES[carrier]}.{hop.host}", "SRV", timeout_s):
            host = str(record.target).rstrip(".")
            found.append((record.priority, -record.weight, carrier, host, record.port))
    return [(carrier, host, port) for _, _, carrier, host, port in sorted(found)[:MAX_TARGETS]]


async def _addresses(host: str) -> list[str]:
    """Ask the host's own resolver, which knows its hosts file too; IPv4 first."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    found.sort(key=lambda row: row[0] != socket.AF_INET)
    return [str(row[4][0]) for row in found[:MAX_TARGETS]]


async def _query(name: str, kind: str, timeout_s: float) -> list:  # type: ignore[type-arg]
    try:
        answer = await dns.asyncresolver.resolve(name, kind, lifetime=timeout_s, search=False)
    except (dns.exception.DNSException, OSError):
        return []
    return list(answer)
