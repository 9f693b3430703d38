"""CPU per forwarded packet against a bare C loop, and what forwarding adds in time.

Server and generator are pinned to a core each; closed loop, bursts of eight packets of 1,100 B;
CPU by schedstat of all threads of the server over the packets the sinks got; rounds interleaved,
medians.  Times are the driver's, from the burst's first send; `own` is the engine's histogram.
``python -m benchmarks.forward`` prints the table.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from benchmarks.machine import build, noted

HERE = Path(__file__).parent
ROOT = HERE.parent
KEY, SALT = b"bench master key", b"bench  salt\0"
SERVER_CORE, DRIVER_CORE = 0, 1
ROUNDS, SECONDS = 3, 1.5
PAYLOAD_BYTES, BURST = 1088, 8
AIM = 1.25
H261 = 31


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    us_per_packet: float
    lost: int
    p50_us: int
    p99_us: int
    own: tuple[int, ...] = ()
    """The engine's own histogram: packets by time from the receive stamp to after the send call."""


def serve(mode: str, history: int, source_port: int, *ports: int) -> None:
    """Be the server under test: this process does nothing but wait for its engine."""
    from sfu.media.engine.command import OpenSocket, OpenTransport, SetKeys, SetRoute, SetSink
    from sfu.media.engine.command import SetSource as Source
    from sfu.model import (
        Address,
        Codec,
        Keys,
        Kind,
        Latch,
        SinkId,
        SocketId,
        SourceId,
        SrtpSuite,
        Ssrc,
        TransportId,
    )
    from sfu.shell.engine import Engine

    engine = Engine()
    shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    shared.bind(("127.0.0.1", 0))
    port = shared.getsockname()[1]
    engine.apply(OpenSocket(SocketId(1), shared.detach()))
    secure = mode == "gcm"
    keys = Keys(SrtpSuite.AEAD_AES_128_GCM, KEY, SALT)
    for number, remote in enumerate((source_port, *ports), 1):
        transport = TransportId(number)
        engine.apply(
            OpenTransport(
                transport,
                SocketId(1),
                SocketId(1),
                Address("127.0.0.1", remote),
                None,
                Latch.FIXED,
                secure,
            )
        )
        if secure:
            engine.apply(SetKeys(transport, number > 1, keys))
    payloads = ((H261, Codec.H261),)
    source = Source(SourceId(1), TransportId(1), Kind.VIDEO, None, payloads, 90_000)
    engine.apply(source)
    for number in range(2, len(ports) + 2):
        sink = SetSink(
            SinkId(number),
            TransportId(number),
            Kind.VIDEO,
            Ssrc(1000 + number),
            ((Codec.H261, H261),),
            90_000,
            history=history,
        )
        engine.apply(sink, SetRoute(sink.sink, source.source))
    print(port, flush=True)
    sys.stdin.read()
    print(*engine.snapshot().engine.latency_counts, flush=True)
    engine.close()


@contextmanager
def running(command: list[str], core: int) -> Iterator[subprocess.Popen[str]]:
    pinned = ["taskset", "-c", str(core), *command]
    process = subprocess.Popen(
        pinned, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def cpu_us(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1000


def measure(server: list[str], directory: Path, mode: str, sinks: int, gap_us: int) -> Result:
    seconds = SECONDS if gap_us == 0 else 2 * SECONDS
    drive = [str(directory / "drive"), mode, str(sinks), str(PAYLOAD_BYTES), str(BURST)]
    with running([*drive, str(gap_us), str(seconds)], DRIVER_CORE) as driver:
        assert driver.stdin
        assert driver.stdout
        ports = driver.stdout.readline().split()
        with running([*server, *ports], SERVER_CORE) as process:
            assert process.stdout
            port = process.stdout.readline()
            before = cpu_us(process.pid)
            driver.stdin.write(port)
            driver.stdin.flush()
            packets, lost, p50, p99 = map(int, driver.stdout.readline().split())
            took_us = cpu_us(process.pid) - before
            own: tuple[int, ...] = ()
            if server[0] == sys.executable:
                out, _ = process.communicate(timeout=10)
                own = tuple(map(int, out.split()))
            return Result(took_us / packets, lost, p50, p99, own)


def engine_command(mode: str, history: int = 0) -> list[str]:
    return [sys.executable, "-m", "benchmarks.forward", "serve", mode, str(history)]


def bare_command(directory: Path, mode: str) -> list[str]:
    # it has no use for the source's port, which comes first
    script = 'program=$0; mode=$1; shift 2; exec "$program" "$mode" "$@"'
    return ["sh", "-c", script, str(directory / "bare"), mode]


def median(results: list[Result]) -> Result:
    return Result(
        statistics.median(it.us_per_packet for it in results),
        sum(it.lost for it in results),
        int(statistics.median(it.p50_us for it in results)),
        int(statistics.median(it.p99_us for it in results)),
        tuple(map(sum, zip(*(it.own for it in results), strict=True))),
    )


def compare(directory: Path, mode: str, sinks: int, gap_us: int, history: int) -> float:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(measure(engine_command(mode, history), directory, mode, sinks, gap_us))
        theirs.append(measure(bare_command(directory, mode), directory, mode, sinks, gap_us))
    engine, bare = median(ours), median(theirs)
    ratio = engine.us_per_packet / bare.us_per_packet
    print(
        f"{mode:5} {sinks:5} {history:7} {engine.us_per_packet:9.2f} {bare.us_per_packet:7.2f}"
        f" {ratio:6.2f} {engine.p50_us:6}/{engine.p99_us:<6} {bare.p50_us:6}/{bare.p99_us:<6}"
        f" {engine.lost:6}/{bare.lost:<6} {within(engine.own)}",
        flush=True,
    )
    return ratio


def within(counts: tuple[int, ...]) -> str:
    """Say which buckets hold the median and the 99th percentile, by their upper bounds."""
    from sfu.media.engine.snapshot import LATENCY_BUCKETS_US

    bounds = [*map(str, LATENCY_BUCKETS_US), "more"]
    sums = list(accumulate(counts))
    places = [bisect_left(sums, part * sums[-1]) for part in (0.5, 0.99)]
    return "/".join(bounds[place] for place in places)


def main() -> None:
    head = (
        "mode  sinks history engine us bare us  ratio  engine p50/p99  bare p50/p99"
        "   lost ours/bare  own p50/p99 <"
    )
    with noted(), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        build(directory)
        print(f"Closed loop, bursts of {BURST} x {PAYLOAD_BYTES + 12} B, us CPU per packet\n{head}")
        aimed = 0.0
        for mode in ("plain", "gcm"):
            for sinks in (1, 8, 32):
                aimed = compare(directory, mode, sinks, 0, 0)
        print(f"gcm to 32 sinks: {aimed:.2f} x the bare loop (aim {AIM})")
        compare(directory, "gcm", 32, 0, 512)
        print(f"\nPaced, 100 bursts of {BURST} a second, times from send to receive\n{head}")
        for participants in (4, 16):
            compare(directory, "gcm", participants - 1, 10_000, 512)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        os.environ.pop("PYTHONPATH", None)
        serve(sys.argv[2], int(sys.argv[3]), *map(int, sys.argv[4:]))
    else:
        main()
