"""What a browser's way costs: one picture of 2 Mbit/s over UDP, over TCP, by a relay over TCP.

A room codec sends 1280x720 at 25 pictures a second (H.264 of ffmpeg, constant rate, a key frame a
second) and a real Chromium watches; each way has a server of its own, in a network namespace whose
kernel drops the browser's datagrams where the way is not UDP.  Counted by the browser: bytes,
pictures, freezes, wait in its jitter buffer.  Of the server: CPU, the engine's time with a packet,
and how late the event loop answers `/readyz`, asked 20 times a second: a loop that a full
connection held up would not answer.

    python -m benchmarks.ways [SECONDS]
"""

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright
from tests.interop.chromium import Visitor
from tests.interop.coturn import RELAYS_FROM, Coturn
from tests.interop.fixtures import ANNE
from tests.interop.network import apart
from tests.interop.server import Server
from tests.interop.wait import until

from benchmarks.caller import Caller
from benchmarks.camera import QUIET
from benchmarks.child import cpu_us
from benchmarks.machine import noted

SECONDS, WARM_S = 20.0, 6.0
FPS, BPS, FRAGMENT = 25, 2_000_000, 1150
BASE, RELAY_PORT, SECRET = 15_000, 19_500, "a secret of the benchmark"
ROOM = "4201"
SETTINGS = "[media]\nvideo_bps = 2500000\n"
WAYS = ("udp", "tcp", "relay")


def pictures(folder: Path, bps: int = BPS) -> list[list[bytes]]:
    """Encode ten seconds; return each picture as its NAL units."""
    path = folder / "picture.h264"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate={FPS}",
         "-t", "10", "-vf", "noise=alls=12:allf=t", "-pix_fmt", "yuv420p", "-c:v", "libx264",
         "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "baseline", "-level", "3.1",
         "-b:v", str(bps), "-minrate", str(bps), "-maxrate", str(bps), "-bufsize", str(bps // 4),
         "-g", str(FPS), "-x264-params", "slices=1:repeat-headers=1:aud=1", str(path)],
        check=True, timeout=120,
    )  # fmt: skip
    units = [one for one in re.split(rb"\x00\x00\x00?\x01", path.read_bytes()) if one]
    found: list[list[bytes]] = []
    for unit in units:
        if unit[0] & 31 == 9:  # an access unit delimiter begins a picture
            found.append([])
        elif unit[0] & 31 in (1, 5, 7, 8):
            found[-1].append(unit)
    return found


def packets(units: list[bytes]) -> Iterator[bytes]:
    """Cut a picture's NAL units into payloads (RFC 6184 FU-A)."""
    for unit in units:
        if len(unit) <= FRAGMENT:
            yield unit
            continue
        for start in range(1, len(unit), FRAGMENT):
            part = unit[start : start + FRAGMENT]
            flags = (start == 1) << 7 | (start + FRAGMENT >= len(unit)) << 6
            yield bytes([unit[0] & 0xE0 | 28, flags | unit[0] & 31]) + part


class Codec(threading.Thread):
    """A room codec that sends its picture until told to stop; `sent` are bytes of payload."""

    def __init__(self, port: int, film: list[list[bytes]]) -> None:
        super().__init__(daemon=True)
        self.film, self.caller = [list(packets(one)) for one in film], Caller(port, "codec")
        self.caller.dial(ROOM)
        self.sent, self.over = 0, threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        for number in range(1_000_000):
            if self.over.is_set():
                break
            parts, timestamp = self.film[number % len(self.film)], number * 90_000 // FPS
            for half in range(2):
                self.caller.audio.send(QUIET, 320 * number + 160 * half)
            for place, part in enumerate(parts):
                self.caller.video.send(part, timestamp, mark=place == len(parts) - 1)
                self.sent += len(part)
                # over half the period, as codecs do that smooth
                due = began + (number + 0.5 * (place + 1) / len(parts)) / FPS
                time.sleep(max(0.0, due - time.monotonic()))
            time.sleep(max(0.0, began + (number + 1) / FPS - time.monotonic()))

    def stop(self) -> None:
        self.over.set()
        self.join()
        self.caller.hang_up()


class Probe(threading.Thread):
    """Asks the event loop 20 times a second whether it lives; `waits_ms` is how long that took."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server, self.waits_ms, self.over = server, list[float](), threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            began = time.perf_counter()
            self.server.answers("/readyz")
            self.waits_ms.append(1e3 * (time.perf_counter() - began))

    def stop(self) -> None:
        self.over.set()
        self.join()


@dataclass(frozen=True, slots=True)
class Result:
    """One way: what the browser counted, and what it cost the server."""

    way: str
    sent_bps: float
    received_bps: float
    fps: float
    frozen: float
    """Of the time."""
    buffer_ms: float
    cpu: float
    """Of one core."""
    engine_us: float
    """From the kernel's receive stamp to after the send call, mean."""
    loop_ms: tuple[float, float, float]
    """Median, 99th of 100, longest."""

    def __str__(self) -> str:
        p50, p99, most = self.loop_ms
        return (
            f"| {self.way} | {self.sent_bps / 1e3:.0f} | {self.received_bps / 1e3:.0f} |"
            f" {self.fps:.1f} | {self.frozen:.1%} | {self.buffer_ms:.0f} | {self.cpu:.1%} |"
            f" {self.engine_us:.0f} | {p50:.1f} / {p99:.1f} / {most:.1f} |"
        )


