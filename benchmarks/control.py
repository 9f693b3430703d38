"""What the control side costs: the RTCP and transport-wide feedback of 200 browsers.

`native/browsers.c` watches with 200 sockets what one source sends, 100 packets a second, and gives
feedback ten times a second and a receiver report each second; with `--sending` each sends as many
packets a second itself, which are told of.  This process is the server's control
side as it runs: engine, patchbay, reporter, an estimator for each browser, ticks of 50 ms.
CPU of the Python thread, and of the engine's, by schedstat.

    python -m benchmarks.control [--browsers 200] [--rate 100] [--sending 0] [--seconds 10]
                                 [--profile FILE]
"""

import argparse
import asyncio
import cProfile
import os
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import uvloop

from benchmarks.engine_server import H261
from benchmarks.machine import build, noted
from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.engine.command import Extensions, OpenTransport, SetLine, SetSink, SetSource
from sfu.media.report.reporter import Reporter
from sfu.model import Address, Codec, Framing, Kind, Latch, MemberId, Ssrc
from sfu.shell.arrived import EngineArrivals
from sfu.shell.engine import Engine
from sfu.shell.estimates import Estimates
from sfu.shell.lines import AccessLine
from sfu.shell.patchbay import Patchbay

TICK_S = 0.05
AIM = 0.25
BYTES = 1100


def cpu_ns(thread: int) -> int:
    """Return the CPU time of a thread of ours."""
    return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0])


class Server:
    """The control side, with everybody opened."""

    def __init__(self, ports: list[int], source: socket.socket, *, sending: bool) -> None:
        """Open a source and a receiver for each port, each behind a line of its own.

        `sending`: the receivers are sources too.
        """
        self.engine = Engine()
        self.bay = Patchbay(self.engine, Reporter("bench", 0.0, EngineArrivals()), os.urandom)
        self.estimates = Estimates(self.bay)
        self.bay.hearing.on_arrivals = self.hear
        shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        shared.bind(("127.0.0.1", 0))
        self.port = shared.getsockname()[1]
        self._socket = self.bay.open_socket(shared.detach())
        cells = Encapsulation(Framing.ATM, Framing.ATM.usual_overhead_bytes)
        sent = self._transport(source.getsockname()[1], None)
        first = self.bay.new_source()
        video = ((H261, Codec.H261),)
        self.bay.set_source(
            SetSource(first, sent.transport, Kind.VIDEO, None, video, 90_000), MemberId("camera")
        )
        for number, port in enumerate(ports):
            line = AccessLine(self.bay.new_line(), "", "", None, None, cells)
            rate = SetLine(line.line, 0, cells.framing, cells.overhead_bytes)
            self.bay.set_line(rate)
            self.estimates.watch(line)
            transport = self._transport(port, line)
            if sending:
                camera = self.bay.new_source()
                self.bay.set_source(
                    SetSource(camera, transport.transport, Kind.VIDEO, None, video, 90_000),
                    MemberId(str(port)),
                )
            sink = self.bay.new_sink()
            self.bay.set_sink(
                SetSink(
                    sink,
                    transport.transport,
                    Kind.VIDEO,
                    Ssrc(1000 + number),
                    ((Codec.H261, H261),),
                    90_000,
                )
            )
            self.bay.want(sink, first)
        self.bay.flush(time.monotonic())

    def _transport(self, port: int, line: AccessLine | None) -> OpenTransport:
        command = OpenTransport(
            self.bay.new_transport(), self._socket, self._socket, Address("127.0.0.1", port),
            None, Latch.FIXED, False,
            extensions=Extensions(transport_cc=5) if line else Extensions(),
            line=line.line if line else None,
        )  # fmt: skip
        self.bay.open_transport(command, lambda event: None)
        return command

    def hear(self) -> None:
        """Take feedback as it comes, as the house does."""
        self.estimates.hear(time.monotonic())

    async def run(self, seconds: float) -> None:
        """Tick."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            self.estimates.tick(self.bay.tick(now), now)
            await asyncio.sleep(max(0.0, now + TICK_S - time.monotonic()))


def send(source: socket.socket, port: int, rate: int, stop: threading.Event) -> None:
    """Be the camera, in a process of its own."""
    number = 0
    while not stop.wait(1 / rate):
        number = number + 1 & 0xFFFF
        head = bytes.fromhex("801f") + number.to_bytes(2) + (number * 900).to_bytes(4)
        source.sendto(head + bytes(4) + bytes([0, 0, 0, 0, 0, 1]) + bytes(BYTES - 18),
                      ("127.0.0.1", port))  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="control cost of many browsers")
    parser.add_argument("--browsers", type=int, default=200)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--sending", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--profile", type=Path)
    asked = parser.parse_args()
    with noted(), tempfile.TemporaryDirectory() as name:
        build(Path(name))
        words = [f"{name}/browsers", *map(str, (asked.browsers, asked.seconds, asked.sending))]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as browsers:
            assert browsers.stdin
            assert browsers.stdout
            source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            source.bind(("127.0.0.1", 0))
            ports = list(map(int, browsers.stdout.readline().split()))
            python_s, engine_s, events = uvloop.run(play(ports, source, browsers, asked))
            counts = map(int, browsers.stdout.readline().split())
            packets, feedbacks, reports, sent, answers = counts
    span = asked.seconds
    print(
        f"{asked.browsers} browsers: {packets / span:.0f} packets, {feedbacks / span:.0f} feedback"
        f" messages and {reports / span:.0f} reports a second; lost events {events}"
    )
    print(f"they sent {sent / span:.0f} packets, and heard {answers / span:.0f} messages on those")
    print(f"Python {python_s / span:.1%} of a core (aim {AIM:.0%}), engine {engine_s / span:.1%}")


async def play(
    ports: list[int],
    source: socket.socket,
    browsers: "subprocess.Popen[str]",
    asked: argparse.Namespace,
) -> tuple[float, float, int]:
    """Let everybody run; return CPU seconds of Python and engine, and lost events."""
    server = Server(ports, source, sending=asked.sending > 0)
    camera = os.fork()
    if camera == 0:
        send(source, server.port, asked.rate, threading.Event())
    try:
        assert browsers.stdin
        browsers.stdin.write(f"{server.port}\n")
        browsers.stdin.flush()
        mine = threading.get_native_id()
        others = [int(each.name) for each in Path("/proc/self/task").iterdir()]
        before = {each: cpu_ns(each) for each in others}
        profile = cProfile.Profile()
        if asked.profile:
            profile.enable()
        await server.run(asked.seconds)
        if asked.profile:
            profile.disable()
            profile.dump_stats(asked.profile)
        spent = {each: (cpu_ns(each) - before[each]) / 1e9 for each in others}
        lost = server.engine.snapshot().engine.events_lost
        server.engine.close()
        return spent.pop(mine), sum(spent.values()), lost
    finally:
        os.kill(camera, 9)
        os.waitpid(camera, 0)


if __name__ == "__main__":
    main()
