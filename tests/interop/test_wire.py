"""What the server sends, as tshark reads it: nothing malformed, nothing it calls an error (A5).

Segmentation offload is off, so that the capture shows datagrams as they leave.  tshark follows the
session descriptions of the plain leg into its RTP and RTCP; of the encrypted legs it judges what
is in the clear: TLS and DTLS records, STUN.  Media they carry is that of the plain leg; the RTCP
of browsers is judged as the reporter composes it, before it is encrypted.
"""

import asyncio
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sfu.media.engine.layout import LOG_ROW
from tests.interop import sipp
from tests.interop.fixtures import ANNE, LAJOUX, MOREZ
from tests.interop.server import Server
from tests.interop.wait import until
from tests.media.report import test_reporter as reports

pytestmark = pytest.mark.interop

WRONG = "_ws.malformed || _ws.expert.severity == error"
EXPECTED = {"sip", "rtp", "rtcp", "h264", "stun", "dtls", "tls"}


def test_nothing_the_server_sends_is_malformed(meeting: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with meeting() as m:
            server = await m.serve("[media]\ngso = false\n")
            capture = tmp_path / "meeting.pcap"
            async with Capture(server, capture):
                lajoux = await m.room(LAJOUX)
                morez = await m.room(MOREZ, transport="tls", account="mediaenc=srtp-mand")
                await lajoux.dial(server.sip("4201"))
                await morez.dial(server.sips("4201"))
                anne = await m.person(ANNE)
                await lajoux.sees(MOREZ)
                await anne.sees(LAJOUX, MOREZ)
                await lajoux.command("options", server.sip("4201"))
                await asyncio.sleep(6)  # a few rounds of reports
                await lajoux.hang_up()
                await morez.hang_up()
                await anne.press("leave")
                await until(lambda: server.metric("sfu_members") == 0, 10, "an empty house")
            _judge(server, capture)

    asyncio.run(asyncio.wait_for(story(), 100))


class Capture:
    """tcpdump on loopback, of this server's ports alone."""

    def __init__(self, server: Server, path: Path) -> None:
        self._words = [
            "tcpdump", "-i", "lo", "-U", "-s", "0", "-B", "16384", "-w", str(path),
            f"portrange {server.base}-{server.base + 909}",
        ]  # fmt: skip
        self._path = path

    async def __aenter__(self) -> None:
        self._process = subprocess.Popen(
            self._words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await until(lambda: self._path.exists() and self._path.stat().st_size >= 24, 10, "tcpdump")

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, 10)


def _judge(server: Server, capture: Path) -> None:
    first, last = server.base, server.base + 909
    ours = (
        f"(udp.srcport >= {first} && udp.srcport <= {last})"
        f" || (tcp.srcport >= {first} && tcp.srcport <= {last})"
    )
    ports = [
        f"tcp.port=={server.base + 1},tls", f"tcp.port=={server.base + 2},tls",
        f"udp.port=={server.base},sip", f"tcp.port=={server.base + 3},http",
    ]  # fmt: skip
    rows = read(capture, ours, "frame.protocols", ports)
    seen = Counter(name for row in rows for name in set(row.split(":")))
    assert seen.keys() >= EXPECTED, seen
    assert seen["rtp"] > 200, seen
    # SRTCP it takes for RTCP after its first eight bytes: ciphertext is not to be read
    plain = f'({ours}) && !(rtcp.setup-method == "DTLS-SRTP")'
    assert read(capture, f"({plain}) && ({WRONG})", "_ws.col.Info", ports) == []


def test_reports_are_well_formed_before_they_are_encrypted(tmp_path: Path) -> None:
    reporter = reports.meeting(transport_cc=True, remb=True)
    composed = []
    for second in range(10, 14):
        arrivals = b"".join(
            LOG_ROW.pack(reports.SENDER, number, 0, second * reports.S + number * 20_000)
            for number in range(50)
            if number % 7  # some are lost
        )
        composed += reporter.tick(reports.alive(second * reports.S, arrivals=arrivals))
        reporter.set_estimate(reports.SENDER, 600_000 + second * 1_000)
        composed += reporter.ask_picture(reports.PICTURE, fir=False)
        composed += reporter.ask_picture(reports.PICTURE, fir=True)
        composed += reporter.ask_rate(reports.PICTURE, 500_000)
    capture = tmp_path / "reports.pcap"
    sipp.write_pcap(capture, [(at / 100, one.payload) for at, one in enumerate(composed)])
    ports = ["udp.port==6000,rtcp"]
    types = {
        int(word) for row in read(capture, "rtcp", "rtcp.pt", ports) for word in row.split(",")
    }
    assert types >= {200, 201, 202, 205, 206}
    assert len(read(capture, "rtcp", "frame.number", ports)) == len(composed)
    assert read(capture, WRONG, "_ws.expert", ports) == []


def read(capture: Path, wanted: str, field: str, ports: list[str]) -> list[str]:
    """Return a field of the packets tshark finds to match."""
    decode = [word for port in ports for word in ("-d", port)]
    done = subprocess.run(
        ["tshark", "-n", "-2", "-r", str(capture), *decode, "-o", "rtp.heuristic_rtp:FALSE",
         "-Y", wanted, "-T", "fields", "-e", field],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()
