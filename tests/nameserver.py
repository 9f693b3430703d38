"""A name server on loopback that answers from a few lines of a zone."""

import asyncio
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers what stands in the zone; what does not is told not to exist."""

    def __init__(self, zone: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.port = host, port
        self.asked: list[str] = []
        self._sets: dict[tuple[str, int], dns.rrset.RRset] = {}
        self._transport: asyncio.DatagramTransport | None = None
        for line in filter(str.strip, zone.splitlines()):
            name, kind, data = line.split(None, 2)
            one = dns.rrset.from_text(name, 1, "IN", kind, data)
            key = (one.name.to_text().lower(), int(one.rdtype))
            if key in self._sets:
                self._sets[key].update(one)
            else:
                self._sets[key] = one

    async def __aenter__(self) -> "NameServer":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.host, self.port)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query, recursion_available=True)
        [question] = query.question
        name = question.name.to_text().lower()
        self.asked.append(f"{name} {dns.rdatatype.to_text(question.rdtype)}")
        for kind in (question.rdtype, dns.rdatatype.CNAME):
            if found := self._sets.get((name, int(kind))):
                answer.answer.append(found)
                break
        if not any(known == name for known, _ in self._sets):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)
