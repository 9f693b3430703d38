"""What forwarding adds in time, on the real server: 4 and 16 room codecs in one meeting.

Everybody sends 1 Mbit/s of H.264 and sound; the speaker's picture goes to all others.  Measured
twice: at the far end, from before the source's send call to the kernel's receive stamp at each
viewer; and by the engine itself (`sfu_engine_forwarding_seconds`, sound to the mixer included).
Beside it, in turns, the bare C loop of `benchmarks/native` at the same priority under the same
packets; and meanwhile a thread that does nothing but wake: what it misses nobody can keep.

    python -m benchmarks.latency [SECONDS]
"""

import asyncio
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.server import Server

from benchmarks.call import BASE_PORT, Quiet
from benchmarks.caller import Caller, udp
from benchmarks.camera import LOUD, QUIET
from benchmarks.machine import PRIORITY, build, noted, watched

SECONDS, WARM_S = 6.0, 2.0
FPS, PACKETS, BYTES = 25, 4, 1200
AIM_US = 5000
KEYFRAME_EACH_S = 2
SO_TIMESTAMPNS = 35
STAMP = struct.Struct("!Q")
SPS = bytes.fromhex("6742c01fda014016e840000003004000000c83c60ca8")
PPS = bytes.fromhex("68ce3c80")
ENOUGH = 100


@dataclass
class Traffic:
    """Sends pictures and sound of all members, and reads what reaches the viewers."""

    callers: list[Caller]
    viewers: list[socket.socket]
    sent: int = 0
    times_us: list[float] = field(default_factory=list)
    counting: bool = False
    number: int = 0
    """Of the next picture."""

    def run(self, seconds: float) -> None:
        """Play for so long; every member's pictures at its own moment of the period."""
        began, step = time.monotonic(), 1 / FPS
        plan = [(index * step / len(self.callers), index) for index in range(len(self.callers))]
        with selectors.DefaultSelector() as selector:
            for viewer in self.viewers:
                selector.register(viewer, selectors.EVENT_READ)
            for turn in range(round(seconds * FPS)):
                for offset, index in plan:
                    self._until(selector, began + turn * step + offset)
                    self._frame(index, self.number)
                self.number += 1
            self._until(selector, time.monotonic() + 0.2)

    def _until(self, selector: selectors.BaseSelector, due: float) -> None:
        while (wait_s := due - time.monotonic()) > 0:
            for key, _ in selector.select(wait_s):
                self._receive(key.fileobj)  # type: ignore[arg-type]

    def _frame(self, index: int, number: int) -> None:
        caller, timestamp = self.callers[index], number * 90_000 // FPS
        for half in range(2):
            sound = LOUD if index == 0 and number // FPS % 4 < 3 else QUIET
            caller.audio.send(sound, 320 * number + 160 * half)
        idr = number % (KEYFRAME_EACH_S * FPS) == 0
        if idr:
            for unit in (SPS, PPS):
                caller.video.send(unit, timestamp)
        for place in range(PACKETS):
            last = place == PACKETS - 1
            # FU-A; the third byte says first_mb_in_slice 0
            head = bytes([0x7C, (place == 0) << 7 | last << 6 | (5 if idr else 1), 0x88])
            stamp = STAMP.pack(time.time_ns())
            fill = bytes(BYTES - len(head) - len(stamp) - 12)
            caller.video.send(head + stamp + fill, timestamp, mark=last)
            self.sent += index == 0 and self.counting

    def _receive(self, viewer: socket.socket) -> None:
        data, notes, _, _ = viewer.recvmsg(2048, 64)
        if len(data) != BYTES or not self.counting:
            return  # parameter sets, and what came while warming up
        (_, _, note), *_ = notes
        seconds, nanoseconds = struct.unpack("qq", note[:16])
        (left_ns,) = STAMP.unpack_from(data, 12 + 3)
        self.times_us.append((seconds * 10**9 + nanoseconds - left_ns) / 1000)


@dataclass(frozen=True, slots=True)
class Result:
    """One run: microseconds at the far end, and how many packets never got there."""

    p50: float
    p99: float
    lost: int
    received: int


