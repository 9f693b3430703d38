"""Picture and sound of a speaker stay together within 80 ms, the mix included.

Lajoux plays picture and sound that begin together.  Morez receives his picture, forwarded, and the
mix with his sound, and dates both by the server's sender reports (RFC 3550 section 6.4.1), as a
room codec does that brings lips and voice together::

    picture packet --known payload--> when Lajoux sent it   \\  the same difference
    onset of the tone in the mix  --> when Lajoux began it  /   within 80 ms
"""

import asyncio
import socket
import struct
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import pytest

from sfu.errors import PeerError
from sfu.media.rtp import ntp, rtcp
from tests.interop.fixtures import LAJOUX, MOREZ
from tests.interop.unit import SOUND_PT, Unit, picture_packets
from tests.interop.wait import until

pytestmark = pytest.mark.interop

APART_S = 0.080
LOOP_S = 8.0
"""Both are played in a loop of this length."""
PERIOD_S = 0.75
"""The tone begins so often, and anew with each turn of the loop."""


class Reports:
    """What comes to the RTCP port of one line."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.last: rtcp.SenderReport | None = None

    def read(self) -> rtcp.SenderReport | None:
        """Return the newest sender report."""
        while True:
            try:
                packets = rtcp.parse(self.socket.recv(2048))
            except BlockingIOError:
                return self.last
            except PeerError as error:
                raise AssertionError("the server's RTCP cannot be read") from error
            for packet in packets:
                if isinstance(packet, rtcp.SenderReport):
                    self.last = packet

    def date(self, timestamp: int, clock_hz: int) -> float:
        """Return the wall time in s of an RTP timestamp."""
        assert self.last is not None
        behind = (self.last.rtp_timestamp - timestamp + 2**31) % 2**32 - 2**31
        return ntp.to_unix(self.last.ntp) - behind / clock_hz


def onsets(unit: Unit, reports: Reports) -> Iterator[float]:
    """Yield the wall times at which the tone begins in the sound that came."""
    decoder = av.CodecContext.create("g722", "r")
    loud = False
    for head, body in unit.rtp("audio"):
        if head[0] != SOUND_PT:
            continue
        for frame in decoder.decode(av.Packet(body)):
            parts = frame.to_ndarray().ravel().astype(float).reshape(-1, 80)  # 5 ms at 16 kHz
            for at, part in enumerate(parts):
                now = bool(np.abs(part).max() > 1500)
                if now and not loud:
                    yield reports.date(head[2] + at * 40, 8_000)
                loud = now or bool(np.abs(part).max() > 300)


def test_the_mix_and_the_forwarded_picture_keep_together(meeting: Any) -> None:
    async def story() -> None:
        async with meeting() as m:
            await m.serve()
            lajoux, morez = m.unit(LAJOUX), m.unit(MOREZ, silent=True)
            sound, picture = Reports(morez.port + 3), Reports(morez.port + 5)
            for unit in (lajoux, morez):
                await unit.call("unit_call", "4201")
                await unit.play()
            await morez.sees(LAJOUX)
            await morez.hears(LAJOUX)
            await until(lambda: sound.read() and picture.read(), 10, "sender reports")
            await asyncio.sleep(4)  # let the jitter buffer settle, and reports follow
            morez.forget()
            await asyncio.sleep(4)
            sound.read(), picture.read()

            known = {data[12:]: at for at, data in picture_packets(LAJOUX, 1)}
            begun = [
                (picture.date(head[2], 90_000) - known[body]) % LOOP_S
                for head, body in morez.rtp("video")
                if body in known
            ]
            assert len(begun) > 50
            origin = float(np.median(begun))
            apart = []
            for at in onsets(morez, sound):
                into = (at - origin) % LOOP_S
                beats = [k * PERIOD_S for k in range(12)]
                apart.append(min((into - beat for beat in beats), key=abs))
            assert len(apart) >= 3
            print(f"sound behind picture: {np.median(apart) * 1000:.0f} ms, of {len(apart)} onsets")
            assert abs(float(np.median(apart))) < APART_S, f"sound behind picture by {apart} s"

    asyncio.run(asyncio.wait_for(story(), 120))


def test_the_clock_of_a_report_dates_timestamps_before_and_after_it() -> None:
    reports = Reports(0)
    try:
        reports.last = rtcp.SenderReport(1, ntp.from_unix(1000.0), 8_000, 0, 0)  # type: ignore[arg-type]
        assert reports.date(16_000, 8_000) == pytest.approx(1001.0)
        assert reports.date(struct.unpack("!I", struct.pack("!i", -8_000))[0], 8_000) == (
            pytest.approx(998.0)
        )
    finally:
        reports.socket.close()
