"""How long until somebody is in: INVITE to 200 and to a picture, ICE to a picture; and memory.

    INVITE -> 200            beside a Python process that returns each datagram
    INVITE -> first picture  beside the key frame delay of the encoder that was looked at
    ICE -> first picture     beside two aiortc peers without a server; and Chromium in our page
    memory, 4 members        beside a Python that has only imported the same libraries

The server is the real one, fresh, on ports of its own.  Times are wall clock from the first
datagram sent: a busy machine shows.  `python -m benchmarks.call [ROUNDS]`.
"""

import asyncio
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import av
from aiortc import RTCPeerConnection
from aiortc.codecs.h264 import h264_depayload
from tests.interop.server import Server

from benchmarks.caller import HOST, Caller, udp
from benchmarks.camera import filming
from benchmarks.machine import noted
from sfu.probe.ice import reach
from sfu.probe.member import SimulatedMember
from sfu.probe.picture import Painter
from sfu.probe.track import Camera

ROUNDS = 30
BASE_PORT = 26_000
"""Outside the kernel's ephemeral range, and away from the tests'."""
PATIENCE_S = 10.0
SETTLE_S = 8.0
AIM_ANSWER_MS, AIM_PICTURE_MS, AIM_MEMORY_MB = 150, 1000, 200
LIBRARIES = "asyncio, uvloop, structlog, typer, pydantic, OpenSSL.SSL, fastapi, uvicorn, " \
    "sqlalchemy.ext.asyncio, aiosqlite, prometheus_client, dns.asyncresolver"  # fmt: skip
ECHO = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))"
    "\nprint(s.getsockname()[1], flush=True)\nwhile True: s.sendto(*s.recvfrom(65536))"
)


class Quiet(Server):
    """The server with the log level it has by default."""

    def configuration(self) -> str:
        """Return the fixture's, less wordy."""
        return super().configuration().replace('level = "debug"', 'level = "info"')


def line(what: str, ours: Sequence[float], peer: str, theirs: Sequence[float], aim: float) -> None:
    """Print medians and maxima of both in ms, and the ratio of the medians."""
    mid, ref = statistics.median(ours), statistics.median(theirs)
    verdict = "met" if max(ours) <= aim else "MISSED"
    print(
        f"{what:28} median {mid:7.1f}  90% {sorted(ours)[len(ours) * 9 // 10]:7.1f}"
        f"  max {max(ours):7.1f} ms  of {len(ours):3}"
        f"  (aim {aim:.0f}: {verdict})\n"
        f"    {peer:40} median {ref:7.2f}  max {max(theirs):7.1f} ms  ratio {mid / ref:.2f}",
        flush=True,
    )


# ---- SIP


def echoes(rounds: int) -> list[float]:
    """Round trips of an INVITE's size through a process that does nothing else."""
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    took_ms = []
    with udp() as sock:
        sock.settimeout(PATIENCE_S)
        assert process.stdout
        port = int(process.stdout.readline())
        for _ in range(rounds):
            began = time.perf_counter()
            sock.sendto(bytes(1200), (HOST, port))
            sock.recv(2048)
            took_ms.append(1000 * (time.perf_counter() - began))
            time.sleep(0.02)
    process.kill()
    process.wait()
    return took_ms


def answers(server: Server, rounds: int) -> list[float]:
    """Time from INVITE to 200 of calls one after the other."""
    took_ms = []
    for number in range(rounds):
        caller = Caller(server.sip_port)
        took_ms.append(1000 * caller.dial(str(4300 + number % 3)))
        time.sleep(0.05)
        caller.hang_up()
    return took_ms


