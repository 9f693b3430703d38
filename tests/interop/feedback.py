"""The RTCP of a unit's picture, read and written packet by packet."""

import asyncio
import socket
import time
from typing import TypeVar

from sfu.media.rtp import rtcp
from sfu.media.rtp.rtcp import ReceiverReport, RtcpPacket
from sfu.model import Ssrc
from tests.interop.unit import SSRCS, Unit
from tests.interop.wait import until

OURS = Ssrc(SSRCS["video"])
Packet = TypeVar("Packet", bound=RtcpPacket)


class Feedback:
    """What comes to the RTCP port of a unit's video line; a broken compound fails the test."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", unit.port + 5))
        unit._socks["rtcp"] = self._socket  # it closes what it has
        self.got: list[tuple[float, RtcpPacket]] = []
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    def _receive(self) -> None:
        while True:
            try:
                packets = rtcp.parse(self._socket.recv(2048))
            except BlockingIOError:
                return
            self.got += [(time.monotonic(), packet) for packet in packets]

    def of(self, kind: type[Packet]) -> list[Packet]:
        """Return the packets of a kind, oldest first."""
        return [packet for _, packet in self.got if isinstance(packet, kind)]

    def times(self, kind: type[RtcpPacket]) -> list[float]:
        return [at for at, packet in self.got if isinstance(packet, kind)]

    async def hears(self, kind: type[Packet], seconds: float = 10, beyond: int = 0) -> Packet:
        """Return the newest packet of a kind as soon as there are more than so many."""
        await until(lambda: len(self.of(kind)) > beyond, seconds, f"{kind.__name__} {beyond + 1}")
        return self.of(kind)[-1]

    def says(self, *packets: RtcpPacket) -> None:
        """Send a compound to the server's RTCP port, the one after its RTP."""
        port = self._unit._targets()["video"] + 1
        data = rtcp.compose((ReceiverReport(OURS), *packets))
        self._socket.sendto(data, ("127.0.0.1", port))