def stamped(sock: socket.socket) -> socket.socket:
    """Have the kernel say when each datagram came."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return sock


def play(traffic: Traffic, seconds: float, warm: Callable[[], None] = lambda: None) -> Result:
    traffic.run(WARM_S)
    warm()
    traffic.counting = True
    traffic.run(seconds)
    times = sorted(traffic.times_us)
    assert len(times) > ENOUGH, "nothing is forwarded"
    expected = traffic.sent * len(traffic.viewers)
    return Result(
        statistics.median(times), times[len(times) * 99 // 100], expected - len(times), len(times)
    )


def through_server(server: Server, count: int, seconds: float) -> tuple[Result, list[float]]:
    """Return what viewers saw, and the engine's own bucket counts meanwhile."""
    callers = [Caller(server.sip_port, f"codec{index}") for index in range(count)]
    room = str(4400 + count)
    before: list[float] = []
    for caller in callers:
        caller.dial(room)
    viewers = [stamped(caller.video.rtp) for caller in callers[1:]]
    result = play(
        Traffic(callers, viewers), seconds, lambda: before.extend(buckets(server)[1])
    )  # fmt: skip
    bounds, after = buckets(server)
    grown = [now - then for now, then in zip(after, before, strict=True)]
    for caller in callers:
        caller.hang_up()
    return result, [quantile(bounds, grown, 0.5), quantile(bounds, grown, 0.99)]


def through_bare(directory: Path, count: int, seconds: float, *, realtime: bool) -> Result:
    """Send the same; only the speaker's picture goes to the loop, the rest to nobody."""
    with ExitStack() as stack:
        viewers = [stack.enter_context(stamped(udp())) for _ in range(count - 1)]
        nobody = stack.enter_context(udp())
        ports = [str(one.getsockname()[1]) for one in viewers]
        priority = ["chrt", "-f", str(PRIORITY)] if realtime else []
        process = subprocess.Popen(
            [*priority, str(directory / "bare"), "plain", *ports], stdout=subprocess.PIPE, text=True
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stdout
        to = int(process.stdout.readline())
        callers = [Caller(0) for _ in range(count)]
        for index, caller in enumerate(callers):
            caller.audio.to = nobody.getsockname()[1]
            caller.video.to = caller.audio.to if index else to
        return play(Traffic(callers, viewers), seconds)


def cpu_s(server: Server) -> tuple[float, float]:
    """Return the CPU time of the server process: Python's threads, the engine's."""
    python = engine = 0.0
    for task in Path(f"/proc/{server.pids()[0]}/task").iterdir():
        took_s = int((task / "schedstat").read_text().split()[0]) / 1e9
        if (task / "comm").read_text().startswith("sfu-engine"):
            engine += took_s
        else:
            python += took_s
    return python, engine


def buckets(server: Server) -> tuple[list[float], list[float]]:
    """Return the upper bounds in us and the counts up to each, of /metrics."""
    bounds, counts = [], []
    for row in server.get("/metrics").splitlines():
        if row.startswith("sfu_engine_forwarding_seconds_bucket"):
            bounds.append(1e6 * float(row.partition('le="')[2].partition('"')[0]))
            counts.append(float(row.rsplit(" ", 1)[1]))
    return bounds, counts


def quantile(bounds: list[float], counts: list[float], part: float) -> float:
    """Return a quantile as Prometheus reckons it: straight between the bounds of its bucket."""
    wanted, low, below = part * counts[-1], 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if count >= wanted:
            within = (wanted - below) / (count - below) if count > below else 1.0
            return low if bound == float("inf") else low + within * (bound - low)
        low, below = bound, count
    return low


def compare(server: Server, directory: Path, count: int, seconds: float) -> None:
    realtime = bool(server.metric("sfu_engine_realtime"))
    with watched(directory, realtime=realtime) as machine:
        before, began = cpu_s(server), time.monotonic()
        ours, engine = through_server(server, count, seconds)
        lasted_s = time.monotonic() - began
    parts = [(now - then) / lasted_s for now, then in zip(cpu_s(server), before, strict=True)]
    bare = through_bare(directory, count, seconds, realtime=realtime)
    verdict = "met" if engine[1] < AIM_US and ours.p99 - bare.p50 < AIM_US else "MISSED"
    print(
        f"{count:3} members  far end {ours.p50:6.0f}/{ours.p99:<6.0f} bare {bare.p50:6.0f}/"
        f"{bare.p99:<6.0f} ratio {ours.p50 / bare.p50:.2f}/{ours.p99 / bare.p99:.2f}"
        f"  lost {ours.lost} and {bare.lost} of {ours.received}"
        f"  engine itself {engine[0]:.0f}/{engine[1]:.0f}  (aim p99 < {AIM_US}: {verdict})\n"
        f"    {machine}\n"
        f"    the server's Python takes {parts[0]:.1%} of a core, its engine {parts[1]:.1%}",
        flush=True,
    )


async def run(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        build(Path(name))
        server = Quiet(Path(name) / "home", BASE_PORT)
        await server.start()
        try:
            realtime = bool(server.metric("sfu_engine_realtime"))
            print(f"p50/p99 in us; the engine's thread is {'' if realtime else 'not '}real-time")
            for count in (4, 16):
                await asyncio.to_thread(compare, server, Path(name), count, seconds)
        finally:
            await server.stop()


def main() -> None:
    with noted():
        asyncio.run(run(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))


if __name__ == "__main__":
    main()