def picture(server: Server, room: str) -> float:
    """Call in; return the ms from INVITE until a picture was decoded."""
    caller, decoder = Caller(server.sip_port), av.CodecContext.create("h264", "r")
    began = time.perf_counter()
    caller.dial(room)
    waiting = caller.video.rtp
    frame = b""
    while time.perf_counter() - began < PATIENCE_S:
        if not select.select([waiting], [], [], 1)[0]:
            continue
        packet = waiting.recv(2048)
        frame += h264_depayload(packet[12:])
        if packet[1] & 0x80:
            if decodes(decoder, frame):
                took_ms = 1000 * (time.perf_counter() - began)
                caller.hang_up()
                return took_ms
            frame = b""
    raise TimeoutError("no picture was decoded")


def decodes(decoder: "av.VideoCodecContext", frame: bytes) -> bool:
    try:
        return bool(decoder.decode(av.Packet(frame)))
    except av.FFmpegError:
        return False


def calls(server: Server, rounds: int) -> None:
    line("INVITE -> 200", answers(server, rounds), "UDP echo in Python", echoes(rounds),
         AIM_ANSWER_MS)  # fmt: skip
    with filming(server.sip_port, "4201") as delays_ms:
        time.sleep(2)
        took_ms = []
        for _ in range(rounds):
            took_ms.append(picture(server, "4201"))
            time.sleep(0.6)  # two wishes for a key frame are never closer than 0.5 s
    line("INVITE -> first picture", took_ms, "the encoder's key frame, when asked", delays_ms,
         AIM_PICTURE_MS)  # fmt: skip


# ---- ICE


class Clock:
    """When ICE began on a peer."""

    def __init__(self, peer: RTCPeerConnection) -> None:
        self.at = 0.0
        peer.on("iceconnectionstatechange", lambda: self._note(peer))

    def _note(self, peer: RTCPeerConnection) -> None:
        if peer.iceConnectionState == "checking":
            self.at = self.at or time.perf_counter()


async def first_picture(member: SimulatedMember, clock: Clock) -> float:
    """Wait for a decoded picture; return the ms since ICE began."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(eye.frames for eye in member.eyes.values()):
            await asyncio.sleep(0.002)
    return 1000 * (time.perf_counter() - clock.at)


async def joins(server: Server, rounds: int) -> list[float]:
    """Browsers by aiortc, one after the other, into a room where a codec sends."""
    took_ms = []
    for _ in range(rounds):
        member = SimulatedMember("Anne", (40, 60, 210), 850, size=(320, 184), fps=5)
        clock = Clock(member._peer)
        joining = asyncio.ensure_future(member.join(server.local, "4201"))  # noqa: TID251
        took_ms.append(await first_picture(member, clock))
        await joining
        await member.leave()
        await asyncio.sleep(0.6)
    return took_ms


async def alone() -> float:
    """Two aiortc peers without a server: what ICE, DTLS, encoder and decoder take themselves."""
    sender, receiver = RTCPeerConnection(), RTCPeerConnection()
    clock = Clock(receiver)
    track: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    receiver.on("track", lambda one: track.set_result(one))
    sender.addTrack(Camera(Painter("bench", (190, 60, 50), 640, 360), 25))
    await sender.setLocalDescription(await sender.createOffer())
    await receiver.setRemoteDescription(sender.localDescription)
    await receiver.setLocalDescription(await receiver.createAnswer())
    await sender.setRemoteDescription(receiver.localDescription)
    received = await track
    async with asyncio.timeout(PATIENCE_S):
        await received.recv()  # type: ignore[attr-defined]
    took_ms = 1000 * (time.perf_counter() - clock.at)
    await asyncio.gather(sender.close(), receiver.close())
    return took_ms


TIMES = """(() => { const Real = window.RTCPeerConnection; window.benchTimes = {};
  window.RTCPeerConnection = class extends Real { constructor(...words) { super(...words);
    const times = window.benchTimes;
    this.addEventListener('iceconnectionstatechange', () => {
      if (this.iceConnectionState === 'checking') times.began ??= performance.now(); });
    const look = async () => {
      for (const row of (await this.getStats()).values())
        if (row.type === 'inbound-rtp' && row.kind === 'video' && row.framesDecoded)
          { times.seen = performance.now(); return; }
      setTimeout(look, 5); };
    look(); } }; })()"""


async def browsers(server: Server, rounds: int) -> list[float]:
    """Chromium in our page, a fresh one each time; [] where there is none."""
    from playwright.async_api import async_playwright
    from tests.interop import chromium, fixtures

    if not shutil.which(chromium.EXECUTABLE) or not shutil.which("ffmpeg"):
        return []
    took_ms = []
    async with async_playwright() as playwright:
        for _ in range(rounds):
            visitor = chromium.Visitor(fixtures.ANNE, playwright)
            await visitor.open("about:blank")
            await visitor.page.add_init_script(TIMES)
            await visitor.page.goto(f"{server.page}/?room=4201")
            await visitor.join()
            async with asyncio.timeout(PATIENCE_S):
                while not await visitor.page.evaluate("Boolean(benchTimes.seen)"):
                    await asyncio.sleep(0.1)
            took_ms.append(await visitor.page.evaluate("benchTimes.seen - benchTimes.began"))
            await visitor.close()
    return took_ms


async def pictures(server: Server, rounds: int) -> None:
    with filming(server.sip_port, "4201"):
        ours = await joins(server, rounds)
        theirs = [await alone() for _ in range(rounds)]
        line("ICE -> first picture", ours, "two aiortc peers, no server", theirs, AIM_PICTURE_MS)
        if shown := await browsers(server, max(3, rounds // 4)):
            line("the same in Chromium", shown, "two aiortc peers, no server", theirs,
                 AIM_PICTURE_MS)  # fmt: skip


# ---- memory


def pss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:")) / 1024


def is_worker(pid: int) -> bool:
    return b"sfu.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


def server_mb(server: Server) -> tuple[float, float]:
    """Return the PSS of the server's processes, and of its media workers."""
    ours = [pss_mb(pid) for pid in server.pids() if not is_worker(pid)]
    workers = [pss_mb(pid) for pid in server.pids() if is_worker(pid)]
    return sum(ours), sum(workers)