async def picture(visitor: Visitor) -> dict[str, Any]:
    """Return what the browser counts of the picture it is sent."""
    rows = [one for one in await visitor.stats() if one["type"] == "inbound-rtp"]
    found = [one for one in rows if one.get("kind") == "video" and one.get("framesDecoded")]
    return max(found, key=lambda one: int(one["bytesReceived"]), default={})


def engine(server: Server) -> tuple[float, float]:
    """Return the engine's seconds with packets, and their number."""
    name = "sfu_engine_forwarding_seconds"
    return server.metric(f"{name}_sum"), server.metric(f"{name}_count")


async def watched(way: str, server: Server, visitor: Visitor, codec: Codec, s: float) -> Result:
    """Watch for so long."""

    async def shown() -> bool:
        told = await visitor.page.evaluate("document.getElementById('way').dataset.way ?? ''")
        return bool(told == way and await picture(visitor))

    await until(shown, 60, f"a picture by {way}")
    await asyncio.sleep(WARM_S)
    assert server.process is not None
    probe = Probe(server)
    probe.start()
    before, sent, cpu, engine_before = (
        await picture(visitor), codec.sent, cpu_us(server.process.pid), engine(server)
    )  # fmt: skip
    await asyncio.sleep(s)
    after, sent_after, cpu_after = await picture(visitor), codec.sent, cpu_us(server.process.pid)
    spent, counted = (a - b for a, b in zip(engine(server), engine_before, strict=True))
    probe.stop()
    took_s = (after["timestamp"] - before["timestamp"]) / 1e3

    def grown(key: str) -> float:
        return float(after[key] - before[key])

    waits = sorted(probe.waits_ms)
    return Result(
        way, 8 * (sent_after - sent) / took_s, 8 * grown("bytesReceived") / took_s,
        grown("framesDecoded") / took_s, grown("totalFreezesDuration") / took_s,
        1e3 * grown("jitterBufferDelay") / max(1.0, grown("jitterBufferEmittedCount")),
        (cpu_after - cpu) / took_s / 1e6, 1e6 * spent / max(1.0, counted),
        (statistics.median(waits), waits[len(waits) * 99 // 100], waits[-1]),
    )  # fmt: skip


def drop(*words: str) -> None:
    subprocess.run(["iptables", "-w", "-A", "INPUT", *words, "-j", "DROP"], check=True, timeout=10)


async def by(way: str, home: Path, film: list[list[bytes]], seconds: float) -> Result:
    """Have a codec and a browser meet on a server of their own, by one way."""
    async with AsyncExitStack() as stack:
        settings, webrtc = SETTINGS, ""
        if way == "relay":
            relay = Coturn(home / "coturn", RELAY_PORT, SECRET)
            stack.push_async_callback(relay.stop)
            await relay.start()
            url, webrtc = f"turn:127.0.0.1:{RELAY_PORT}?transport=tcp", "tcp = false"
            settings += f'[turn]\nurls = ["{url}"]\nsecret = "{SECRET}"\n'
        server = Server(home / "server", BASE, settings, webrtc=webrtc)
        stack.push_async_callback(server.stop)
        await server.start()
        if way != "udp":
            but = ["!", "-s", RELAYS_FROM] if way == "relay" else []
            drop("-p", "udp", "--dport", str(BASE + 4), *but)
        codec = await asyncio.to_thread(Codec, BASE, film)
        codec.start()
        stack.callback(codec.stop)
        playwright = await stack.enter_async_context(async_playwright())
        visitor = Visitor(ANNE, playwright)
        stack.push_async_callback(visitor.close)
        await visitor.open(f"{server.page}/?room={ROOM}&sound=raw")
        await visitor.join()
        return await watched(way, server, visitor, codec, seconds)


def main() -> None:
    if os.geteuid():
        print("left out: network namespaces take root")
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    results: list[Result] = []
    with noted(), tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        film = pictures(home)
        for way in WAYS:
            story = by(way, home / way, film, seconds)
            apart(lambda story=story: results.append(asyncio.run(story)))  # type: ignore[misc]
    print("| way | sent kbit/s | received | pictures a second | frozen | jitter buffer ms |"
          " CPU of a core | engine us | loop ms p50 / p99 / max |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for one in results:
        print(one)
    udp = results[0]
    for one in results[1:]:
        print(
            f"{one.way} to udp: rate {one.received_bps / udp.received_bps:.2f},"
            f" pictures {one.fps / udp.fps:.2f}, CPU {one.cpu / udp.cpu:.2f},"
            f" loop p99 {one.loop_ms[1] / udp.loop_ms[1]:.2f}"
        )


if __name__ == "__main__":
    main()
