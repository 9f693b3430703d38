"""What a second thread costs, and what it brings: two rooms on one engine.

Two rooms of one source and 32 receivers, AES-128-GCM, pictures of eight packets, a driver for each;
the engine with one thread and with two, in turns, medians.  Behind one port (browsers) one thread
reads it, so every packet of the second room is handed over; behind two (room codecs) none is.

    python -m benchmarks.threads [--rounds 5] [--seconds 1.5]

CPU per packet counts on any machine; throughput where four cores are at hand, two for the engine
and two for the drivers.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child import cpu_us, pinned
from benchmarks.machine import build, noted

SINKS, BYTES, BURST = 32, 1088, 8
AIM_COST, AIM_THROUGHPUT, ENOUGH_CORES = 1.10, 1.8, 4
KEY, SALT = b"bench master key".hex(), b"bench  salt\0".hex()


@dataclass(frozen=True, slots=True)
class Run:
    """Both rooms together."""

    us_per_packet: float
    packets_per_s: float
    lost: int


def measure(
    directory: Path, threads: int, ports: int, seconds: float, engine: str, drivers: list[str]
) -> Run:
    """Drive two rooms at once."""
    with ExitStack() as stack:
        running: list[subprocess.Popen[str]] = []
        rooms: list[str] = []
        words = ["gcm", SINKS, BYTES, BURST, 0, seconds]
        for core in drivers:
            driver = stack.enter_context(pinned([str(directory / "drive"), *map(str, words)], core))
            assert driver.stdout
            rooms.append(",".join(driver.stdout.readline().split()))
            running.append(driver)
        command = [sys.executable, "-m", "benchmarks.engine_server", "gcm"]
        command += [str(threads), str(ports), *rooms]
        server = stack.enter_context(pinned(command, engine))
        assert server.stdout
        opened = list(map(int, server.stdout.readline().split()))
        before, began = cpu_us(server.pid), time.monotonic()
        for place, driver in enumerate(running):
            assert driver.stdin
            driver.stdin.write(f"{opened[place % ports]} {KEY} {SALT}\n")
            driver.stdin.flush()
        packets = lost = 0
        for driver in running:
            assert driver.stdout
            got, missed, *_ = map(int, driver.stdout.readline().split())
            packets, lost = packets + got, lost + missed
        took_s = time.monotonic() - began
        return Run((cpu_us(server.pid) - before) / packets, packets / took_s, lost)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU and throughput of two engine threads")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    asked = parser.parse_args()
    cores = os.cpu_count() or 1
    wide = cores >= ENOUGH_CORES
    engine, drivers = ("0,1", ["2", "3"]) if wide else ("0-1", ["0-1", "0-1"])
    systems = [(ports, threads) for ports in (1, 2) for threads in (1, 2)]
    runs: dict[tuple[int, int], list[Run]] = {system: [] for system in systems}
    with noted(), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        build(directory)
        for _ in range(asked.rounds):
            for (ports, threads), found in runs.items():
                found.append(measure(directory, threads, ports, asked.seconds, engine, drivers))
    print("ports  threads  us/packet  packets/s  lost")
    costs, rates = {}, {}
    for system, found in runs.items():
        costs[system] = statistics.median(run.us_per_packet for run in found)
        rates[system] = statistics.median(run.packets_per_s for run in found)
        lost = sum(run.lost for run in found)
        print(f"{system[0]:5}{system[1]:9}{costs[system]:11.2f}{rates[system]:11.0f}{lost:6}")
    for ports in (1, 2):
        cost, rate = (each[ports, 2] / each[ports, 1] for each in (costs, rates))
        print(
            f"{ports} port(s): two threads to one, cost {cost:.2f} (aim {AIM_COST}),"
            f" throughput {rate:.2f}" + (f" (aim {AIM_THROUGHPUT})" if wide else "")
        )
    if not wide:
        print(f"{cores} cores: drivers and engine share them, so throughput says little here")


if __name__ == "__main__":
    main()
