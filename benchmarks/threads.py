"""What a second thread costs, and what it brings: two rooms on one engine.

Two rooms of one source and 32 receivers, AES-128-GCM, pictures of eight packets, a driver for each;
the engine with one thread and with two, in turns, medians.  Behind one port (browsers) one thread
reads it, so every packet of the second room is handed over; behind two (room codecs) none is.

A picture leaves its driver in one call.  Where an engine's thread shares the driver's core, packets
sent one by one would each wake it, and stop the driver: how often that happens is up to the
scheduler, and was most of what this told.

    python -m benchmarks.threads [--rounds 15] [--seconds 0.7]

*Cost* is paced, a picture each 3 ms in each room: two drivers and the engine then leave both cores
of a small machine some air, and what is compared is the engine's work and no waiting for a core.
Beside it stand two engines of one thread each, which share nothing but the machine: where drivers
and threads share cores, what those cost more than one engine is the cores' caches and no lock.
*Throughput* is a closed loop, and judged where four cores are at hand, two for the engine and two
for the drivers; on fewer it is shown.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child import cpu_us, pinned
from benchmarks.engine_server import KEYS
from benchmarks.forward import spelled
from benchmarks.machine import build, noted

SINKS, BYTES, BURST, PICTURE_US = 32, 1088, "8+", 3000
ROUNDS, SECONDS = 15, 0.7
NOBODY = "9,9"
AIM_COST, AIM_THROUGHPUT, ENOUGH_CORES = 1.10, 1.8, 4


@dataclass(frozen=True, slots=True)
class Setting:
    """One engine and how it is driven."""

    ports: int
    threads: int
    gap_us: int
    """Between two pictures of a room; 0 for a closed loop."""
    apart: bool = False
    """An engine for each room."""

    @property
    def name(self) -> str:
        """Say it as the table does."""
        engines = "apart" if self.apart else f"{self.threads} thread{'s' * (self.threads > 1)}"
        loop = "paced" if self.gap_us else "closed"
        return f"{loop:8}{self.ports:5}  {engines:10}"


@dataclass(frozen=True, slots=True)
class Run:
    """Both rooms together."""

    us_per_packet: float
    packets_per_s: float
    lost: int


def measure(
    directory: Path, setting: Setting, seconds: float, engine: str, drivers: list[str]
) -> Run:
    """Drive two rooms at once."""
    with ExitStack() as stack:
        running: list[subprocess.Popen[str]] = []
        rooms: list[str] = []
        words = [SINKS, BYTES, BURST, setting.gap_us, seconds]
        for core in drivers:
            driver = stack.enter_context(pinned([str(directory / "drive"), *map(str, words)], core))
            assert driver.stdout
            rooms.append(",".join(driver.stdout.readline().split()))
            running.append(driver)
        servers: list[int] = []
        opened: list[int] = []
        # an engine of one room has it behind a line: a second one, of nobody, leaves them alike
        for shared in ([room, NOBODY] for room in rooms) if setting.apart else [rooms]:
            command = [sys.executable, "-m", "benchmarks.engine_server", "gcm"]
            command += [str(setting.threads), str(setting.ports // (1 + setting.apart)), *shared]
            server = stack.enter_context(pinned(command, engine))
            assert server.stdout
            opened += map(int, server.stdout.readline().split())
            servers.append(server.pid)
        before, began = sum(map(cpu_us, servers)), time.monotonic()
        key = spelled(KEYS["gcm"])
        for place, driver in enumerate(running):
            print(opened[place % setting.ports], key, key, file=driver.stdin, flush=True)
        packets = lost = 0
        for driver in running:
            assert driver.stdout
            got, missed, *_ = map(int, driver.stdout.readline().split())
            packets, lost = packets + got, lost + missed
        took_s = time.monotonic() - began
        spent_us = sum(map(cpu_us, servers)) - before
        return Run(spent_us / packets, packets / took_s, lost)


def show(setting: Setting, runs: Sequence[Run]) -> None:
    """Print a line of the table."""
    costs = sorted(run.us_per_packet for run in runs)
    rate = statistics.median(run.packets_per_s for run in runs)
    print(
        f"{setting.name}{statistics.median(costs):11.2f}  {costs[0]:5.2f}-{costs[-1]:<6.2f}"
        f"{rate:10,.0f}{sum(run.lost for run in runs):6}"
    )


def ratios(runs: dict[Setting, list[Run]], two: Setting, one: Setting, what: str) -> list[float]:
    """Return what one setting has to another, by rounds, in order."""
    pairs = zip(runs[two], runs[one], strict=True)
    return sorted(getattr(after, what) / getattr(before, what) for after, before in pairs)


def verdict(ports: int, runs: dict[Setting, list[Run]], *, wide: bool) -> None:
    """Print what the second thread costs and brings, as the median of the rounds' ratios."""
    one, two = (Setting(ports, threads, PICTURE_US) for threads in (1, 2))
    costs, cost = ratios(runs, two, one, "us_per_packet"), "us_per_packet"
    apart = statistics.median(ratios(runs, two, Setting(2, 1, PICTURE_US, apart=True), cost))
    fast = ratios(runs, Setting(ports, 2, 0), Setting(ports, 1, 0), "packets_per_s")
    most, rate = statistics.median(costs), statistics.median(fast)
    met = "met" if most <= AIM_COST else "MISSED"
    judged = ("met" if rate >= AIM_THROUGHPUT else "MISSED") if wide else "not judged here"
    print(
        f"{ports} port(s): two threads to one, cost {most:.2f} ({costs[0]:.2f}-{costs[-1]:.2f};"
        f" aim {AIM_COST}: {met}), to two engines apart {apart:.2f};"
        f" throughput {rate:.2f} (aim {AIM_THROUGHPUT}: {judged})"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU and throughput of two engine threads")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args()
    cores = os.cpu_count() or 1
    wide = cores >= ENOUGH_CORES
    engine, drivers = ("0,1", ["2", "3"]) if wide else ("0-1", ["0-1", "0-1"])
    systems = [(1, 1, False), (1, 2, False), (2, 1, False), (2, 2, False), (2, 1, True)]
    runs: dict[Setting, list[Run]] = {
        Setting(ports, threads, gap_us, apart): []
        for gap_us in (PICTURE_US, 0) for ports, threads, apart in systems
    }  # fmt: skip
    with noted(), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        build(directory)
        for _ in range(asked.rounds):
            for setting, found in runs.items():
                found.append(measure(directory, setting, asked.seconds, engine, drivers))
    print("        ports  engine      us/packet  spread       packets/s  lost")
    for setting, found in runs.items():
        show(setting, found)
    for ports in (1, 2):
        verdict(ports, runs, wide=wide)
    if not wide:
        print(f"{cores} cores: drivers and engine share them in the closed loop; aims want more")


if __name__ == "__main__":
    main()
