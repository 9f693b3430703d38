"""Where a SIP name is served: NAPTR, SRV, A and AAAA (RFC 3263 section 4, RFC 2782).

::

    example.org --NAPTR--> SIP+D2T _sip._tcp.example.org --SRV--> a.example.org:5060 --A--> places
         `--none--> SRV of each carrier --none--> A and AAAA at the usual port

All places are returned, the best first: who gets no answer from one goes on to the next.
"""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception

from sfu.model import Address
from sfu.signalling.sip.flow import Carrier, Hop, Place, literal

MAX_PLACES = 8
MAX_RECORDS = 16
TIMEOUT_S = 3.0
SERVICES = {
    "SIP+D2U": Carrier.UDP,
    "SIP+D2T": Carrier.TCP,
    "SIPS+D2T": Carrier.TLS,
}
"""NAPTR services of the carriers we have."""
PREFIXES = {
    Carrier.UDP: "_sip._udp",
    Carrier.TCP: "_sip._tcp",
    Carrier.TLS: "_sips._tcp",
}
UNASKED = (Carrier.UDP, Carrier.TCP)
"""Looked for where no carrier is wanted and no NAPTR tells: TLS only where it is told."""

Query = Callable[[str, str], Awaitable[list[Any]]]
"""Name and record type to records; empty where there are none or nobody answers."""
Lookup = Callable[[str], Awaitable[list[str]]]
"""Name to IP addresses."""


@dataclass(frozen=True, slots=True)
class _Served:
    """What one SRV record says."""

    priority: int
    weight: int
    carrier: Carrier
    host: str
    port: int


async def _query(name: str, kind: str) -> list[Any]:
    try:
        answer = await dns.asyncresolver.resolve(name, kind, lifetime=TIMEOUT_S, search=False)
    except (dns.exception.DNSException, OSError, UnicodeError):
        return []
    return list(answer)[:MAX_RECORDS]


async def _addresses(host: str) -> list[str]:
    """Ask the host's own resolver, which knows its hosts file too; IPv4 first."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    found.sort(key=lambda row: row[0] != socket.AF_INET)
    return [str(row[4][0]) for row in found]


async def resolve(
    hop: Hop,
    query: Query = _query,
    lookup: Lookup = _addresses,
    chance: Callable[[float], float] = lambda top: random.uniform(0, top),
) -> list[Place]:
    """Return places to try, the best first; empty where the name is unknown."""
    if hop.port is None and not literal(hop.host):
        places: list[Place] = []
        for served in await _services(hop, query, chance):
            hosts = await lookup(served.host)
            places += [Place(served.carrier, Address(host, served.port)) for host in hosts]
            if len(places) >= MAX_PLACES:
                break
        if places:
            return list(dict.fromkeys(places))[:MAX_PLACES]
    carrier = hop.carrier or Carrier.UDP
    port = hop.port or carrier.port
    hosts = [hop.host] if literal(hop.host) else await lookup(hop.host)
    return [Place(carrier, Address(host, port)) for host in hosts[:MAX_PLACES]]


async def _services(hop: Hop, query: Query, chance: Callable[[float], float]) -> list[_Served]:
    """Return the SRV records, of the carriers that NAPTR names in its order, else of each."""
    wanted = await _named(hop, query)
    if not wanted:
        carriers = UNASKED if hop.carrier is None else (hop.carrier,)
        wanted = [(one, f"{PREFIXES[one]}.{hop.host}") for one in carriers]
    found = []
    for carrier, name in wanted:
        records = [
            _Served(one.priority, one.weight, carrier, str(one.target).rstrip("."), one.port)
            for one in await query(name, "SRV")
        ]
        # the target "." says that this service is decidedly not there (RFC 2782)
        found += in_turn([one for one in records if one.host], chance)
    return found


async def _named(hop: Hop, query: Query) -> list[tuple[Carrier, str]]:
    """Read NAPTR: lower order first, then lower preference; a wanted carrier alone counts."""
    rows = []
    for record in await query(hop.host, "NAPTR"):
        service, flags = record.service.decode("ascii", "replace"), record.flags.lower()
        carrier = SERVICES.get(service.upper())
        if carrier is None or flags != b"s" or hop.carrier not in (None, carrier):
            continue
        name = str(record.replacement).rstrip(".")
        rows.append((record.order, record.preference, carrier, name))
    return [(carrier, name) for _, _, carrier, name in sorted(rows)]


def in_turn(records: Sequence[_Served], chance: Callable[[float], float]) -> list[_Served]:
    """Order SRV records: by priority; among equals by lot, the heavier the likelier (RFC 2782)."""
    # weight 0 first, so that a lot of 0 can fall on it
    left = sorted(records, key=lambda one: (one.priority, one.weight))
    turn = []
    while left:
        equals = [one for one in left if one.priority == left[0].priority]
        lot = chance(sum(one.weight for one in equals))
        for one in equals:
            lot -= one.weight
            if lot <= 0:
                break
        turn.append(one)
        left.remove(one)
    return turn
