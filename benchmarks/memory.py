"""What a route takes, and whether memory stays where it is while people come and go.

An engine of its own process.  A source has 200 receivers, encrypted, with RTX, and is sent so much
that the engine's own rooms for packets are full, its history of 512 packets among them; then 200
more, each sent 1.2 s of 2 Mbit/s; then 200 transports alone.  A route is what the second step grew
by less the third.  After that 40 receivers at a time come and go, with packets in between, for as
long as asked; the resident size is told at the start, after a tenth of that, and at the end.

    python -m benchmarks.memory [--seconds 20]        30 minutes by hand: --seconds 1800
"""

import argparse
import socket
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.engine_server import SOCKET, room
from sfu.media.engine.command import (
    CloseTransport,
    Command,
    OpenSocket,
    OpenTransport,
    SetKeys,
    SetRoute,
    SetSink,
)
from sfu.model import SinkId, SourceId, TransportId
from sfu.shell.engine import Engine

ROUTES, CROWD = 200, 40
PACKETS, BYTES = 270, 1100
AIM_BYTES = 2048
PAGE = 4096


def resident() -> int:
    """Return the bytes this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


class Scene:
    """One source that sends, and receivers nobody reads."""

    def __init__(self) -> None:
        """Open the engine and its port."""
        self.engine = Engine(1)
        shared, self.source = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (shared, self.source):
            each.bind(("127.0.0.1", 0))
        self.source.connect(shared.getsockname())
        # receivers behind a port that takes nothing: what is sent there ends in the kernel
        self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.bind(("127.0.0.1", 0))
        self.engine.apply(OpenSocket(SOCKET, shared.detach()))
        self.sequence = 0

    def open(self, number: int, receivers: int, *, routed: bool = True) -> None:
        """Open a room; sinks all share the address that takes nothing."""
        source = self.sink if number in (2, 3) else self.source  # those have none of their own
        ports = [source.getsockname()[1], *[self.sink.getsockname()[1]] * receivers]
        for command in room(number, "gcm", ports):
            if isinstance(command, SetKeys) and not command.sending:
                continue  # the source comes in the clear
            if not routed and isinstance(command, SetSink | SetRoute):
                continue
            self.engine.apply(_changed(command, number))

    def close(self, number: int, receivers: int) -> None:
        """Close all of a room."""
        for place in range(receivers + 1):
            self.engine.apply(CloseTransport(TransportId(1000 * number + place)))

    def play(self, packets: int, gap_s: float = 0.0005) -> None:
        """Send some packets of the source, slowly enough to be forwarded."""
        for _ in range(packets):
            self.sequence = self.sequence + 1 & 0xFFFF
            head = bytes.fromhex("801f") + self.sequence.to_bytes(2) + bytes(8)
            self.source.send(head + bytes([0, 0, 0, 0, 0, 1]) + bytes(BYTES - 18))
            if gap_s:
                time.sleep(gap_s)


def _changed(command: Command, number: int) -> Command:
    """Let the source come in the clear, and the second room watch the first one's."""
    match command:
        case OpenTransport(transport) if transport == 1000 * number:
            return replace(command, secure=False, group=0)
        case OpenTransport():
            return replace(command, group=0)
        case SetRoute() if number == 2:
            return replace(command, source=SourceId(1000))
        case _:
            return command


def by_route() -> float:
    """Return the bytes a route takes beside its transport."""
    scene = Scene()
    scene.open(1, ROUTES)
    for _ in range(20):
        scene.play(100, 0)
        time.sleep(0.1)
    sizes = [resident()]
    for number in (2, 3):
        scene.open(number, ROUTES, routed=number == 2)
        scene.play(PACKETS, 0.003)
        time.sleep(0.2)
        sizes.append(resident())
    assert scene.engine.snapshot().sinks[SinkId(2001)].packets >= PACKETS
    scene.engine.close()
    return (sizes[1] - sizes[0] - (sizes[2] - sizes[1])) / ROUTES


def coming_and_going(seconds: float) -> tuple[int, list[tuple[float, int]]]:
    """Let receivers come and go; return how often, and how large the memory was when.

    Three marks and no list of all: that would be the growth we look for.
    """
    scene, times, number = Scene(), 0, 0
    marks = [(0.0, 0)] * 3
    began = time.monotonic()
    while (at := time.monotonic() - began) < seconds:
        number = number % 1000 + 4
        scene.open(number, CROWD)
        scene.play(20)
        scene.close(number, CROWD)
        times += 1
        first = 0 if times == 1 else 1 if at <= seconds / 10 else 2
        marks[first:] = [(at, resident())] * (3 - first)
    scene.engine.close()
    return times, marks


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="memory of routes")
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    route = by_route()
    print(f"a route with its keys' state, {PACKETS} packets old: {route:.0f} B (aim {AIM_BYTES})")
    times, marks = coming_and_going(asked.seconds)
    words = ", ".join(f"{size / 1e6:.2f} MB at {at:.0f} s" for at, size in marks)
    print(f"{times} times {CROWD} came and went: {words}")


if __name__ == "__main__":
    main()