def libraries_mb() -> float:
    """Return what a Python takes that has imported what the server stands on."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"import {LIBRARIES}\nprint(flush=True)\ninput()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    process.stdout.readline()
    found = pss_mb(process.pid)
    process.communicate("\n")
    return found


async def memory(server: Server) -> None:
    """Two codecs and two browsers in one room for some seconds."""
    empty, _ = server_mb(server)
    members = [
        SimulatedMember(name, colour, hz, fps=10)
        for name, colour, hz in (("Anne", (40, 60, 210), 850), ("Bruno", (210, 190, 30), 1130))
    ]
    with filming(server.sip_port, "4201"), filming(server.sip_port, "4201"):
        for member in members:
            await member.join(server.local, "4201")
        await asyncio.sleep(SETTLE_S)
        assert server.metric("sfu_members") == 4
        ours, workers = server_mb(server)
        for member in members:
            await member.leave()
    bare = libraries_mb()
    verdict = "met" if ours <= AIM_MEMORY_MB else "MISSED"
    print(
        f"memory, 4 members            {ours:7.1f} MB of PSS (aim {AIM_MEMORY_MB}: {verdict}),"
        f" {empty:.1f} empty; media workers beside it {workers:.1f}\n"
        f"    a Python with the same libraries {bare:15.1f} MB  ratio {ours / bare:.2f}"
    )


async def run(rounds: int) -> None:
    reach(HOST)
    with tempfile.TemporaryDirectory() as home:
        server = Quiet(Path(home), BASE_PORT)
        await server.start()
        try:
            await memory(server)
            await asyncio.to_thread(calls, server, rounds)
            await pictures(server, max(4, rounds // 3))
        finally:
            await server.stop()


def main() -> None:
    with noted():
        asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))


if __name__ == "__main__":
    main()
